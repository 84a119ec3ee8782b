"""Constant and linear rows agree with formulas written out, and with the filter written as a loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.charter import Charter
from hansa.data.fleet import Fleet
from hansa.data.prepare import regime_of
from hansa.runtime.exam import Exam, exam
from hansa.runtime.world import World, open_world
from hansa.simulation.baselines import constant, least_squares, linear
from hansa.simulation.cohort import gather
from hansa.simulation.study_plan import Plan, Unit, unit_charter
from tests.simulation.tiny_study import tiny_charter

CAP = 120.0


@pytest.fixture(scope="module")
def charter() -> Charter:
    return unit_charter(Plan("simulated", tiny_charter(), (2,), (3,), ("centralised",)), Unit(3, 0, ()))


@pytest.fixture(scope="module")
def world(charter: Charter) -> World:
    return open_world(charter, None)


@pytest.fixture(scope="module")
def test_exam(world: World) -> Exam:
    return exam(world.test, CAP, "kalman")


def test_the_constant_row_has_the_errors_of_its_formula(world: World, test_exam: Exam) -> None:
    gap = CAP - np.minimum(world.test.remaining, CAP)
    last = np.flatnonzero(np.diff(world.test.asset, append=-1))

    every, ends = constant(test_exam)

    assert every.raw.rmse == pytest.approx(np.sqrt(np.mean(gap**2)), rel=1e-6)
    assert every.raw.mae == pytest.approx(np.mean(gap), rel=1e-6)
    assert ends.raw.rmse == pytest.approx(np.sqrt(np.mean(gap[last] ** 2)), rel=1e-6)


def test_a_filter_that_starts_at_the_cap_leaves_the_constant_alone(test_exam: Exam) -> None:
    every, ends = constant(test_exam)
    assert every.filtered == every.raw
    assert ends.filtered == ends.raw


def test_the_linear_row_is_a_fit_on_all_rows_pooled(charter: Charter, world: World, test_exam: Exam) -> None:
    share = _fitted_by_hand(world, charter)
    true = np.minimum(world.test.remaining, CAP)

    every, _ = linear(gather(charter, "centralised", world), test_exam)

    assert every.raw.rmse == pytest.approx(np.sqrt(np.mean((CAP * share - true) ** 2)), rel=1e-4)
    smooth = CAP * _filtered_by_hand(share, world.test)
    assert every.filtered.rmse == pytest.approx(np.sqrt(np.mean((smooth - true) ** 2)), rel=1e-4)


@given(st.integers(0, 2**32 - 1))
def test_a_linear_law_is_found_again(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, weights = rng.normal(size=(30, 4)), rng.normal(size=5)
    np.testing.assert_allclose(least_squares(x, x @ weights[:4] + weights[4]), weights, atol=1e-9)


def test_a_constant_feature_does_not_break_the_fit() -> None:
    x = np.column_stack([np.arange(9.0), np.ones(9)])
    weights = least_squares(x, 2.0 * np.arange(9.0) + 1.0)
    np.testing.assert_allclose(np.column_stack([x, np.ones(9)]) @ weights, 2.0 * np.arange(9.0) + 1.0)


def _fitted_by_hand(world: World, charter: Charter) -> np.ndarray:
    """Return (rows,) predictions on the test rows, with z-scores taken regime by regime in a loop."""
    train, test = world.train, world.test
    regimes = [regime_of(fleet, charter.data.regimes) for fleet in (train, test)]
    z = [np.zeros_like(fleet.sensors) for fleet in (train, test)]
    for regime in np.unique(regimes[0]):
        rows = train.sensors[regimes[0] == regime]
        mean, deviation = rows.mean(axis=0), rows.std(axis=0)
        for fleet, of_rows, scaled in zip((train, test), regimes, z, strict=True):
            here = of_rows == regime
            scaled[here] = (fleet.sensors[here] - mean) / np.where(deviation > 1e-6, deviation, np.inf)
    target = np.minimum(train.remaining, CAP) / CAP
    weights, *_ = np.linalg.lstsq(np.c_[z[0], np.ones(len(target))], target, rcond=None)
    return np.c_[z[1], np.ones(test.rows)] @ weights


def _filtered_by_hand(share: np.ndarray, fleet: Fleet) -> np.ndarray:
    """Return (rows,) Algorithm 4, one reading after the other."""
    smooth = np.empty(fleet.rows)
    for asset in range(len(fleet.asset_names)):
        x, variance = 1.0, 0.0
        for row in np.flatnonzero(fleet.asset == asset):
            variance += 1.0 / 209.0
            gain = variance / (variance + 0.09)
            x += gain * (share[row] - x)
            variance *= 1.0 - gain
            smooth[row] = x
    return smooth
