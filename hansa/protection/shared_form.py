"""How a vector is written for a shared sum, and which weights its sum may have.

A vector longer than `norm` is scaled down to it. A number v becomes the integer nearest to v 2^bits, modulo
2^64, with bits such that norm 2^bits lies in (2^25, 2^26]: squared lengths stay below 2^53, and a vector
whose square passes 2^64 is 64 times as long as any that is allowed, which a sketch tells (`shared_sketch`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

NORM_BITS = 26  # of the longest vector, in integers
MOST_WEIGHT = 1 << 30  # 50 parties' weighted numbers of 26 bits each stay below 2^63


@dataclass(frozen=True, slots=True)
class SharedForm:
    """How the vectors of one shared sum are written."""

    parties: int  # who may be in the sum, at most
    norm: float  # the largest L2 norm of a party's vector; longer ones are scaled down to it
    width: ClassVar[int] = 64  # bits of an integer

    @property
    def bits(self) -> int:
        """Return how many bits stand after the point."""
        bits = NORM_BITS - math.ceil(math.log2(self.norm))
        while math.ldexp(self.norm, bits) > 1 << NORM_BITS:  # the logarithm may be off by a rounding
            bits -= 1
        return bits

    @property
    def dtype(self) -> np.dtype[np.uint64]:
        """Return the type of a word."""
        return np.dtype(np.uint64)

    def stated(self) -> list[object]:
        """Return plain values that tell this form from others."""
        return ["shared", self.parties, self.norm]

    def longest(self, numbers: int) -> int:
        """Return the norm, in integers, that no honest vector exceeds: rounding adds sqrt(numbers) / 2."""
        return math.ceil(math.ldexp(self.norm, self.bits) + math.sqrt(numbers) / 2) + 1

    def encoded(self, vector: NDArray[np.floating[Any]]) -> NDArray[np.uint64]:
        """Return (numbers,) the words of (numbers,) finite values, scaled down to the norm."""
        exact = np.asarray(vector, np.float64)  # (numbers,)
        length = float(np.linalg.norm(exact))
        scale = min(1.0, self.norm / length) if length else 1.0
        scaled = np.ldexp(exact * scale, self.bits)  # (numbers,)
        return np.rint(scaled, out=scaled).astype(np.int64).view(np.uint64)

    def decoded_sum(self, total: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return (numbers,) the weighted sum of vectors from that of their words.

        Each integer is off by 1/2 at most, and the sum of integers is exact: an error of at most
        2^-(bits + 1) times the sum of the weights, and one rounding to float64.
        """
        return np.ldexp(total.view(np.int64).astype(np.float64), -self.bits)  # (numbers,)

    def decoded_gram(self, gram: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return (parties, parties) products of vectors from those of their words.

        Integers u + e, with |e| <= sqrt(numbers) / 2, give <u, v> an error of at most
        |e| (|u| + |v|) + |e|^2; divided by 4^bits, and one rounding to float64.
        """
        return np.ldexp(gram.view(np.int64).astype(np.float64), -2 * self.bits)  # (parties, parties)


def capped(weights: Mapping[str, int], share: Fraction) -> dict[str, int]:
    """Return weights of which none exceeds its share of their total: the largest are lowered to one level.

    share: in (0, 1]. The level is the largest integer that will do; where too few weights are positive for
    any, all are 1. Source: water-filling, as for channels in Cover and Thomas, section 9.4.
    """
    low, high = 0, max(weights.values(), default=0)
    while low < high:  # levels that will do are those from 0 to some last one: the excess is convex
        level = (low + high + 1) // 2
        fits = level <= share * sum(min(one, level) for one in weights.values())
        low, high = (level, high) if fits else (low, level - 1)
    return {name: min(one, low) if low else 1 for name, one in weights.items()}


def dominated(weights: Iterable[int], cohort: int) -> bool:
    """Return whether one weight has more than 1 part in `cohort` of all, so that the sum tells of it."""
    known = list(weights)
    return not sum(known) or max(known) * cohort > sum(known)
