"""A random order of rows, without sorting: XLA sorts slowly on a CPU.

A keyed bijection of [0, n): a Feistel network over a * b >= n with cycle walking.
Source: Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002, method 3. It deals
mini-batches; it hides nothing.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

_ROUNDS = 8


def shuffled(key: jax.Array, rows: int, real: jax.Array) -> jax.Array:
    """Return (rows,) int32: a random order of the first `real` rows, then the others as they stand.

    The order of the real rows depends on the key and on `real`, not on `rows`: padding changes nothing.
    """
    count = jnp.maximum(real.astype(jnp.uint32), 1)
    width = jnp.ceil(jnp.sqrt(count.astype(jnp.float32))).astype(jnp.uint32)
    height = (count + width - 1) // width
    words = jax.random.key_data(key)  # (2,), uint32

    def turn(place: jax.Array) -> jax.Array:
        def two_rounds(i: jax.Array, halves: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            left, right = halves
            left = (left + _mix(right, words[0] + i) % width) % width
            right = (right + _mix(left, words[1] ^ i) % height) % height
            return left, right

        left, right = jax.lax.fori_loop(
            jnp.uint32(1), jnp.uint32(1 + _ROUNDS // 2), two_rounds, (place % width, place // width)
        )
        return right * width + left

    start = jnp.arange(rows, dtype=jnp.uint32)  # (rows,)
    inside = start < count

    def outside(place: jax.Array) -> jax.Array:
        return inside & (place >= count)

    def walk(place: jax.Array) -> jax.Array:
        return jnp.where(outside(place), turn(place), place)

    end = jax.lax.while_loop(lambda place: outside(place).any(), walk, turn(start))
    return jnp.where(inside, end, start).astype(jnp.int32)


def _mix(value: jax.Array, key: jax.Array) -> jax.Array:
    key = key * jnp.uint32(0x9E3779B9)
    value = (value ^ key ^ (key >> 15)) * jnp.uint32(0x85EBCA6B)
    value = (value ^ (value >> 13)) * jnp.uint32(0xC2B2AE35)
    return value ^ (value >> 16)
