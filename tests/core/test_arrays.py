"""Trees of arrays: sums in a fixed order, flat names that bring every bit back, sizes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as numpy_arrays
from numpy.testing import assert_allclose, assert_array_equal

from hansa.core import arrays

finite = st.floats(-100, 100, width=32)


class Pair(eqx.Module):
    left: jax.Array
    right: tuple[jax.Array, ...]
    name: str = eqx.field(static=True, default="")


def _tree(start: float = 0.0) -> Pair:
    return Pair(jnp.arange(3.0) + start, (jnp.ones((2, 2)) * start, jnp.zeros(0)))


@given(numpy_arrays(np.float32, (4, 3), elements=finite), numpy_arrays(np.float32, 4, elements=finite))
def test_a_weighted_sum_is_the_sum_of_weighted_trees(values: np.ndarray, weights: np.ndarray) -> None:
    total = arrays.weighted_sum([{"x": (one,)} for one in values], list(weights))
    expected = sum(float(w) * one.astype(np.float64) for w, one in zip(weights, values, strict=True))
    assert_allclose(total["x"][0], expected, atol=0.1)


def test_a_weighted_sum_adds_in_the_order_given() -> None:
    values = [jnp.float32(value) for value in (1e8, 1.0, -1e8)]
    assert float(arrays.weighted_sum(values, [1.0, 1.0, 1.0])) == 0.0  # the 1 is lost first
    assert float(arrays.weighted_sum([values[0], values[2], values[1]], [1.0, 1.0, 1.0])) == 1.0


def test_a_sum_of_empty_trees_is_empty() -> None:
    assert arrays.weighted_sum([(), ()], [1.0, 2.0]) == ()


def test_a_weighted_sum_refuses_a_weight_too_few() -> None:
    with pytest.raises(ValueError, match="zip"):
        arrays.weighted_sum([jnp.ones(2), jnp.ones(2)], [1.0])


def test_what_is_stacked_can_be_taken_out_again() -> None:
    stacked = arrays.stack([_tree(1.0), _tree(2.0)])
    assert stacked.left.shape == (2, 3)
    assert jax.tree.all(jax.tree.map(jnp.array_equal, arrays.take(stacked, 1), _tree(2.0)))


def test_leaves_are_named_by_their_paths() -> None:
    assert list(arrays.flatten({"a": _tree()})) == ["a/left", "a/right/0", "a/right/1"]


@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8", "bool"])
def test_a_flattened_tree_comes_back_to_the_bit(dtype: str) -> None:
    tree = Pair(jnp.array([3, 1, 2]).astype(dtype), (jnp.zeros((0, 2), dtype), jnp.ones((), dtype)), "kept")
    back = arrays.restore(tree, arrays.flatten(tree))
    assert back.name == "kept"
    for old, new in zip(jax.tree.leaves(tree), jax.tree.leaves(back), strict=True):
        assert (old.shape, old.dtype, old.tobytes()) == (new.shape, new.dtype, new.tobytes())


def test_keys_of_chance_come_back_and_draw_the_same() -> None:
    tree = {"one": jax.random.key(3), "many": jax.random.split(jax.random.key(4), 2)}
    flat = arrays.flatten(tree)
    assert all(isinstance(leaf, np.ndarray) and leaf.dtype == np.uint32 for leaf in flat.values())
    back = arrays.restore(tree, flat)
    assert_array_equal(jax.random.uniform(back["one"], 3), jax.random.uniform(tree["one"], 3))
    assert_array_equal(jax.random.uniform(back["many"][1], 3), jax.random.uniform(tree["many"][1], 3))


def test_restoring_refuses_leaves_that_do_not_fit() -> None:
    flat = arrays.flatten(_tree())
    with pytest.raises(ValueError, match=r"leaves differ.*left"):
        arrays.restore(_tree(), {name: leaf for name, leaf in flat.items() if name != "left"})
    with pytest.raises(ValueError, match=r"leaves differ.*extra"):
        arrays.restore(_tree(), flat | {"extra": np.zeros(1)})
    with pytest.raises(ValueError, match=r"shapes differ.*left"):
        arrays.restore(_tree(), flat | {"left": np.zeros(4, np.float32)})
    with pytest.raises(ValueError, match=r"number types differ.*left"):
        arrays.restore(_tree(), flat | {"left": np.zeros(3, np.int32)})


def test_the_order_of_the_flat_names_does_not_matter() -> None:
    flat = arrays.flatten(_tree(2.0))
    back = arrays.restore(_tree(), dict(reversed(flat.items())))
    assert jax.tree.all(jax.tree.map(jnp.array_equal, back, _tree(2.0)))


def test_array_bytes_count_elements_times_their_width() -> None:
    assert arrays.array_bytes((jnp.zeros((3, 2)), np.zeros(5, np.uint8), jnp.int32(1))) == 24 + 5 + 4
    assert arrays.array_bytes(np.zeros(3)) == 24  # float64, which the accelerator's own arrays are not
    assert arrays.array_bytes(()) == 0
