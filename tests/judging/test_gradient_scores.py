"""Scores from inner products, against the same games with every coalition evaluated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from hansa.judging.gradient_scores import NOT_MEASURED, at_step, first_order, quadratic
from hansa.judging.shapley import exact
from hansa.judging.table import Table, table_of, table_of_products

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 7)


def drawn(seed: int, parties: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(parties, 20)), rng.normal(size=20), rng.uniform(0.1, 9, parties)


def table(updates: np.ndarray, target: np.ndarray) -> Table:
    points = np.vstack([updates, target])
    return table_of_products(points @ points.T)


def sums(updates: np.ndarray, weights: np.ndarray) -> np.ndarray:
    inside = (np.arange(1 << len(updates))[:, None] >> np.arange(len(updates))) & 1
    return inside @ (updates * (weights / weights.sum())[:, None])  # (coalitions, dim)


@given(SEEDS, SIZES)
def test_the_closed_form_is_the_value_over_all_coalitions(seed: int, parties: int) -> None:
    updates, target, weights = drawn(seed, parties)
    worth = (target**2).sum() - ((target - sums(updates, weights)) ** 2).sum(axis=1)
    assert_allclose(quadratic(table(updates, target), weights), exact(worth), atol=1e-9)


@given(SEEDS, SIZES)
def test_the_first_order_score_is_the_value_of_a_straight_line(seed: int, parties: int) -> None:
    updates, target, weights = drawn(seed, parties)
    worth = sums(updates, weights) @ target
    assert_allclose(first_order(table(updates, target), weights), exact(worth), atol=1e-9)


@given(SEEDS)
def test_a_party_without_a_change_scores_nothing(seed: int) -> None:
    updates, target, weights = drawn(seed, 4)
    updates[2] = 0.0
    found = table_of(np.vstack([updates, target]).astype(np.float32))
    size = found.lengths.max()
    for score in (quadratic(found, weights), first_order(found, weights)):
        assert abs(score[2]) < 1e-6 * size


def test_what_is_not_measured_is_one_sentence() -> None:
    assert NOT_MEASURED.endswith("are not measured.")
    assert NOT_MEASURED.count(".") == 1


@given(SEEDS)
def test_a_direction_is_made_so_long_that_the_step_is_the_best_along_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    updates, weights = rng.normal(size=(4, 30)) + 0.3, rng.uniform(1, 3, 4)
    step = weights @ updates / weights.sum()
    target = step + rng.normal(0, 0.1, 30)
    points = np.vstack([updates, 7.0 * target])
    found = at_step(table_of_products(points @ points.T), weights)
    assert quadratic(found, weights).sum() == pytest.approx(step @ step, rel=1e-6)


def test_a_direction_uphill_is_made_as_long_as_the_step() -> None:
    points = np.array([[1.0, 0.0], [1.0, 0.0], [-5.0, 1.0]])
    found = at_step(table_of_products(points @ points.T), np.ones(2))
    assert found.lengths[-1] == pytest.approx(1.0)


def test_no_direction_stays_none() -> None:
    points = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert at_step(table_of_products(points @ points.T), np.ones(2)).lengths[-1] == 0.0
