"""How large the house of row 10 grows: by an evening's patience, or in full."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Numbers of rows that are compared with a few."""

    courses: tuple[int, ...]
    enrollments: int
    leases: tuple[int, ...]


def _numbers(name: str, default: str) -> tuple[int, ...]:
    return tuple(map(int, (os.environ.get(name) or default).split()))


def sizes(*, full: bool) -> Sizes:
    """Return the sizes; variables of the environment say other ones.

    In full it takes a quarter of an hour and 10 GB of disk.
    """
    return Sizes(
        courses=_numbers("BENCH_COURSES", "100000 1000000" if full else "10000 100000"),
        enrollments=_numbers("BENCH_ENROLLMENTS", "5000000" if full else "1000000")[0],
        leases=_numbers("BENCH_LEASES", "10000 100000"),
    )
