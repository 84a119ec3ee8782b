"""What comes before a rule, against the same on the updates themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from hansa.judging.before import longest_clipped, nearest_neighbours
from hansa.judging.table import table_of_products

SEEDS = st.integers(0, 2**32 - 1)
SIZES = pytest.mark.parametrize(("parties", "bad"), [(3, 0), (3, 1), (7, 2), (11, 5)])
FEW = settings(max_examples=20)


def drawn(seed: int, parties: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(parties, 4))


@SIZES
@given(seed=SEEDS)
@FEW
def test_each_update_becomes_the_mean_of_its_nearest(parties: int, bad: int, seed: int) -> None:
    updates = drawn(seed, parties)
    seen, mixing = nearest_neighbours(table_of_products(updates @ updates.T), bad)
    due = []
    for one in updates:
        nearest = np.argsort(np.linalg.norm(updates - one, axis=1))[: parties - bad]
        due.append(updates[nearest].mean(axis=0))
    assert_allclose(mixing @ updates, due, atol=1e-9)
    assert_allclose(seen.products, np.array(due) @ np.transpose(due), atol=1e-9)


@SIZES
@given(seed=SEEDS)
@FEW
def test_the_longest_become_as_long_as_the_next(parties: int, bad: int, seed: int) -> None:
    updates = drawn(seed, parties)
    seen, mixing = longest_clipped(table_of_products(updates @ updates.T), bad)
    norms = np.linalg.norm(updates, axis=1)
    order, count = np.argsort(norms), int(2 * bad / parties * (parties - bad))
    due = updates.copy()
    for party in order[parties - count :]:
        due[party] *= norms[order[parties - count - 1]] / norms[party]
    assert_allclose(mixing @ updates, due, atol=1e-9)
    assert_allclose(seen.products, due @ due.T, atol=1e-9)
