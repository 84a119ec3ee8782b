"""A fleet keeps its rows and names together whatever is taken out of it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from hansa.data.fleet import joined
from tests.batteries.fleets import fleet

FLEET = replace(fleet([4, 2, 6, 3], censored=[1]), traits={"mode": np.array(["a", "b", "a", "c"])})


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_taking_assets_keeps_their_rows_in_order(wanted: list[int]) -> None:
    taken, kept = FLEET.take_assets(wanted), sorted(set(wanted))
    rows = np.isin(FLEET.asset, kept)
    assert taken.asset_names == tuple(FLEET.asset_names[i] for i in kept)
    assert_array_equal(
        [taken.asset_names[i] for i in taken.asset], [FLEET.asset_names[i] for i in FLEET.asset[rows]]
    )
    for name in ("time", "settings", "sensors", "remaining"):
        assert_array_equal(getattr(taken, name), getattr(FLEET, name)[rows])
    assert_array_equal(taken.traits["mode"], FLEET.traits["mode"][kept])
    assert taken.rows == rows.sum()


def test_taking_no_asset_leaves_an_empty_fleet() -> None:
    nothing = FLEET.take_assets([])
    assert (nothing.rows, nothing.asset_names) == (0, ())
    assert nothing.sensors.shape == (0, 3)


def test_sensors_are_taken_in_the_order_given() -> None:
    taken = FLEET.take_sensors(["s3", "s1"])
    assert taken.sensor_names == ("s3", "s1")
    assert_array_equal(taken.sensors, FLEET.sensors[:, [2, 0]])
    assert_array_equal(taken.settings, FLEET.settings)


def test_a_sensor_that_is_not_there_is_not_taken() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        FLEET.take_sensors(["s9"])


@pytest.mark.parametrize("origin", [0.0, 1000.0, -1000.0])
def test_seen_for_is_the_time_until_the_assets_last_row(origin: float) -> None:
    moved = replace(FLEET, time=FLEET.time + origin)
    assert_array_equal(moved.seen_for(), [3, 2, 1, 0, 1, 0, 5, 4, 3, 2, 1, 0, 2, 1, 0])


def test_a_fleet_shows_its_size_and_columns() -> None:
    assert "4 assets, 15 rows" in repr(FLEET)
    assert "s1, s2, s3" in repr(FLEET)


def test_fleets_that_were_taken_apart_are_joined_again() -> None:
    own = fleet([4, 5, 6])
    again = joined([own.take_assets([0]), own.take_assets([1, 2])])
    assert again.asset_names == own.asset_names
    for name in ("asset", "time", "settings", "sensors", "remaining"):
        np.testing.assert_array_equal(getattr(again, name), getattr(own, name))


def test_assets_are_taken_as_copies_and_all_sensors_as_they_are() -> None:
    """A view would keep all of a piece of a large table in memory."""
    assert not np.shares_memory(FLEET.take_assets([1, 2]).sensors, FLEET.sensors)
    assert FLEET.take_sensors(FLEET.sensor_names) is FLEET
