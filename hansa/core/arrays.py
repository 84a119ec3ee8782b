"""Trees of arrays: sums over parties, flat names for files and messages, sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def weighted_sum(trees: Sequence[Any], weights: Sequence[Any]) -> Any:
    """Return sum_k weights[k] * trees[k], added in the order given so that it replays bit for bit."""

    def add(*leaves: Any) -> Any:
        total = leaves[0] * weights[0]
        for leaf, weight in zip(leaves[1:], weights[1:], strict=True):
            total = total + leaf * weight
        return total

    return jax.tree.map(add, *trees)


def stack(trees: Sequence[Any]) -> Any:
    """Return one tree whose leaves carry a leading parties axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def take(tree: Any, index: int | jax.Array) -> Any:
    """Return the tree of one party out of a stacked tree."""
    return jax.tree.map(lambda leaf: leaf[index], tree)


def flatten(tree: Any) -> dict[str, np.ndarray]:
    """Return the leaves as NumPy arrays under their paths, in the tree's order."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): _to_numpy(leaf) for path, leaf in leaves}


def restore(like: Any, flat: Mapping[str, np.ndarray]) -> Any:
    """Return a tree of the shape of `like` with the leaves of `flatten`; raises ValueError as `check`."""
    check(like, flat)
    old, structure = jax.tree.flatten(like)
    new = [_from_numpy(leaf, flat[name]) for leaf, name in zip(old, flatten(like), strict=True)]
    return jax.tree.unflatten(structure, new)


def check(like: Any, flat: Mapping[str, np.ndarray]) -> None:
    """Pass if leaves are those of `like`.

    Raises ValueError when a leaf is missing, unknown, of another shape or of another number type.
    """
    expected = flatten(like)
    if expected.keys() != flat.keys():
        raise ValueError(f"leaves differ: {sorted(map(str, expected.keys() ^ flat.keys()))}")
    wrong = [name for name in expected if expected[name].shape != flat[name].shape]
    if wrong:
        raise ValueError(f"shapes differ: {wrong}")
    wrong = [name for name in expected if expected[name].dtype != flat[name].dtype]
    if wrong:
        raise ValueError(f"number types differ: {wrong}")


def blank(tree: Any) -> Any:
    """Return a tree of the same shapes and number types whose zeros take no memory."""

    def zeros(leaf: Any) -> Any:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return leaf
        return np.broadcast_to(np.zeros((), leaf.dtype), leaf.shape)

    return jax.tree.map(zeros, tree)


def array_bytes(tree: Any) -> int:
    """Return the bytes of all leaves, without any framing."""
    return sum(int(leaf.nbytes) for leaf in jax.tree.leaves(tree))


def _to_numpy(leaf: Any) -> np.ndarray:
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(leaf))
    return np.asarray(leaf)


def _from_numpy(like: Any, value: np.ndarray) -> Any:
    if isinstance(like, jax.Array) and jnp.issubdtype(like.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(value))
    return jnp.asarray(value)
