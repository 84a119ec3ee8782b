"""Numbers as words whose sums over parties neither overflow nor depend on their order.

A number v is clipped to [-clip, clip] and becomes the integer nearest to v 2^bits, modulo 2^width; bits is
the largest for which n parties' integers sum to less than 2^(width - 1), so that the sum modulo 2^width is
the sum. Rounding takes each integer off by 1/2 at most, so a sum over n parties is off by n 2^-(bits + 1).

Wide numbers, of statistics in float64, take several words: the nearest multiple of 2^-bits, then what is left
of the number, 2^-(bits + 1) at most, written as above with that as its clip, and so on. Words are summed
apart; each rest is exact in float64, as it ends where the number does. What comes out is rounded to float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.crypto.masks import Words

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """How the numbers of one sum are written."""

    parties: int  # who may be in the sum, at most
    clip: float  # the largest magnitude of a party's number
    width: int = 32  # bits of an integer, 64 at most
    words: int = 1  # of a number

    @property
    def bits(self) -> int:
        """Return how many bits stand after the point, in the last word."""
        return max(self._places())

    @property
    def error(self) -> float:
        """Return by how much a sum may differ from that of the clipped numbers, at most."""
        return self.parties * 2.0 ** -(self.bits + 1)

    @property
    def dtype(self) -> np.dtype[np.uint32] | np.dtype[np.uint64]:
        """Return the type of a word."""
        return np.dtype(np.uint32) if self.width <= 32 else np.dtype(np.uint64)

    def stated(self) -> list[object]:
        """Return plain values that tell this form from others."""
        return [self.parties, self.clip, self.width, self.words]

    def encoded(self, values: Floats) -> Words:
        """Return (words x numbers,) the words of (numbers,) finite values; these are clipped."""
        rest = np.clip(values, -self.clip, self.clip)  # (numbers,)
        found = []
        for bits in self._places():
            scaled = rest * rest.dtype.type(2.0**bits)  # (numbers,), exact: only the exponent moves
            found.append(np.rint(scaled, out=scaled).astype(self._signed))
            if len(found) < self.words:
                rest = rest - 2.0**-bits * found[-1].astype(np.float64)  # (numbers,), exact
        return (found[0] if self.words == 1 else np.concatenate(found)).view(self.dtype)

    def decoded(self, total: Words) -> NDArray[np.float64]:
        """Return (numbers,) the sum of values from (words x numbers,) the sum of their words."""
        parts = np.split(total.view(self._signed).astype(np.float64), self.words)  # (numbers,) each
        found = [2.0**-bits * part for part, bits in zip(parts, self._places(), strict=True)]
        return reduce(np.add, found[::-1])  # (numbers,), the smallest first

    def _places(self) -> Iterator[int]:
        """Yield the bits after the point of each word."""
        clip = self.clip
        for _ in range(self.words):
            yield (bits := self._bits(clip))
            clip = 2.0 ** -(bits + 1)

    @property
    def _signed(self) -> np.dtype[np.int32] | np.dtype[np.int64]:
        return np.dtype(np.int32) if self.width <= 32 else np.dtype(np.int64)

    def _bits(self, clip: float) -> int:
        bits = self.width - 1 - math.floor(math.log2(self.parties * clip))
        while self.parties * math.ceil(math.ldexp(clip, bits)) >= 1 << (self.width - 1):
            bits -= 1
        return bits
