"""Labels: failures and censoring against a loop over assets, and the split that needs the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.errors import DataError
from hansa.data.fleet import Fleet
from hansa.data.labels import (
    failure_of_asset,
    first_crossing,
    refuse_negative,
    remaining_until,
    split_test,
)
from hansa.data.labels import (
    test_assets as assets_of_the_test,
)


def place(position: int) -> str:
    return f"t.csv, line {position + 2}"


def fleet(rows_per_asset: int, known: list[bool]) -> Fleet:
    asset = np.repeat(np.arange(len(known), dtype=np.int32), rows_per_asset)
    time = np.tile(np.arange(rows_per_asset, dtype=float), len(known))
    remaining = np.where(np.array(known)[asset], rows_per_asset - time, np.nan)
    names = tuple(f"asset {i}" for i in range(len(known)))
    return Fleet(names, asset, time, np.zeros((len(asset), 0)), time[:, None], remaining, (), ("s",))


readings = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 9), st.sampled_from([1.0, 2.0, 3.0, np.nan])),
    min_size=1,
    max_size=25,
    unique_by=lambda row: row[:2],
)


@given(readings, st.booleans())
def test_the_first_row_beyond_the_threshold_is_the_failure(
    rows: list[tuple[int, int, float]], above: bool
) -> None:
    asset = np.array([row[0] for row in rows], dtype=np.int32)
    time = np.array([row[1] for row in rows], dtype=float)
    watched = np.array([row[2] for row in rows])
    limits = (None, 2.5) if above else (1.5, None)
    failure = first_crossing(asset, time, watched, *limits)
    for one in range(len(rows)):
        beyond = [t for a, t, x in rows if a == asset[one] and (x > 2.5 if above else x < 1.5)]
        assert failure[one] == min(beyond) if beyond else np.isnan(failure[one])


def test_one_filled_cell_tells_for_all_rows_of_its_asset_and_only_for_them() -> None:
    asset = np.array([0, 1, 0, 1], dtype=np.int32)
    stated = np.array([np.nan, np.nan, 9.0, np.nan])
    np.testing.assert_array_equal(
        failure_of_asset(asset, stated, "failed", place), [9.0, np.nan, 9.0, np.nan]
    )


def test_two_times_of_failure_of_one_asset_are_refused() -> None:
    asset = np.array([0, 0, 0], dtype=np.int32)
    with pytest.raises(DataError, match=r't.csv, line 4: column "failed" states another time'):
        failure_of_asset(asset, np.array([9.0, np.nan, 8.0]), "failed", place)


def test_an_asset_that_has_not_failed_has_no_remaining_life_not_zero() -> None:
    remaining = remaining_until(np.array([5.0, np.nan]), np.array([5.0, 5.0]), place)
    np.testing.assert_array_equal(remaining, [0.0, np.nan])


def test_a_row_after_the_failure_is_refused() -> None:
    with pytest.raises(DataError, match=r"t.csv, line 3: the row was recorded after its asset failed"):
        remaining_until(np.array([5.0, 5.0]), np.array([5.0, 6.0]), place)


def test_a_negative_remaining_life_is_refused() -> None:
    with pytest.raises(DataError, match=r't.csv, line 3: column "rul" holds a remaining life below zero'):
        refuse_negative(np.array([0.0, -1.0]), "rul", place)


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.floats(0, 1), st.integers(0, 2**32))
def test_the_split_keeps_assets_whole_and_judges_known_ones_only(
    known: list[bool], share: float, seed: int
) -> None:
    whole = fleet(3, known)
    if sum(known) < 2:
        with pytest.raises(DataError, match="have a known remaining life"):
            split_test(whole, share, np.random.default_rng(seed))
        return
    train, test = split_test(whole, share, np.random.default_rng(seed))
    assert sorted(train.asset_names + test.asset_names) == sorted(whole.asset_names)
    assert train.rows + test.rows == whole.rows
    assert not np.isnan(test.remaining).any()
    assert len(test.asset_names) == min(max(1, round(share * len(known))), sum(known) - 1)
    assert np.isfinite(train.remaining).any()


def test_the_same_generator_splits_the_same_way_and_another_does_not() -> None:
    whole = fleet(2, [True] * 30)
    names = [split_test(whole, 0.3, np.random.default_rng(seed))[1].asset_names for seed in (1, 1, 2)]
    assert names[0] == names[1] != names[2]


def test_the_assets_of_the_test_are_those_that_a_table_in_memory_would_lose() -> None:
    own = fleet(3, [True, False, True, True, True, False, True])
    known = np.array([True, False, True, True, True, False, True])
    drawn = assets_of_the_test(known, 0.4, np.random.default_rng(2))
    _, test = split_test(own, 0.4, np.random.default_rng(2))
    assert {own.asset_names[asset] for asset in drawn} == set(test.asset_names)
