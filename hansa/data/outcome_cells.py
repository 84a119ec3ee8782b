"""The cells of a target of failures: one kind says that an asset failed, one other that it did not.

A misspelt cell would be a good asset if any other cell were, so a third kind is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hansa.core.errors import DataError
from hansa.data import cells
from hansa.data.cells import Sheet
from hansa.data.fleet import Floats
from hansa.data.readings import FILL

_LISTED = 8  # kinds in one sentence


@dataclass(slots=True)
class OutcomeCells:
    """What the target's cells were so far, over the pieces of one table."""

    failed: str  # the cell that says that an asset failed
    _seen: bool = False  # whether a cell says so
    _others: dict[str, tuple[str, str]] = field(default_factory=dict)  # by kind: a cell, and its place

    def read(self, sheet: Sheet, name: str) -> Floats:
        """Return (rows,) 1 where the cell says that the asset failed, else 0; name: the file's column.

        Raises DataError naming the first cell of a third kind, or an empty one.
        """
        codes, texts = cells.coded_texts(sheet.frame[name])  # (rows,), (different,)
        present = np.array([text is not None for text in texts] + [False])  # (different + 1,)
        cells.refuse_missing(sheet, name, present[codes], FILL)
        kinds = {text: _kind(text) for text in texts if text is not None}
        wanted = _kind(self.failed)
        for number, text in enumerate(texts):  # in the order of the rows
            kind = "" if text is None else kinds[text]
            if text is None or kind == wanted or kind in self._others or len(self._others) == _LISTED:
                continue
            self._others[kind] = text, sheet.place(int(np.argmax(codes == number)))
        says = np.array([kinds.get(text or "") == wanted for text in texts] + [False])  # (different + 1,)
        self._seen |= bool(says.any())
        self._refuse_third(name)
        return says[codes].astype(np.float64)

    def refuse_none(self, name: str, where: str) -> None:
        """Raise DataError where no cell of the whole table says that an asset failed."""
        if self._seen:
            return
        found = ", ".join(cells.shown(text) for text, _ in self._others.values())
        more = ", ..." if len(self._others) == _LISTED else ""
        raise DataError(
            f'no cell of column "{name}" says "{self.failed}"; found: {found}{more}',
            do="write under [label] which cell says that an asset failed, or add assets that failed",
            where=where,
        )

    def _refuse_third(self, name: str) -> None:
        if not self._seen or len(self._others) < 2:
            return
        (good, _), (third, place), *_ = self._others.values()
        raise DataError(
            f'column "{name}" holds "{cells.shown(third)}", a third kind of cell beside '
            f'"{self.failed}" and "{cells.shown(good)}"',
            do="correct the cell, or write all assets that did not fail alike",
            where=place,
        )


def _kind(cell: str) -> str:
    """Return what cells of one kind share: a number is one however it is written (1.0 for 1)."""
    try:
        return repr(float(cell))
    except ValueError:
        return cell
