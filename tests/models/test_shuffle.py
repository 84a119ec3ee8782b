"""The random order of rows: a bijection for every size, whatever the padding, and nearly uniform."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from hansa.models.shuffle import shuffled
from tests.oracles.orders import shuffle

SIZE = 700


def _order(seed: int, rows: int, real: int) -> np.ndarray:
    return np.asarray(shuffle(jax.random.key(seed), rows, jnp.float32(real)))


@given(st.integers(0, 2**31), st.integers(0, SIZE))
@example(0, 0)
@example(0, 1)
@example(0, 2)
@example(0, 3)
@example(0, SIZE)
def test_every_real_row_comes_once_and_padding_stays_behind(seed: int, real: int) -> None:
    order = _order(seed, SIZE, real)
    assert order.dtype == np.int32
    assert_array_equal(np.sort(order[:real]), np.arange(real))
    assert_array_equal(order[real:], np.arange(real, SIZE))


@pytest.mark.parametrize("real", [2**16 - 1, 2**16, 2**16 + 1, 46_341, 61_249])
def test_large_fleets_are_orders_too(real: int) -> None:
    assert_array_equal(np.sort(_order(5, 70_000, real)[:real]), np.arange(real))


@settings(max_examples=20)
@given(st.integers(0, 2**31), st.integers(1, 60))
def test_padding_changes_nothing(seed: int, real: int) -> None:
    assert_array_equal(_order(seed, 60, real)[:real], _order(seed, SIZE, real)[:real])


def test_another_key_gives_another_order() -> None:
    orders = {tuple(_order(seed, SIZE, 50)[:50]) for seed in range(100)}
    assert len(orders) == 100


def test_every_row_is_about_as_likely_at_every_place() -> None:
    keys = jax.random.split(jax.random.key(11), 3000)
    orders = np.asarray(jax.jit(jax.vmap(lambda key: shuffled(key, 20, jnp.float32(20))))(keys))  # (keys, 20)
    for statistic in (orders[:, 0], orders[:, 7], orders[:, 19], (orders[:, 1] - orders[:, 0]) % 20):
        values = 20 if statistic.min() == 0 else 19  # two neighbours never hold the same row
        seen = np.bincount(statistic, minlength=20)[20 - values :]
        expected = len(keys) / values
        # chi-square with 19 degrees of freedom: 43.8 is passed once in a thousand
        assert ((seen - expected) ** 2 / expected).sum() < 43.8


@pytest.mark.parametrize("rows", [3, 4])
def test_all_orders_of_a_few_rows_come_up(rows: int) -> None:
    keys = jax.random.split(jax.random.key(2), 4000)
    orders = np.asarray(jax.jit(jax.vmap(lambda key: shuffled(key, rows, jnp.float32(rows))))(keys))
    _, seen = np.unique(orders, axis=0, return_counts=True)
    assert len(seen) == {3: 6, 4: 24}[rows]
    assert seen.min() > 0.4 * len(keys) / len(seen)
