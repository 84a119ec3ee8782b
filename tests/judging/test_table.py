"""Distances between updates, against differences taken one by one in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from hansa.judging.table import Table, table_of, table_of_products

SEEDS = st.integers(0, 2**32 - 1)


def plain(updates: np.ndarray) -> Table:
    exact = updates.astype(np.float64)
    apart = exact[:, None] - exact[None]
    return Table((apart**2).sum(-1), (exact**2).sum(-1))


def drawn(seed: int, parties: int = 5, dim: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(parties, dim)) * rng.uniform(0.1, 10, (parties, 1))).astype(np.float32)


@pytest.mark.parametrize("offset", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("dim", [300, 32_768, 70_001])
def test_a_large_common_offset_costs_no_digits(offset: float, dim: int) -> None:
    rng = np.random.default_rng(dim)
    updates = (rng.normal(0, 0.01, (30, dim)) + offset).astype(np.float32)
    found, due = table_of(updates), plain(updates)
    assert_allclose(found.between, due.between, rtol=1e-5)
    assert_allclose(found.lengths, due.lengths, rtol=1e-5)


@given(SEEDS)
def test_products_and_distances_tell_the_same(seed: int) -> None:
    updates = drawn(seed)
    exact = updates.astype(np.float64)
    found = table_of_products(exact @ exact.T)
    scale = found.lengths.max()
    assert_allclose(found.between, table_of(updates).between, atol=1e-5 * scale)
    assert_allclose(found.products, exact @ exact.T, atol=1e-9 * scale)


@given(SEEDS)
def test_distances_from_a_weighted_sum_are_those_of_the_sum(seed: int) -> None:
    updates = drawn(seed).astype(np.float64)
    weights = np.random.default_rng(seed).uniform(0, 0.4, len(updates))
    due = ((updates - weights @ updates) ** 2).sum(-1)
    assert_allclose(plain(updates).from_point(weights), due, rtol=1e-8, atol=1e-8)


@given(SEEDS)
def test_means_of_updates_have_the_table_of_those_means(seed: int) -> None:
    updates = drawn(seed).astype(np.float64)
    mixing = np.random.default_rng(seed).uniform(0, 1, (3, len(updates)))
    mixing /= mixing.sum(1, keepdims=True)
    found, due = plain(updates).mixed(mixing), plain(mixing @ updates)
    assert_allclose(found.between, due.between, atol=1e-8 * due.lengths.max())
    assert_allclose(found.lengths, due.lengths, rtol=1e-8, atol=1e-8)


def test_a_party_can_be_left_out() -> None:
    updates = drawn(0)
    found, due = table_of(updates).without([1, 3]), table_of(updates[[0, 2, 4]])
    assert_allclose(found.between, due.between, rtol=1e-5)
    assert_allclose(found.lengths, due.lengths, rtol=1e-5)


@given(SEEDS)
def test_shorter_updates_have_the_table_of_those(seed: int) -> None:
    updates = drawn(seed).astype(np.float64)
    factors = np.random.default_rng(seed).uniform(0, 1, len(updates))
    found, due = plain(updates).scaled(factors), plain(factors[:, None] * updates)
    assert_allclose(found.between, due.between, atol=1e-9 * plain(updates).lengths.max())
    assert_allclose(found.lengths, due.lengths, rtol=1e-9)


@pytest.mark.parametrize("size", [1e6, 1e15, 1e30])
@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize("party", [0, 3])
def test_one_party_cannot_spoil_the_digits_of_the_others(size: float, offset: float, party: int) -> None:
    updates = drawn(1, 7, 50_000) + np.float32(offset)
    updates[party] = size
    others = [place for place in range(7) if place != party]
    found, due = table_of(updates), plain(updates)
    assert_allclose(found.without([party]).between, due.without([party]).between, rtol=1e-5)
    assert_allclose(found.lengths, due.lengths, rtol=1e-5)
    assert_allclose(found.between[party][others], due.between[party][others], rtol=1e-5)


def test_updates_in_one_array_and_one_by_one_have_the_same_table() -> None:
    for updates in (drawn(2, 4, 70_000), drawn(2, 4, 70_000) + np.float32(50)):
        assert table_of(list(updates)).between.tobytes() == table_of(updates).between.tobytes()
