"""Which raw columns tell whether an asset failed, or what it was sold for, and which assets they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd

from hansa.core.charter import Column, Label
from hansa.data import cells, column_names
from hansa.data.key_search import Keys, Profiles, time_of
from hansa.data.profile import Profile
from hansa.data.tables import FILE_COLUMN

_CLASSES = 2
_FAILED_WORDS = "1 true yes y fail failed failure defect defective bad broken nok scrap reject"
_FAILED = frozenset(_FAILED_WORDS.split())


def find_outcome_keys(profiles: Profiles, task: str) -> Keys:
    """Return the columns of asset, time and target of a table of failures or prices.

    Rows that repeat no asset need no time: each is then an asset of its own.
    """
    target = _target(profiles, task)
    asset = next(_assets(one for one in profiles.values() if one.name != target), None)
    rows = next(iter(profiles.values())).rows
    index = profiles[asset].codes if asset else np.zeros(rows, np.int64)  # (rows,)
    repeated = asset is not None and profiles[asset].distinct < rows
    others = {name: one for name, one in profiles.items() if name not in (asset, target)}
    time = time_of(others, index, keyed=True) if repeated else None
    return Keys(asset, time, target, None, None, index, int(index.max()) + 1 if asset else 0)


def outcome_faults(keys: Keys, task: str) -> Iterator[str]:
    """Yield what keeps a charter of failures or prices from running."""
    if keys.asset is None:
        yield 'no column tells the assets apart: add one, such as "id", with another cell in each row'
    if keys.target is None and task == "failure":
        yield (
            "no column tells the failures: give one with two kinds of cells, and write under"
            ' [label] failed = "CELL" for the one that says that an asset failed'
        )
    if keys.target is None and task == "price":
        yield "no column tells the price: give one of numbers over 0"
    rows = len(keys.asset_of_row)
    if keys.asset is not None and keys.time is None and keys.assets < rows:
        yield f'"{keys.asset}" repeats in the rows and no column tells their times: give one role = "time"'


def failed_cells(column: pd.Series) -> tuple[str, int]:
    """Return the text of the cells that seem to say that an asset failed, and how many they are.

    It is a word for a failure, else the rarer of the two.
    """
    counts = Counter(text for text in cells.texts(column) if text is not None)
    return min(counts.items(), key=lambda one: (one[0].lower() not in _FAILED, one[1], one[0]))


def failure_label(column: pd.Series) -> tuple[Label, float, str]:
    """Return the label of a column of failures, how often a failed row should count, and what to confirm."""
    cell, count = failed_cells(column)
    told = sum(text is not None for text in cells.texts(column))
    weight = float(f"{(told - count) / count:.2g}")
    note = f'cells "{cell}" of column "{column.name}" ({count} of {told}) are taken for failures'
    return Label(failed=cell), weight, f"{note}: confirm it"


def target_column(one: Profile, task: str) -> Column:
    """Return the target; the range of prices goes from the data to the next round numbers."""
    if task == "failure":
        return Column(one.name, "target")
    low, high = float(np.nanmin(one.values)), float(np.nanmax(one.values))
    return Column(one.name, "target", low=_rounded(low, down=True), high=_rounded(high, down=False))


def _rounded(value: float, *, down: bool) -> float:
    """Return the nearest number of one digit that is not above, or not below."""
    step = 10.0 ** np.floor(np.log10(value))
    steps = np.floor(value / step + 1e-9) if down else np.ceil(value / step - 1e-9)
    return float(f"{steps * step:.1g}") if steps * step < 10 * step else float(10 * step)


def _target(profiles: Profiles, task: str) -> str | None:
    if task == "price":
        prices = sorted(filter(_is_price, profiles.values()), key=lambda one: not one.complete)
        return prices[0].name if prices else None
    two = [one for one in profiles.values() if one.distinct == _CLASSES]
    two.sort(key=lambda one: not one.complete)  # one with empty cells is the target all the same if named so
    rules = (column_names.names_failure, column_names.names_outcome)
    named = [one for rule in rules for one in two if rule(one.name)]
    two = [one for one in two if one.complete]
    texts = [one for one in two if one.kind == "text"]
    return next((found[0].name for found in (named, texts, two) if found), None)


def _is_price(one: Profile) -> bool:
    if not (column_names.names_price(one.name) and one.kind == "number"):
        return False
    return one.distinct > 1 and bool((one.values[~np.isnan(one.values)] > 0).all())


def _assets(profiles: Iterator[Profile]) -> Iterator[str]:
    """Yield the columns that may tell the assets, the likeliest first."""
    possible = [one for one in profiles if one.complete and (one.kind == "text" or one.whole)]
    unique = [one for one in possible if one.distinct == one.rows and one.name != FILE_COLUMN]
    for rule in (column_names.names_asset, column_names.names_identifier):
        for group in (unique, possible):
            yield from (one.name for one in group if rule(one.name))
    yield from (one.name for one in unique)
    yield from (one.name for one in possible if one.name == FILE_COLUMN)
