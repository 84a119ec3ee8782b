"""Shamir's secret sharing modulo 2^255 - 19: any t of n shares tell a secret, and fewer tell nothing.

Source: Shamir, "How to share a secret", Communications of the ACM 22 (1979).
"""

from __future__ import annotations

from collections.abc import Mapping

from hansa.crypto.signing import KEY_BYTES, Source

PRIME = (1 << 255) - 19


def secret(source: Source) -> bytes:
    """Return 32 bytes, uniform below the prime: a secret that can be shared."""
    while True:
        number = int.from_bytes(source(KEY_BYTES), "little") & ((1 << 255) - 1)
        if number < PRIME:
            return number.to_bytes(KEY_BYTES, "little")


def shares_of(value: bytes, threshold: int, parties: int, source: Source) -> list[bytes]:
    """Return each party's share of a secret; any `threshold` of them tell it."""
    number = int.from_bytes(value, "little")
    if not (1 <= threshold <= parties and number < PRIME and len(value) == KEY_BYTES):
        raise ValueError("no secret below the prime, or no threshold of the parties")
    coefficients = [number, *(int.from_bytes(secret(source), "little") for _ in range(threshold - 1))]
    return [_at(coefficients, place).to_bytes(KEY_BYTES, "little") for place in range(1, parties + 1)]


def told_by(shares: Mapping[int, bytes]) -> bytes:
    """Return the secret that shares tell; shares: by place in the order of `shares_of`, `threshold` of them.

    Shares that are not of one secret tell another number: compare what is known of it.
    """
    places = [place + 1 for place in shares]
    found = 0
    for place, share in zip(places, shares.values(), strict=True):
        above, below = 1, 1
        for other in places:
            if other != place:
                above, below = above * other % PRIME, below * (other - place) % PRIME
        found += int.from_bytes(share, "little") * above * pow(below, -1, PRIME)
    return (found % PRIME).to_bytes(KEY_BYTES, "little")


def _at(coefficients: list[int], place: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * place + coefficient) % PRIME
    return value
