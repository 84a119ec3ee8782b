"""From records to inputs and labels: regimes, z-scores, gaps, causal features, the cap and its keys."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from hansa.core.charter import Preparation, Regimes
from hansa.core.errors import DataError
from hansa.data.fleet import Fleet
from hansa.data.prepare import Inputs, check_labels, label_keys, labels, regime_count, regime_of
from hansa.data.tally import learnt_rows
from tests.batteries.fleets import CENTRES, SETTINGS, charter, fleet

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


def learnt(own: Fleet) -> np.ndarray:
    """Return (keys,) the rows that can be learnt from, by label."""
    return learnt_rows(labels(own, 12.0, 1.0), charter().data)


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


# --- labels --------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), st.integers(1, 20))
def test_a_label_is_the_remaining_life_up_to_the_cap(lengths: list[int], cap: int) -> None:
    own = fleet(lengths)
    found = labels(own, float(cap), 1.0)
    for row in range(own.rows):
        life = lengths[own.asset[row]] - own.time[row]  # EoL - t, eq. 16
        assert found.share[row] == pytest.approx(min(cap, life) / cap)
        assert found.bin[row] == min(cap, life)
    assert found.known.all()
    assert found.bin.max() < label_keys(float(cap), 1.0)


def test_a_row_of_an_asset_that_has_not_failed_is_known_only_if_it_was_seen_for_the_cap() -> None:
    own = fleet([10, 30], censored=[1])
    found = labels(own, 12.0, 1.0)
    seen = own.seen_for()
    assert_array_equal(found.known, (own.asset == 0) | (seen >= 12))
    assert found.known[own.asset == 1].sum() == 18
    assert_array_equal(found.share[(own.asset == 1) & found.known], 1.0)
    assert_array_equal(found.share[~found.known], 0.0)
    assert_array_equal(found.bin[~found.known], 0)


def test_when_time_is_counted_from_does_not_matter_to_a_censored_asset() -> None:
    own = fleet([30], censored=[0])
    before = replace(own, time=own.time - 5000.0)
    assert_array_equal(labels(before, 12.0, 1.0).known, labels(own, 12.0, 1.0).known)


@pytest.mark.parametrize(
    ("cap", "width"), [(120, 1), (125, 1), (120, 7), (1.2, 0.1), (12, 0.3), (5, 5), (0.7, 0.1)]
)
def test_keys_run_from_0_to_the_caps_own(cap: float, width: float) -> None:
    lives = np.linspace(0, 2 * cap, 999)
    own = replace(fleet([999]), remaining=lives[::-1].copy())
    found = labels(own, cap, width).bin
    assert found.min() == 0
    assert found.max() == label_keys(cap, width) - 1
    assert len(np.unique(found)) == label_keys(cap, width)


def test_a_label_that_rounding_moved_below_its_key_keeps_it() -> None:
    steps = np.arange(0, 13)[::-1] * 0.1  # 0.3 is 0.30000000000000004, 0.6 is 0.6000000000000001, ...
    own = replace(fleet([13]), remaining=steps)
    assert_array_equal(labels(own, 1.2, 0.1).bin, np.arange(13)[::-1])
    almost = replace(own, remaining=steps - 1e-9)
    assert_array_equal(labels(almost, 1.2, 0.1).bin, np.arange(13)[::-1])


def test_labels_that_no_party_has_are_named() -> None:
    lives = fleet([14, 13])
    gone = replace(lives, remaining=np.where(np.isin(lives.remaining, [3, 7, 8, 9]), 5.0, lives.remaining))
    with pytest.raises(DataError, match=r"no party has a row with label 3, 7 to 9; widen label_bin"):
        check_labels([learnt(gone)], charter())


def test_a_label_that_one_party_has_is_enough() -> None:
    own = fleet([14])
    first = replace(own, remaining=np.where(own.remaining < 6, 12.0, own.remaining))
    second = replace(own, remaining=np.where(own.remaining >= 6, 0.0, own.remaining))
    held = [learnt(one) for one in (first, second)]
    check_labels(held, charter())
    for alone in held:
        with pytest.raises(DataError, match="no party has"):
            check_labels([alone], charter())


def test_an_unknown_row_is_no_row_with_label_0() -> None:
    own = fleet([14, 5], censored=[1])
    worn = replace(own, remaining=np.where(own.remaining == 0, 1.0, own.remaining))
    with pytest.raises(DataError, match="with label 0;"):
        check_labels([learnt(worn)], charter())


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
    assert inputs.shape == shape
    assert shape[0] * shape[1] + shape[2] == inputs.features
