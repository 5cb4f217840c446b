"""Lines of files for spreadsheets, in which nothing a person typed is taken for a formula."""

import csv
import io
from collections.abc import Sequence

FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
CELL_BREAKS = ("\t", "\r", "\n")


def line(cells: Sequence[object]) -> str:
    """Return one line of CSV, each cell quoted; None is an empty one."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow([_harmless(cell) for cell in cells])
    return text.getvalue()


class Number(str):
    """A cell that we wrote ourselves: a number, which may begin with a minus."""

    __slots__ = ()


def decimal(minor: int) -> Number:
    """Return minor units as the plain number that spreadsheets add up."""
    whole, rest = divmod(abs(minor), 100)
    return Number(f"{'-' if minor < 0 else ''}{whole}.{rest:02d}")


def _harmless(cell: object) -> str:
    """Return the cell as text that no spreadsheet takes for a formula."""
    text = "" if cell is None else str(cell)
    if isinstance(cell, Number):
        return text
    is_formula = text.lstrip().startswith(FORMULA_STARTS) or text.startswith(CELL_BREAKS)
    return f"'{text}" if is_formula else text
