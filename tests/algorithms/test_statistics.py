"""Federated statistics equal the pooled ones, whoever owns which sensor and whatever is missing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from hansa.algorithms.statistics import Moments, moments, scale, spread, total
from tests.oracles.pooled import pooled_scale

REGIMES, SENSORS = 3, 4

cell = st.floats(-50, 50) | st.just(np.nan)


@st.composite
def party(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Return one party's readings, regimes and the places of its sensors."""
    columns = draw(st.lists(st.integers(0, SENSORS - 1), min_size=1, max_size=SENSORS, unique=True))
    rows = draw(st.integers(0, 6))
    readings = draw(arrays(np.float64, (rows, len(columns)), elements=cell))
    return readings, draw(arrays(np.int64, rows, elements=st.integers(0, REGIMES - 1))), columns


def _summed(parties: list[tuple[np.ndarray, np.ndarray, list[int]]]) -> Moments:
    return total([spread(moments(r, where, REGIMES), columns, SENSORS) for r, where, columns in parties])


@given(st.lists(party(), min_size=1, max_size=4))
def test_sums_over_parties_give_the_statistics_of_all_rows(parties: list) -> None:
    found = scale(_summed(parties))
    mean, deviation = pooled_scale(*zip(*parties, strict=True), REGIMES, SENSORS)
    seen = ~np.isnan(mean)
    assert_allclose(found.mean[seen], mean[seen], rtol=1e-9, atol=1e-9)
    clear = seen & (deviation > 1e-3)  # below, rounding of the sums shows
    assert_allclose(found.deviation[clear], deviation[clear], rtol=1e-4)
    assert np.isinf(found.deviation[~seen]).all()
    assert_array_equal(found.mean[~seen], 0.0)


@given(st.lists(party(), min_size=2, max_size=4), st.randoms())
def test_who_sends_first_does_not_matter(parties: list, random: object) -> None:
    turned = list(parties)
    random.shuffle(turned)  # type: ignore[attr-defined]
    one, other = _summed(parties), _summed(turned)
    for kind in ("count", "total", "square"):
        assert_allclose(getattr(one, kind), getattr(other, kind), rtol=1e-9, atol=1e-9)


def test_z_scores_have_mean_0_and_deviation_1_in_every_regime() -> None:
    rng = np.random.default_rng(0)
    regime = rng.integers(0, REGIMES, 300)
    readings = rng.normal([5, 500, -3, 0.01], [1, 30, 0.2, 1e-4], (300, SENSORS)) * (1 + regime[:, None])
    halves = [(readings[i::2], regime[i::2], list(range(SENSORS))) for i in range(2)]
    found = scale(_summed(halves))
    z = (readings - found.mean[regime]) / found.deviation[regime]
    for place in range(REGIMES):
        assert_allclose(z[regime == place].mean(axis=0), 0, atol=1e-6)
        assert_allclose(z[regime == place].std(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 1e-9, 518.67, -21.61, 9e6])
@pytest.mark.parametrize("rows", [1, 7, 100_000])
def test_a_sensor_that_never_varies_scales_to_zero(value: float, rows: int) -> None:
    term = moments(np.full((rows, 1), value), np.zeros(rows, np.int64), 1)
    found = scale(total([term, term, term]))
    assert np.isinf(found.deviation).all()
    assert_allclose(found.mean, value, rtol=1e-9)
    assert_array_equal((np.full(3, value) - found.mean) / found.deviation, np.zeros((1, 3)))


def test_a_small_variation_on_a_large_mean_is_kept() -> None:
    rng = np.random.default_rng(1)
    readings = 1e6 + rng.normal(size=(2000, 1)) * 10
    found = scale(moments(readings, np.zeros(2000, np.int64), 1))
    assert_allclose(found.deviation[0, 0], readings.std(), rtol=1e-4)


def test_a_term_holds_sums_alone() -> None:
    readings = np.array([[1.0, np.nan], [3.0, 4.0], [5.0, 6.0]])
    term = moments(readings, np.array([0, 0, 2]), REGIMES)
    assert_array_equal(term.count, [[2, 1], [0, 0], [1, 1]])
    assert_array_equal(term.total, [[4, 4], [0, 0], [5, 6]])
    assert_array_equal(term.square, [[10, 16], [0, 0], [25, 36]])


def test_a_party_sends_zeros_for_sensors_that_it_has_not() -> None:
    term = spread(moments(np.ones((2, 2)), np.zeros(2, np.int64), 1), [3, 1], SENSORS)
    assert_array_equal(term.count, [[0, 2, 0, 2]])
    wide = spread(moments(np.array([[1.0, 2.0]]), np.zeros(1, np.int64), 1), [3, 1], SENSORS)
    assert_array_equal(wide.total, [[0, 2, 0, 1]])  # in the union's order, not the party's
