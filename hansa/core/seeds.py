"""Named streams of chance for learning: same seed, same names, same numbers.

Keys, masks and privacy noise never come from here: they are the operating system's business.
"""

from __future__ import annotations

import hashlib

import jax
import numpy as np


def key(seed: int, *names: str | int) -> jax.Array:
    """Return the JAX key of a named stream, for instance `key(7, "party-1", "batches")`."""
    return jax.random.key(_number(seed, names) & 0xFFFFFFFF)


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return the NumPy generator of a named stream."""
    return np.random.default_rng(_number(seed, names))


def _number(seed: int, names: tuple[str | int, ...]) -> int:
    text = "\x1f".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")
