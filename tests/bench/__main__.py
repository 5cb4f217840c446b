"""`python -m tests.bench [row ...]`: measure some rows, or all and write the document."""

import argparse
import os
import sys

from tests.bench import films, growth, report, rounds, rows, supervised, uploads
from tests.bench.load import LoadError
from tests.bench.site import running_site
from tests.support.postgres import PostgresUnavailable

ALL_ROWS = frozenset({*range(2, 11), 13, 14})


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _row(text: str) -> int:
    if not text.isdigit() or int(text) not in ALL_ROWS:
        raise argparse.ArgumentTypeError(f"{text} is none of the rows 2 to 10, 13 and 14")
    return int(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./setup.sh bench", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", type=_row, metavar="row", help="2 to 10, 13, 14; all by default"
    )
    parser.add_argument("--rounds", type=int, default=rounds.ROUNDS)
    return parser.parse_args()


def main() -> int:
    """Measure what was asked for; return 0 also when goals are missed: the table says so."""
    arguments = _arguments()
    wanted = set(arguments.rows) or set(ALL_ROWS)
    load_before = os.getloadavg()[0]
    results: rounds.Results = {}
    goals: list[rows.Goal] = []
    try:
        if 13 in wanted:
            goals += films.measure(_say)
        if 14 in wanted:
            goals += uploads.measure(_say)
        with running_site() as site:
            scenarios = rows.scenarios_of(wanted)
            if scenarios:
                results = rounds.run(site, scenarios, _say, arguments.rounds)
                goals += rows.goals(results, wanted)
            if wanted & {8, 9}:
                goals += supervised.measure(site, wanted, _say)
        if 10 in wanted:
            goals += growth.measure(_say, arguments.rounds)
    except (LoadError, PostgresUnavailable) as error:
        _say(f"bench: {error}")
        return 1
    print(report.table(goals), "", report.figures(results), sep="\n")
    if wanted == ALL_ROWS and arguments.rounds >= rounds.ROUNDS:
        report.write(goals, results, load_before)
        _say(f"Wrote {report.DOCUMENT.name}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
