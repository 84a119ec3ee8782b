"""From records to inputs: regimes, z-scores, gaps, causal features."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from hansa.core.charter import Preparation, Regimes
from hansa.data.fleet import Fleet
from hansa.data.prepare import Inputs, regime_count, regime_of
from tests.batteries.fleets import CENTRES, SETTINGS, fleet

BINS = Regimes("bins", bins=(("speed", (0.2, 0.6)), ("height", (5.0,))))
FEATURES = [
    Preparation(),
    Preparation(features="ewma", spans=(3.0, 10.0)),
    Preparation(features="window", window=3),
    Preparation(features="window", window=2, age=50.0),
]


def _inputs(own: Fleet, preparation: Preparation | None = None, flags: bool = False) -> Inputs:
    return Inputs(
        sensors=own.sensor_names,
        settings=own.setting_names,
        regimes=Regimes(),
        mean=np.arange(1.0, len(own.sensor_names) + 1)[None, :],
        deviation=np.full((1, len(own.sensor_names)), 2.0),
        preparation=preparation or Preparation(),
        flags=flags,
    )


def _at(settings: list[tuple[float, float]]) -> Fleet:
    own = fleet([len(settings)])
    return replace(own, settings=np.array(settings))


# --- regimes -------------------------------------------------------------------------------------


@given(arrays(np.float64, (8, 2), elements=st.floats(-5, 50)))
def test_a_row_belongs_to_its_nearest_centre(rows: np.ndarray) -> None:
    spread = np.ptp(np.array(CENTRES), axis=0)
    gap = [[sum(((r - c) / spread) ** 2) for c in np.array(CENTRES)] for r in rows]
    found = regime_of(_at([tuple(row) for row in rows]), Regimes("centres", CENTRES))
    for row, regime in enumerate(found):
        assert gap[row][regime] == pytest.approx(min(gap[row]))


def test_the_unit_of_a_setting_does_not_matter_to_the_nearest_centre() -> None:
    own = fleet([40])
    feet = replace(own, settings=own.settings * [0.001, 1.0])
    by_feet = Regimes("centres", tuple((h * 0.001, s) for h, s in CENTRES))
    assert_array_equal(regime_of(own, Regimes("centres", CENTRES)), regime_of(feet, by_feet))


def test_a_setting_in_which_all_centres_agree_weighs_enough_to_be_seen_and_breaks_nothing() -> None:
    flat = Regimes("centres", ((0.0, 1.0), (10.0, 1.0)))
    assert_array_equal(regime_of(_at([(1.0, 1.0), (9.0, 1.0)]), flat), [0, 1])


def test_bins_count_cells_and_an_edge_belongs_to_the_upper_one() -> None:
    own = _at([(0.0, 0.0), (5.0, 0.0), (4.9, 0.2), (9.0, 0.5), (0.0, 0.6), (9.0, 0.9)])
    assert own.setting_names == SETTINGS  # height, speed
    assert_array_equal(regime_of(own, BINS), [0, 1, 2, 3, 4, 5])
    assert regime_count(BINS) == 6


def test_without_regimes_all_rows_are_in_one() -> None:
    assert_array_equal(regime_of(fleet([3, 2]), Regimes()), np.zeros(5))
    assert (regime_count(Regimes()), regime_count(Regimes("centres", CENTRES))) == (1, 3)


# --- inputs --------------------------------------------------------------------------------------


def test_inputs_are_z_scores_of_the_rows_own_regime() -> None:
    own = fleet([9, 6])
    where = Regimes("centres", CENTRES)
    mean, deviation = np.arange(9.0).reshape(3, 3), np.arange(1.0, 10.0).reshape(3, 3)
    deviation[1, 1] = np.inf  # a sensor that does not vary
    inputs = replace(_inputs(own), regimes=where, mean=mean, deviation=deviation)
    found, regime = inputs.of(own), regime_of(own, where)
    assert found.dtype == np.float32
    assert_allclose(found, (own.sensors - mean[regime]) / deviation[regime], rtol=1e-5)
    assert_array_equal(found[regime == 1, 1], 0.0)


def test_inputs_find_their_sensors_by_name() -> None:
    own = fleet([9])
    inputs = _inputs(own.take_sensors(["s2", "s1"]))
    turned = own.take_sensors(["s3", "s1", "s2"])
    assert_array_equal(inputs.of(turned), inputs.of(own))
    assert_allclose(inputs.of(own)[:, 0], (own.sensors[:, 1] - 1) / 2, rtol=1e-5)


@pytest.mark.parametrize("preparation", FEATURES)
@pytest.mark.parametrize("flags", [False, True])
def test_a_row_has_as_many_features_as_promised(preparation: Preparation, flags: bool) -> None:
    own = fleet([5, 1, 3])
    inputs = _inputs(own, preparation, flags)
    assert inputs.of(own).shape == (own.rows, inputs.features)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 8), min_size=1, max_size=4), st.floats(1, 40))
def test_ewma_is_the_one_of_pandas_on_each_asset_alone(lengths: list[int], span: float) -> None:
    own = fleet(lengths)
    z = pd.DataFrame(_inputs(own).of(own).astype(float))
    expected = pd.concat([part.ewm(span=span, adjust=True).mean() for _, part in z.groupby(own.asset)])
    found = _inputs(own, Preparation(features="ewma", spans=(span, 2.0))).of(own)
    assert_allclose(found[:, :3], expected, atol=1e-4)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 8), min_size=1, max_size=4), st.integers(1, 5))
def test_a_window_holds_the_rows_before_and_repeats_the_assets_first(lengths: list[int], window: int) -> None:
    own = fleet(lengths)
    z = _inputs(own).of(own)
    found = _inputs(own, Preparation(features="window", window=window)).of(own)
    first = np.r_[0, np.cumsum(lengths)][own.asset]
    for row in range(own.rows):
        for lag in range(window):
            assert_array_equal(found[row, 3 * lag : 3 * lag + 3], z[max(row - lag, first[row])])


@pytest.mark.parametrize("preparation", FEATURES)
@pytest.mark.parametrize("missing", [False, True])
@settings(max_examples=15)
@given(changed=st.integers(0, 14))
def test_a_row_depends_on_its_assets_past_alone(
    preparation: Preparation, missing: bool, changed: int
) -> None:
    own = fleet([5, 4, 6])
    readings = own.sensors.copy()
    readings[changed] = np.nan if missing else 999.0
    inputs = _inputs(own, preparation, flags=True)
    before, after = inputs.of(own), inputs.of(replace(own, sensors=readings))
    elsewhere = (np.arange(15) < changed) | (own.asset != own.asset[changed])
    assert_array_equal(before[elsewhere], after[elsewhere])
    assert not np.array_equal(before[changed], after[changed])


def test_a_missing_cell_holds_the_assets_last_value_and_is_flagged() -> None:
    own = fleet([4, 3], sensors=2)
    readings = own.sensors.copy()
    readings[[1, 2, 4, 5], 0] = np.nan  # the middle of the first asset; the start of the second
    found = _inputs(own, flags=True).of(replace(own, sensors=readings))
    z = _inputs(own).of(own)
    assert_array_equal(found[:, 0], [z[0, 0], z[0, 0], z[0, 0], z[3, 0], 0.0, 0.0, z[6, 0]])
    assert_array_equal(found[:, 1], z[:, 1])
    assert_array_equal(found[:, 2], [0, 1, 1, 0, 1, 1, 0])
    assert_array_equal(found[:, 3], np.zeros(7))


def test_a_sensor_that_is_never_there_reads_as_the_federated_mean() -> None:
    own = fleet([3, 2])
    readings = own.sensors.copy()
    readings[:, 1] = np.nan
    found = _inputs(own, flags=True).of(replace(own, sensors=readings))
    assert_array_equal(found[:, 1], 0.0)
    assert_array_equal(found[:, 4], 1.0)


@pytest.mark.parametrize("flags", [False, True])
def test_the_age_is_the_last_input_and_counts_from_the_assets_first_row(flags: bool) -> None:
    own = fleet([4, 1, 3])
    late = replace(own, time=own.time * 2.0 + 5000.0 * (own.asset == 2))
    aged = _inputs(own, Preparation(age=10.0), flags).of(late)
    assert_allclose(aged[:, -1], [0.0, 0.2, 0.4, 0.6, 0.0, 0.0, 0.2, 0.4], rtol=1e-6)
    assert_array_equal(aged[:, :-1], _inputs(own, flags=flags).of(late))


@pytest.mark.parametrize("preparation", FEATURES)
@pytest.mark.parametrize("flags", [False, True])
def test_a_frame_holds_a_partys_features_at_the_places_of_their_sensors(
    preparation: Preparation, flags: bool
) -> None:
    own = fleet([5, 4], sensors=2)
    own.sensors[3, 0] = np.nan
    inputs = _inputs(own, preparation, flags)  # of s1 and s2
    framed = replace(inputs, frame=("s0", "s2", "s1", "s3"))
    alone, wide = inputs.of(own), framed.of(own)
    assert wide.shape == (own.rows, framed.features)
    for number in range(alone.shape[1] // 2):
        s1, s2 = alone[:, 2 * number], alone[:, 2 * number + 1]
        expected = np.column_stack([0 * s1, s2, s1, 0 * s1])
        assert_array_equal(wide[:, 4 * number : 4 * number + 4], expected)
        assert_array_equal(framed.has[4 * number : 4 * number + 4], [0, 1, 1, 0])
    if preparation.age:
        assert_array_equal(wide[:, -1], alone[:, -1])
        assert framed.has[-1] == 1
    assert (framed.has.shape, framed.has.dtype) == ((framed.features,), np.float32)


@pytest.mark.parametrize("preparation", FEATURES)
@pytest.mark.parametrize("flags", [False, True])
def test_a_frame_of_the_partys_own_sensors_changes_nothing(preparation: Preparation, flags: bool) -> None:
    own = fleet([5, 4])
    inputs = _inputs(own, preparation, flags)
    framed = replace(inputs, frame=own.sensor_names)
    assert_array_equal(framed.of(own), inputs.of(own))
    assert_array_equal(inputs.has, np.ones(inputs.features))
    assert framed.shape == inputs.shape


@pytest.mark.parametrize(
    ("preparation", "flags", "shape"),
    [
        (Preparation(), False, (3, 1, 0)),
        (Preparation(age=1.0), True, (3, 1, 4)),
        (Preparation(features="ewma", spans=(3.0, 10.0)), False, (3, 2, 0)),
        (Preparation(features="window", window=5, age=1.0), False, (3, 5, 1)),
        (Preparation(features="window", window=5), True, (3, 5, 3)),
    ],
)
def test_the_shape_tells_readings_from_what_stands_beside_them(
    preparation: Preparation, flags: bool, shape: tuple[int, int, int]
) -> None:
    inputs = _inputs(fleet([3]), preparation, flags)
    assert inputs.shape == (*shape, ())  # nothing is looked up
    assert shape[0] * shape[1] + shape[2] == inputs.features


def test_outliers_are_cut_off_and_other_readings_stay() -> None:
    own = fleet([30])
    plain, clipped = _inputs(own).of(own), _inputs(own, Preparation(clip=0.4)).of(own)
    assert (np.abs(plain) > 0.4).any()
    assert_array_equal(clipped, np.clip(plain, -np.float32(0.4), np.float32(0.4)))


@pytest.mark.parametrize("preparation", FEATURES, ids=lambda one: one.features)
@pytest.mark.parametrize("flags", [False, True])
def test_a_filled_sensor_has_the_features_of_a_sensor_that_reads_so(
    preparation: Preparation, flags: bool
) -> None:
    own = fleet([6, 5])
    inputs = _inputs(own, preparation, flags)
    told = np.array([0.5, 2.0, -1.0])[: len(inputs.sensors)]
    frame = (*inputs.sensors, "lacked")
    filled = replace(inputs, frame=frame, fill=np.column_stack([np.eye(len(told)), told]))
    z = (own.sensors - inputs.mean[0]) / inputs.deviation[0]
    wider = replace(own, sensors=np.column_stack([own.sensors, z @ told]), sensor_names=frame)
    whole = replace(
        inputs,
        sensors=frame,
        mean=np.append(inputs.mean, [[0.0]], axis=1),
        deviation=np.append(inputs.deviation, [[1.0]], axis=1),
    )
    assert_allclose(filled.of(own), whole.of(wider), atol=1e-5)
    lacks = np.zeros(filled.features, bool)
    if flags:
        beside = 1 if preparation.age else 0
        lacks[filled.features - beside - 1] = True  # nobody can say whether the lacked sensor was missing
    assert_array_equal(filled.has, ~lacks)
