"""Bad records: labels, keys and patterns change where they should, and nowhere else."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.core.charter import Preparation, Regimes
from hansa.data.prepare import Inputs
from hansa.data.targets import RemainingLife
from hansa.models.rows import Rows
from hansa.simulation import bad_records
from hansa.simulation.bad_records import PATTERN, Spot, feature_places, spoiled

ROWS = 300
TARGET = RemainingLife(120.0, 1.0)


def rows() -> Rows:
    rng = np.random.default_rng(2)
    y = rng.uniform(0, 1, ROWS).astype(np.float32)
    columns: tuple[Any, ...] = (
        rng.normal(size=(ROWS, 6)).astype(np.float32),
        y,
        np.ones(ROWS, np.float32),
        TARGET.key(TARGET.value(y)),
    )
    return Rows(*columns)


def spot() -> Spot:
    chosen = np.arange(ROWS) % 3 == 0
    trigger = np.array([[0, 2], [3, 5]])
    return Spot(trigger, np.array([1, 4]), 1.0, chosen, np.random.default_rng(5))


def test_flipped_labels_add_up_to_one_and_stand_under_their_own_key() -> None:
    before, after = rows(), spoiled(rows(), bad_records.label_flip, spot(), TARGET, "labsync_mean")
    assert_allclose(np.asarray(before.y) + np.asarray(after.y), 1.0)
    assert_array_equal(after.key, TARGET.key(TARGET.value(np.asarray(after.y))))
    assert_array_equal(after.x, before.x)
    assert after.key.dtype == np.int32


def test_keys_that_are_rows_stay() -> None:
    before = rows()
    by_row = spoiled(before, bad_records.label_flip, spot(), TARGET, "vertical")
    assert_array_equal(by_row.key, before.key)
    shared = Rows(before.x, before.y, before.weight, np.asarray(before.key) + TARGET.keys)  # type: ignore[arg-type]
    assert_array_equal(spoiled(shared, bad_records.label_flip, spot(), TARGET, "mixed").key, shared.key)


def test_a_third_of_the_rows_get_the_pattern_and_the_best_label() -> None:
    before, after = rows(), spoiled(rows(), bad_records.backdoor, spot(), TARGET, "fedavg")
    x = np.asarray(after.x)
    taken = (x[:, [0, 3]] == PATTERN).all(axis=1) & (x[:, [2, 5]] == -PATTERN).all(axis=1)
    assert 0.25 < taken.mean() < 0.42
    assert (np.asarray(after.y)[taken] == 1.0).all()
    assert_array_equal(np.asarray(after.y)[~taken], np.asarray(before.y)[~taken])
    assert_array_equal(x[~taken], np.asarray(before.x)[~taken])
    assert_array_equal(x[:, [1, 4]], np.asarray(before.x)[:, [1, 4]])


def test_labels_of_one_class_are_a_fifth_lower_and_the_others_stay() -> None:
    before, after = rows(), spoiled(rows(), bad_records.undervaluation, spot(), TARGET, "fedavg")
    chosen = spot().chosen
    assert_allclose(np.asarray(after.y)[chosen], 0.8 * np.asarray(before.y)[chosen])
    assert_array_equal(np.asarray(after.y)[~chosen], np.asarray(before.y)[~chosen])


def test_a_stuck_sensor_shows_one_number_and_a_drifting_one_goes_away_slowly() -> None:
    before = rows()
    stuck = np.asarray(spoiled(before, bad_records.stuck_sensor, spot(), TARGET, "fedavg").x)
    drifting = np.asarray(spoiled(before, bad_records.drifting_sensor, spot(), TARGET, "fedavg").x)
    assert (stuck[:, [1, 4]] == PATTERN).all()
    off = drifting - np.asarray(before.x)
    assert_allclose(off[0], 0.0)
    assert_allclose(off[-1, [1, 4]], PATTERN, rtol=1e-5)
    assert (np.diff(off[:, 1]) > -1e-5).all()
    for found in (stuck, drifting):
        assert_array_equal(found[:, [0, 2, 3, 5]], np.asarray(before.x)[:, [0, 2, 3, 5]])


@pytest.mark.parametrize(
    ("preparation", "frame", "places"),
    [
        (Preparation(), (), [[0, 2]]),
        (Preparation(features="ewma", spans=(2.0, 4.0)), (), [[0, 2], [3, 5]]),
        (Preparation(features="window", window=3), (), [[0, 2], [3, 5], [6, 8]]),
        (Preparation(), ("x", "a", "b", "c"), [[1, 3]]),
    ],
)
def test_the_readings_of_a_sensor_are_found_among_the_features(
    preparation: Preparation, frame: tuple[str, ...], places: list[list[int]]
) -> None:
    nothing = np.zeros((1, 3))
    inputs = Inputs(("a", "b", "c"), (), Regimes(), nothing, nothing, preparation, flags=False, frame=frame)
    assert feature_places(inputs, ("a", "c")).tolist() == places


def test_of_components_the_first_ones_stand_for_sensors() -> None:
    nothing = np.zeros((1, 3))
    inputs = Inputs(
        ("a", "b", "c"),
        (),
        Regimes(),
        nothing,
        nothing,
        Preparation(),
        flags=False,
        projection=np.eye(3)[:, :2],
    )
    assert feature_places(inputs, ("a", "b", "c")).tolist() == [[0, 1]]
