"""Rules of coordinates, against numpy's sorting."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.judging.coordinates import meamed, median, trimmed_mean

PARTIES = pytest.mark.parametrize("parties", [1, 2, 3, 4, 5, 8, 11, 16, 17, 32, 50])


def drawn(parties: int, dim: int = 300) -> np.ndarray:
    rng = np.random.default_rng(parties)
    return (rng.normal(size=(parties, dim)) * np.exp(rng.normal(size=dim))).astype(np.float32)


@PARTIES
def test_the_median_is_numpys_to_the_last_bit(parties: int) -> None:
    updates = drawn(parties)
    assert_array_equal(median(updates), np.median(updates, axis=0))


def test_pieces_of_columns_meet() -> None:
    updates = drawn(3, dim=40_000)
    assert_array_equal(median(updates), np.median(updates, axis=0))
    assert median(updates[:, :0]).shape == (0,)


@PARTIES
def test_the_trimmed_mean_is_that_of_what_sorting_leaves(parties: int) -> None:
    updates = drawn(parties)
    for bad in range((parties + 1) // 2):
        due = np.sort(updates.astype(np.float64), axis=0)[bad : parties - bad].mean(axis=0)
        scale = np.abs(updates).max(axis=0)
        assert_allclose(trimmed_mean(updates, bad) / scale, due / scale, atol=1e-6)


@PARTIES
def test_meamed_is_the_mean_of_the_nearest_to_the_median(parties: int) -> None:
    updates = drawn(parties)
    exact, middle = updates.astype(np.float64), np.median(updates, axis=0)
    for bad in range(parties):  # Bulyan leaves more than half out
        nearest = np.argsort(np.abs(exact - middle), axis=0, kind="stable")[: parties - bad]
        due = np.take_along_axis(exact, nearest, axis=0).mean(axis=0)
        ties = np.take_along_axis(np.sort(np.abs(exact - middle), axis=0), np.array([[parties - bad - 1]]), 0)
        clear = (np.abs(np.abs(exact - middle) - ties) < 1e-6 * ties).sum(axis=0) == 1
        scale = np.abs(updates).max(axis=0)
        assert_allclose((meamed(updates, bad) / scale)[clear], (due / scale)[clear], atol=1e-6)
        assert clear.any() or parties - bad in (1, parties) or parties < 5


def test_of_two_as_near_the_lesser_is_taken() -> None:
    updates = np.array([[0.0], [1.0], [2.0]], np.float32)
    assert meamed(updates, 1).tolist() == [0.5]
