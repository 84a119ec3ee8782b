"""Points in the middle of updates, against the same steps on the updates themselves, and a minimiser."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from hansa.judging.centres import centered_clipping, clipped, geometric_median, mean
from hansa.judging.table import Table, table_of_products

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=25)


def drawn(seed: int, parties: int = 7, dim: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(parties, dim)) + 1.0


def exact(updates: np.ndarray) -> Table:
    return table_of_products(updates @ updates.T)


def summed(updates: np.ndarray, point: np.ndarray) -> float:
    return float(np.linalg.norm(updates - point, axis=1).sum())


def test_the_mean_is_the_mean() -> None:
    updates = drawn(0)
    assert_allclose(mean(exact(updates)) @ updates, updates.mean(axis=0))


@given(SEEDS)
@FEW
def test_clipped_updates_are_no_longer_than_the_median(seed: int) -> None:
    updates = drawn(seed)
    norms = np.linalg.norm(updates, axis=1)
    short = [one * min(1, np.median(norms) / norm) for one, norm in zip(updates, norms, strict=True)]
    assert_allclose(clipped(exact(updates)) @ updates, np.mean(short, axis=0), atol=1e-9)


@given(SEEDS)
@FEW
def test_centered_clipping_takes_the_steps_of_the_paper_with_the_median_distance(seed: int) -> None:
    updates = drawn(seed)
    point = np.zeros(updates.shape[1])
    for _ in range(10):
        ways = updates - point
        radius = np.median(np.linalg.norm(ways, axis=1))
        point = point + np.mean([way * min(1, radius / np.linalg.norm(way)) for way in ways], axis=0)
    assert_allclose(centered_clipping(exact(updates)) @ updates, point, atol=1e-9)


@pytest.mark.parametrize(("parties", "dim"), [(1, 2), (2, 3), (3, 2), (8, 5), (20, 3)])
@given(seed=SEEDS)
@settings(max_examples=8)
def test_no_point_has_a_lesser_sum_of_distances(parties: int, dim: int, seed: int) -> None:
    updates = drawn(seed, parties, dim)
    found = summed(updates, geometric_median(exact(updates)) @ updates)
    starts = [updates.mean(axis=0), geometric_median(exact(updates)) @ updates]
    best = min(minimize(lambda at: summed(updates, at), one, method="Nelder-Mead").fun for one in starts)
    assert found <= min([best, *(summed(updates, one) for one in updates)]) * (1 + 1e-9)


def test_the_geometric_median_of_a_line_is_its_median() -> None:
    updates = np.array([[-1.0], [0.0], [0.5], [7.0], [1e6]])
    assert geometric_median(exact(updates)).tolist() == pytest.approx([0, 0, 1, 0, 0])


def test_the_geometric_median_of_a_majority_is_where_that_is() -> None:
    updates = np.vstack([np.ones((4, 3)), drawn(2, 3, 3)])
    assert_allclose(geometric_median(exact(updates)) @ updates, np.ones(3), atol=1e-9)


@pytest.mark.parametrize("corner", [120.0, 100.0])
def test_the_geometric_median_of_a_triangle_is_its_fermat_point(corner: float) -> None:
    turn = np.deg2rad(corner)
    updates = np.array([[0.0, 0.0], [1.0, 0.0], [np.cos(turn), np.sin(turn)]])
    point = geometric_median(exact(updates)) @ updates
    ways = (updates - point)[np.linalg.norm(updates - point, axis=1) > 1e-6]
    pull = (ways / np.linalg.norm(ways, axis=1, keepdims=True)).sum(axis=0)
    assert np.linalg.norm(pull) <= (1e-6 if len(ways) == 3 else 1 + 1e-6)
