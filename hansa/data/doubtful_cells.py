"""Cells that keep a column of a raw table from being read as the numbers or dates that it seems to hold."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from hansa.data import cells
from hansa.data.cells import Sheet
from hansa.data.profile import MOST_VALUES, Profile

_THOUSANDS = re.compile(r"[+-]?\d{1,3}([.,' \u00a0]\d{3})+([.,]\d+)?")
_NO_ISO_DATE = re.compile(r"(\d{1,2}([-/.])\d{1,2}\2(\d{4}|\d{2})|\d{4}[/.]\d{1,2}[/.]\d{1,2})([ T].*)?")


def doubtful_cells(sheet: Sheet, profiles: Iterable[Profile]) -> dict[str, str]:
    """Return column to one sentence on its first cell at fault, for columns that seem numbers or dates."""
    found = {one.name: _doubt(sheet, one) for one in profiles if one.kind in ("mixed", "text")}
    return {name: sentence for name, sentence in found.items() if sentence}


def _doubt(sheet: Sheet, one: Profile) -> str:
    column = sheet.frame[one.name]
    if cells.is_stamped(column) or _NO_ISO_DATE.fullmatch(one.listed[0]):
        fault, do = "which is not an ISO date", "write dates like 2024-01-31 to use it"
        bad = cells.parsed_times(column)[1]
    else:
        fault, do = "which is not a number", "correct such cells to use the column as numbers"
        values, bad = cells.parsed_numbers(column)
        bad = np.union1d(bad, np.flatnonzero(np.isinf(values)))
        if one.kind == "text" and not _seems_numbers(one):
            return ""
    cell = cells.shown(column.iloc[int(bad[0])])
    if _THOUSANDS.fullmatch(cell):
        do = "write numbers without marks between thousands and with a decimal point"
    return f'column "{one.name}" holds "{cell}" ({sheet.place(int(bad[0]))}), {fault}: {do}'


def _seems_numbers(one: Profile) -> bool:
    """Return whether most texts of a column are numbers, some with marks, or too many for a category."""
    marked = sum(_THOUSANDS.fullmatch(text) is not None and not cells.is_number(text) for text in one.listed)
    numbers = marked + sum(cells.is_number(text) for text in one.listed)
    return 2 * numbers > len(one.listed) and (marked > 0 or one.distinct > MOST_VALUES)
