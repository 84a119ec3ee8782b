"""Algorithm 4 against a loop over single numbers; the drift-aware filter against its promise."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from hansa.models.filters import Histories, filtered, gains, histories
from tests.oracles.filters import kalman

CAP = 120.0
LENGTHS = (7, 1, 4, 12)  # ragged, one asset of a single row
ASSET = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
TIME = np.concatenate([np.arange(1.0, n + 1) for n in LENGTHS])
GRID = histories(ASSET, TIME, CAP)
Z = np.random.default_rng(0).uniform(0, 1.2, len(ASSET))


def _filtered(z: np.ndarray, kind: str, asset: np.ndarray = ASSET, time: np.ndarray = TIME) -> np.ndarray:
    grid = histories(asset, time, CAP)
    return np.asarray(
        _jitted(jnp.asarray(z, jnp.float32), (grid.row, grid.step, grid.place), kind), np.float64
    )


@partial(jax.jit, static_argnums=2)
def _jitted(z: jax.Array, grid: tuple[np.ndarray, ...], kind: str) -> jax.Array:
    return filtered(z, Histories(*grid), kind)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_the_grid_holds_every_row_once_in_its_own_asset(lengths: list[int]) -> None:
    asset = np.repeat(np.arange(len(lengths)) * 3, lengths)
    grid = histories(asset, np.arange(len(asset)) * 1.0, CAP)
    assert_array_equal(grid.row.ravel()[grid.place], np.arange(len(asset)))
    assert np.bincount(grid.place // grid.row.shape[1]).tolist() == lengths
    assert_array_equal(asset[grid.row], np.broadcast_to(np.unique(asset)[:, None], grid.row.shape))
    assert_array_equal(grid.last_rows(), np.cumsum(lengths) - 1)


def test_steps_are_the_time_since_the_row_before_as_shares_of_the_cap() -> None:
    grid = histories(np.array([0, 0, 0, 1]), np.array([3.0, 5.0, 11.0, 40.0]), CAP)
    assert_allclose(grid.step, [[0, 2 / CAP, 6 / CAP], [0, 0, 0]], rtol=1e-6)


def test_algorithm_4_equals_a_loop_over_single_numbers() -> None:
    expected = np.concatenate([kalman(Z[asset == ASSET]) for asset in range(len(LENGTHS))])
    assert_allclose(_filtered(Z, "kalman"), expected, atol=1e-6)


def test_algorithm_4_starts_at_the_cap_with_no_doubt() -> None:
    first_gain = (1 / 209) / (1 / 209 + 0.09)
    assert_allclose(gains(1), first_gain, rtol=1e-9)
    assert_allclose(_filtered(np.zeros(1), "kalman", ASSET[:1], TIME[:1]), 1 - first_gain, rtol=1e-6)


def test_the_gain_of_algorithm_4_settles_at_0_2055() -> None:
    assert np.all(np.diff(gains(60)) >= -1e-12)
    assert_allclose(gains(300)[-1], 0.2055, atol=5e-5)


def test_no_filter_leaves_predictions_as_they_are() -> None:
    predictions = jnp.asarray(Z, jnp.float32)
    assert filtered(predictions, GRID, "none") is predictions


@pytest.mark.parametrize("kind", ["kalman", "drift"])
def test_one_asset_does_not_look_at_another(kind: str) -> None:
    other = Z.copy()
    other[ASSET != 2] = 0.123
    assert_allclose(_filtered(other, kind)[ASSET == 2], _filtered(Z, kind)[ASSET == 2], atol=1e-6)


@pytest.mark.parametrize("kind", ["kalman", "drift"])
def test_a_filter_looks_back_only(kind: str) -> None:
    other = Z.copy()
    other[len(Z) - 3 :] = 0.0
    assert_allclose(_filtered(other, kind)[: len(Z) - 3], _filtered(Z, kind)[: len(Z) - 3], atol=1e-6)


@pytest.mark.parametrize("kind", ["kalman", "drift"])
def test_many_parties_are_filtered_as_one_by_one(kind: str) -> None:
    many = np.stack([Z, Z[::-1], Z / 2])  # (parties, rows)
    together = _filtered(many, kind)
    for party, own in enumerate(many):
        assert_allclose(together[party], _filtered(own, kind), atol=1e-6)


def _ramps(noise: float = 0.05) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return asset, time, true and predicted of 40 lives of 220 to 259 cycles, capped at 120."""
    lengths = np.arange(220, 260)
    asset = np.repeat(np.arange(len(lengths)), lengths)
    time = np.concatenate([np.arange(n) for n in lengths]).astype(float)
    true = np.minimum(1.0, (lengths[asset] - 1 - time) / CAP)
    return asset, time, true, true + noise * np.random.default_rng(1).normal(size=len(asset))


def _lag(kind: str) -> np.ndarray:
    """Return (assets,) how many cycles too late the filter is in the last 20 cycles of a life."""
    asset, time, true, predicted = _ramps()
    late = true < 20 / CAP
    miss = (_filtered(predicted, kind, asset, time) - true) * CAP
    return np.bincount(asset[late], miss[late]) / np.bincount(asset[late])


def test_algorithm_4_lags_by_3_87_cycles_where_life_runs_out() -> None:
    # a ramp of one cycle a row under a steady gain g lags by (1 - g) / g
    gain = gains(300)[-1]
    assert_allclose((1 - gain) / gain, 3.87, atol=0.01)
    assert_allclose(_lag("kalman").mean(), 3.87, atol=0.3)


def test_the_drift_filter_does_not_lag() -> None:
    lag = _lag("drift")
    assert abs(lag.mean()) < 0.5
    assert np.abs(lag).max() < 3.87


def test_the_drift_filter_is_the_closer_one_on_both_branches() -> None:
    asset, time, true, predicted = _ramps()
    for branch in (true < 1.0, true >= 1.0):
        miss = {
            kind: _filtered(predicted, kind, asset, time)[branch] - true[branch]
            for kind in ("kalman", "drift")
        }
        assert np.sqrt(np.mean(miss["drift"] ** 2)) < np.sqrt(np.mean(miss["kalman"] ** 2))


def test_a_healthy_asset_stays_at_the_cap() -> None:
    z = 1.0 + 0.1 * np.random.default_rng(2).normal(size=300)
    smooth = _filtered(z, "drift", np.zeros(300, int), np.arange(300.0))
    assert np.abs(smooth - 1.0).max() < 0.1
    assert_allclose(_filtered(np.ones(300), "drift", np.zeros(300, int), np.arange(300.0)), 1.0, atol=0.02)


@settings(max_examples=25)
@given(st.lists(st.floats(-0.5, 1.5), min_size=24, max_size=24))
def test_the_drift_filter_stays_within_reach_of_what_it_saw(values: list[float]) -> None:
    smooth = _filtered(np.array(values), "drift")
    assert np.isfinite(smooth).all()
    assert smooth.max() <= max(1.0, *values) + 0.02
    assert smooth.min() >= min(1.0, *values) - 12 / CAP - 0.02  # it may run on at one cycle a row


def test_the_drift_filter_knows_how_long_the_gap_between_two_rows_was() -> None:
    z = np.concatenate([np.ones(60), np.linspace(1, 0.5, 60)])
    daily = _filtered(z, "drift", np.zeros(120, int), np.arange(120.0))
    time = np.arange(120.0)
    time[100:] += 30  # nothing was seen for 30 cycles
    gap = _filtered(z, "drift", np.zeros(120, int), time)
    assert_allclose(gap[:100], daily[:100], atol=1e-6)
    assert gap[100] < daily[100] - 0.1
