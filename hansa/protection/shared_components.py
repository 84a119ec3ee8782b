"""A party's words as three components that add up to them, and their sums and products at a server.

Component 0 and 1 are streams of AES-256 in counter mode, sent as seeds of 32 bytes; component 2 is what is
left of the words, sent whole after a salt of 32 bytes. Server k holds components k and k + 1 (modulo 3), so
that one server alone lacks one component, and each component is known to two. The digest of what is sent
commits to a component; it tells nothing of it, as seeds and salts are unknown to the server that lacks it.
Source: Araki et al., "High-Throughput Semi-Honest Secure Three-Party Computation with an Honest Majority",
CCS 2016, sections 2 and 3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hansa.crypto.agreement import derived
from hansa.crypto.masks import Words, add_streams, stream_pieces
from hansa.crypto.signing import KEY_BYTES, Source

SERVERS = 3
PIECE = 8192  # words of a piece: the cohort's pieces of two components stay in the processor's cache
_WHOLE = 2  # the component that is no stream

Shares = NDArray[np.uint64]


def split(words: Words, about: bytes, source: Source) -> tuple[bytes, ...]:
    """Return the three components of (size,) words, each as it is sent; about: the occasion's digest."""
    seeds = [source(KEY_BYTES) for _ in range(_WHOLE)]
    salt, left = source(KEY_BYTES), words.copy()  # (size,)
    add_streams(left, [], [_key(seed, about) for seed in seeds])
    return (*seeds, salt + left.tobytes())


def bytes_of(component: int, size: int) -> int:
    """Return how long a component is."""
    return KEY_BYTES + (np.dtype(np.uint64).itemsize * size if component == _WHOLE else 0)


def digest_of(sent: bytes) -> bytes:
    """Return the 32 bytes that commit to a component, or to a sum of some."""
    return hashlib.sha256(sent).digest()


def pieces(component: int, sent: Sequence[bytes], about: bytes, size: int) -> Iterator[Shares]:
    """Yield (parties, words of the piece) one component of the cohort; sent: of each party."""
    if component != _WHOLE:
        yield from stream_pieces([_key(seed, about) for seed in sent], size, PIECE)
        return
    known = [np.frombuffer(one, np.uint64, size, KEY_BYTES) for one in sent]  # (size,) each
    buffer = np.empty((len(sent), PIECE), np.uint64)  # used again for each piece
    for first in range(0, size, PIECE):
        piece = buffer[:, : min(PIECE, size - first)]  # (parties, words of the piece)
        for row, one in zip(piece, known, strict=True):
            row[:] = one[first : first + PIECE]
        yield piece


def weighted_sum(weights: Sequence[int], shares: Iterator[Shares], size: int) -> Shares:
    """Return (size,) the weighted sum of a component's words over the cohort, modulo 2^64."""
    factors = np.array(weights, np.uint64)  # (parties,)
    total = np.empty(size, np.uint64)  # (size,)
    first = 0
    for piece in shares:
        np.einsum("p,pm->m", factors, piece, out=total[first : first + piece.shape[1]])
        first += piece.shape[1]
    return total


class Products:
    """One server's part of all products <u_i, u_j>, i <= j, while pieces of its components come in order."""

    def __init__(self, parties: int) -> None:
        """Begin."""
        self._terms = np.zeros((parties, parties), np.uint64)
        self._both = np.empty((parties, PIECE), np.uint64)  # used again for each piece

    def add(self, own: Shares, following: Shares) -> None:
        """Add the next piece, (parties, words of the piece) of components k and k + 1.

        Its part is a_i a_j + a_i b_j + b_i a_j = (a + b)_i (a + b)_j - b_i b_j; the parts of the three
        servers add up to all nine products of components.
        """
        both = np.add(own, following, out=self._both[:, : own.shape[1]])  # (parties, words of the piece)
        for place, terms in enumerate(self._terms):
            terms[place:] += np.einsum("m,pm->p", both[place], both[place:])
            terms[place:] -= np.einsum("m,pm->p", following[place], following[place:])

    def terms(self) -> Shares:
        """Return (pairs,) the part, in the order of `numpy.triu_indices`, modulo 2^64."""
        return self._terms[np.triu_indices(len(self._terms))]  # (pairs,)


def _key(seed: bytes, about: bytes) -> bytes:
    return derived(seed, b"component", about)
