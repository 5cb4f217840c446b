"""`python -m tests.bench [row ...]`: measure some rows, or all, and write the document."""

import argparse
import os
import sys
from collections.abc import Callable, Collection

from tests.bench import (
    crowds,
    films,
    first_load,
    front,
    growth,
    observed,
    report,
    rounds,
    rows,
    rush,
    supervised,
    uploads,
)
from tests.bench.load import LoadError
from tests.bench.site import running_site
from tests.bench.sizes import Sizes, sizes
from tests.support.postgres import PostgresUnavailable

ALL_ROWS = frozenset(range(1, 16))
ON_THE_SITE = frozenset({*range(2, 10), 11, 15})


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _row(text: str) -> int:
    if not text.isdigit() or int(text) not in ALL_ROWS:
        raise argparse.ArgumentTypeError(f"{text} is none of the rows 1 to 15")
    return int(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./setup.sh bench", description=__doc__)
    parser.add_argument("rows", nargs="*", type=_row, metavar="row", help="1 to 15; all by default")
    parser.add_argument("--rounds", type=int, default=rounds.ROUNDS)
    parser.add_argument("--full", action="store_true", help="row 10 with millions of rows")
    return parser.parse_args()


def _measure(
    wanted: Collection[int], count: int, large: Sizes
) -> tuple[list[rows.Goal], rounds.Results]:
    """Measure each row that is wanted, one after the other."""
    goals: list[rows.Goal] = []
    results: rounds.Results = {}
    by_themselves: dict[int, tuple[Callable[[], list[rows.Goal]], ...]] = {
        1: (lambda: front.measure(_say, count),),
        10: (
            lambda: growth.measure(_say, large.courses, count),
            lambda: crowds.measure(_say, large, count),
        ),
        12: (lambda: first_load.measure(_say, count),),
        13: (lambda: films.measure(_say),),
        14: (lambda: uploads.measure(_say),),
    }
    for row in sorted(set(wanted) & set(by_themselves)):
        for measure in by_themselves[row]:
            goals += measure()
    asked = set(wanted) & ON_THE_SITE
    if asked:
        with running_site() as site:
            if scenarios := rows.scenarios_of(asked):
                results = rounds.run(site, scenarios, _say, count)
                goals += rows.goals(results, asked)
            goals += supervised.measure(site, asked & {8, 9}, _say) if asked & {8, 9} else []
            goals += rush.measure(site, _say, count) if 11 in asked else []
            goals += observed.measure(site, _say, count) if 15 in asked else []
    return goals, results


def main() -> int:
    """Measure what was asked for; return 0 also when goals are missed: the table says so."""
    arguments = _arguments()
    wanted = set(arguments.rows) or set(ALL_ROWS)
    load_before = os.getloadavg()[0]
    try:
        goals, results = _measure(wanted, arguments.rounds, sizes(full=arguments.full))
    except (LoadError, PostgresUnavailable) as error:
        _say(f"bench: {error}")
        return 1
    print(report.table(goals), "", report.figures(results), sep="\n")
    if arguments.rounds >= rounds.ROUNDS:
        report.write(goals, results, wanted, load_before)
        _say(f"Wrote {report.DOCUMENT.name}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
