"""RMSE, MAE and the NASA score against their formulas, written out row by row."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.models.metrics import errors

cycles = st.floats(0, 200)
pairs = st.lists(st.tuples(cycles, cycles), min_size=1, max_size=20)


@given(pairs)
def test_the_figures_equal_their_formulas(rows: list[tuple[float, float]]) -> None:
    found = errors(np.array([p for p, _ in rows]), np.array([t for _, t in rows]))
    miss = [p - t for p, t in rows]
    assert found.rmse == pytest.approx(math.sqrt(sum(d * d for d in miss) / len(miss)), rel=1e-9, abs=1e-12)
    assert found.mae == pytest.approx(sum(abs(d) for d in miss) / len(miss), rel=1e-9, abs=1e-12)
    score = sum(math.exp(-d / 13) - 1 if d < 0 else math.exp(d / 10) - 1 for d in miss)
    assert found.nasa == pytest.approx(score, rel=1e-9, abs=1e-9)


@given(st.floats(0.01, 100))
def test_the_nasa_score_fears_a_late_warning_more_than_an_early_one(miss: float) -> None:
    late = errors(np.array([50 + miss]), np.array([50.0])).nasa
    early = errors(np.array([50 - miss]), np.array([50.0])).nasa
    assert late > early > 0


def test_the_nasa_score_is_a_sum_and_the_others_are_means() -> None:
    once = errors(np.array([60.0, 40.0]), np.array([50.0, 50.0]))
    twice = errors(np.array([60.0, 40.0] * 2), np.array([50.0, 50.0] * 2))
    assert twice.nasa == pytest.approx(2 * once.nasa)
    assert (twice.rmse, twice.mae) == (once.rmse, once.mae) == (10.0, 10.0)
    assert once.nasa == pytest.approx(math.expm1(1.0) + math.expm1(10 / 13))


def test_perfect_predictions_score_zero() -> None:
    found = errors(np.arange(5.0), np.arange(5.0))
    assert (found.rmse, found.mae, found.nasa) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("rows", [1, 50_000])
def test_a_collapsed_model_gets_finite_figures(rows: int) -> None:
    found = errors(np.full(rows, 1e9, np.float32), np.zeros(rows))
    assert all(math.isfinite(figure) for figure in (found.rmse, found.mae, found.nasa))
    found = errors(np.full(rows, -1e9, np.float32), np.zeros(rows))
    assert all(math.isfinite(figure) for figure in (found.rmse, found.mae, found.nasa))
