"""Numbers as words whose sums over parties neither overflow nor depend on their order.

A number v is clipped to [-clip, clip] and becomes the integer nearest to v 2^bits, modulo 2^width; bits is
the largest for which n parties' integers sum to less than 2^(width - 1), so that the sum modulo 2^width is
the sum. Rounding takes each integer off by 1/2 at most, so a sum over n parties is off by n 2^-(bits + 1).

Wide numbers, of statistics in float64, take two words: the nearest multiple of 2^-coarse, and what is left of
the number, 2^-(coarse + 1) at most, written as above. Both words are summed apart. What comes out is rounded
to float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
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
    width: int = 32  # bits of a word: 32 or 64
    words: int = 1  # of a number: 1, or 2 of 64 bits

    @property
    def bits(self) -> int:
        """Return how many bits stand after the point, in the last word."""
        coarse = self._bits(self.clip)
        return coarse if self.words == 1 else self._bits(2.0 ** -(coarse + 1))

    @property
    def error(self) -> float:
        """Return by how much a sum may differ from that of the clipped numbers, at most."""
        return self.parties * 2.0 ** -(self.bits + 1)

    @property
    def dtype(self) -> np.dtype[np.uint32] | np.dtype[np.uint64]:
        """Return the type of a word."""
        return np.dtype(np.uint32) if self.width == 32 else np.dtype(np.uint64)

    def encoded(self, values: Floats) -> Words:
        """Return (words x numbers,) the words of (numbers,) finite values; these are clipped."""
        held = np.clip(values, -self.clip, self.clip)  # (numbers,)
        if self.words == 1:
            return self._integers(held, self.bits).view(self.dtype)
        coarse = self._bits(self.clip)
        high = self._integers(held, coarse)  # (numbers,)
        rest = held - np.ldexp(high.astype(np.float64), -coarse)  # (numbers,), exact
        return np.concatenate([high, self._integers(rest, self.bits)]).view(self.dtype)

    def decoded(self, total: Words) -> NDArray[np.float64]:
        """Return (numbers,) the sum of values from (words x numbers,) the sum of their words."""
        signed = total.view(np.int32 if self.width == 32 else np.int64).astype(np.float64)
        if self.words == 1:
            return np.ldexp(signed, -self.bits)
        high, low = np.split(signed, 2)  # (numbers,) each
        return np.ldexp(high, -self._bits(self.clip)) + np.ldexp(low, -self.bits)

    def _bits(self, clip: float) -> int:
        bits = self.width - 1 - math.floor(math.log2(self.parties * clip))
        while self.parties * math.ceil(math.ldexp(clip, bits)) >= 1 << (self.width - 1):
            bits -= 1
        return bits

    def _integers(self, held: Floats, bits: int) -> NDArray[Any]:
        # Exact in float32, too: a power of two only moves the exponent, and what is above 2^24 is whole.
        scaled = np.ldexp(held, bits)  # (numbers,)
        return np.rint(scaled, out=scaled).astype(np.int32 if self.width == 32 else np.int64)
