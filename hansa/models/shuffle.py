"""A random order of rows, without sorting: XLA sorts slowly on a CPU.

A keyed bijection of [0, n): a Feistel network over a * b >= n with cycle walking.
Source: Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002, method 3. It deals
mini-batches; it hides nothing.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

_ROUNDS = 8
_Halves = tuple[jax.Array, jax.Array]


def shuffled(key: jax.Array, rows: int, real: jax.Array) -> jax.Array:
    """Return (rows,) int32: a random order of the first `real` rows, then the others as they stand.

    The order of the real rows depends on the key and on `real`, not on `rows`: padding changes nothing.
    rows: below 2^31.
    """
    count = jnp.maximum(real.astype(jnp.uint32), 1)
    width = jnp.ceil(jnp.sqrt(count.astype(jnp.float32))).astype(jnp.uint32)  # below 2^16
    height = (count + width - 1) // width
    words = jax.random.key_data(key)  # (2,), uint32

    def turn(halves: _Halves) -> _Halves:
        left, right = halves  # (rows,) each; the place is right * width + left
        for number in range(_ROUNDS // 2):
            left = _wrapped(left + _below(width, _mix(right, words[0] + jnp.uint32(number + 1))), width)
            right = _wrapped(right + _below(height, _mix(left, words[1] ^ jnp.uint32(number + 1))), height)
        return left, right

    start = jnp.arange(rows, dtype=jnp.uint32)  # (rows,)
    inside = start < count  # (rows,)

    def outside(halves: _Halves) -> jax.Array:
        return inside & (halves[1] * width + halves[0] >= count)  # (rows,)

    def walk(halves: _Halves) -> _Halves:
        again = outside(halves)  # (rows,)
        left, right = turn(halves)
        return jnp.where(again, left, halves[0]), jnp.where(again, right, halves[1])

    left, right = jax.lax.while_loop(
        lambda halves: outside(halves).any(), walk, turn((start % width, start // width))
    )
    return jnp.where(inside, right * width + left, start).astype(jnp.int32)


def _mix(value: jax.Array, key: jax.Array) -> jax.Array:
    key = key * jnp.uint32(0x9E3779B9)
    value = (value ^ key ^ (key >> 15)) * jnp.uint32(0x85EBCA6B)
    value = (value ^ (value >> 13)) * jnp.uint32(0xC2B2AE35)
    return value ^ (value >> 16)


def _below(limit: jax.Array, hashed: jax.Array) -> jax.Array:
    """Return hashes as numbers below the limit, at most 2^16: a product, as division is slow."""
    return ((hashed >> 16) * limit) >> 16


def _wrapped(value: jax.Array, limit: jax.Array) -> jax.Array:
    """Return the value modulo the limit; it is less than twice that."""
    return jnp.where(value >= limit, value - limit, value)
