"""A few random sums of a vector, which show on shares alone that its square has not passed 2^64.

A vector of 2^32 in one coordinate has the square 2^64, which is 0: its diagonal in G says that it is short.
The sketch sees it. Once shares are fixed, the servers draw a coin; from it come a sign s of each number, a
bit b of each, and a shift of each row of `width` numbers. Rows are shifted and added up, once with s and once
with b s: two folds. A sketch number is a sum over a fold with coefficients g of -1, 0, 0 or 1. Every step is
linear and is done on shares. A vector passes if all numbers lie within `tolerance` of 0, modulo 2^64.

An honest vector, of norm B in integers at most, passes but for a chance of 1e-9 in a round. Given b and g, a
number is a sum of independent signs times numbers whose squares add up to B^2 at most, so that it exceeds t B
with a chance of 2 exp(-t^2 / 2) (Hoeffding); over 50 parties with 48 numbers each, t = 7.65 leaves 9.4e-10.

A vector v (entries in [-2^63, 2^63)) whose square passes 2^64 has a norm of 64 B, nearly. It passes with a
chance of about 4 / width + 3e-4 at most, 5e-4 for 1M numbers:
- A fold with an entry f farther from 0 than twice the tolerance: with all other coefficients given, at most
  one of 0 and f, and of 0 and -f, keeps the number within the tolerance, so that it is small with a chance of
  1/2 at most; 24 numbers with 2^-24. That a coefficient may be 0 is what tells f = 2^63 from 0.
- A fold f without such an entry has sums that do not wrap, of variance |f|^2 / 2 and a fourth moment of at
  most 3/4 |f|^4: for |f| >= 50 B each number is large with a chance of 0.30 (Paley and Zygmund), and 24 are
  all small with 2e-4, for equal entries with less than 1e-9.
- Folding keeps the norm: where no entry reaches 2^57, nothing wraps in a fold, and |f|^2 has the mean |v|^2
  and a variance of at most 2 |v|^4 / width, as numbers share an entry with a chance of 1 / width.
- An entry of 2^57 or more is alone of its kind in its place of the fold, or meets another one there, which
  has a chance of 1 / width for each; many such entries are in many places. Signs do not tell 2^63 from -2^63,
  so that two full rows of it cancel in the first fold; in the second each place is large with a chance of
  1/2.
Source of folding: Charikar, Chen and Farach-Colton, "Finding frequent items in data streams", ICALP 2002.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hansa.crypto.agreement import derived
from hansa.crypto.masks import stream_pieces
from hansa.protection.shared_components import PIECE, Shares

FOLDS, NUMBERS = 2, 24  # sketch numbers of each fold
LEAST_SIZE = 512  # numbers of a vector: a sketch tells 48 sums of it
_ROWS = 64  # that are folded together, at most
_DEVIATIONS = 7.65  # of a sum of random signs
_WORD_BITS = 64


def tolerance(longest: int) -> int:
    """Return what no sketch number of an honest vector exceeds; longest: its norm in integers, at most."""
    return math.ceil(_DEVIATIONS * longest)


def width_of(size: int) -> int:
    """Return how many entries a fold has: whole pieces, and at most 64 rows of them."""
    return PIECE * -(-size // (PIECE * _ROWS))


class Fold:
    """The folds of the components that one server holds, while their pieces come in order."""

    def __init__(self, parties: int, components: int, size: int, coin: bytes) -> None:
        """Begin; size: numbers of a vector. coin: the 32 bytes that nobody knew when shares were fixed."""
        self._width, self._next, self._coin = width_of(size), 0, coin
        shape = (components, FOLDS, parties, self._width + PIECE)
        self._sums = np.zeros(shape, np.uint64)
        self._signed = np.empty((parties, PIECE), np.uint64)  # used again for each piece
        self._shifts = _shifts(coin, size, self._width)
        keys = [derived(coin, b"signs"), derived(coin, b"bits")]
        self._chances = _bits(keys, size)

    def add(self, shares: Sequence[Shares]) -> None:
        """Add the next piece, (parties, words of the piece) of each component."""
        count = shares[0].shape[1]
        row, within = divmod(self._next, self._width)
        begin = (within + self._shifts[row]) % self._width
        signs, kept = next(self._chances)  # (words of the piece,) each
        factors = 1 - 2 * signs[:count]  # (words of the piece,), 1 or -1 modulo 2^64
        masks = 0 - kept[:count]  # (words of the piece,), all bits or none
        for place, piece in enumerate(shares):
            signed = np.multiply(piece, factors, out=self._signed[:, :count])  # (parties, words of the piece)
            into = self._sums[place, :, :, begin : begin + count]  # (folds, parties, words of the piece)
            np.add(into[0], signed, out=into[0])
            np.bitwise_and(signed, masks, out=signed)
            np.add(into[1], signed, out=into[1])
        self._next += count

    def numbers(self) -> Shares:
        """Return (components, parties, folds x numbers) the sketch, modulo 2^64."""
        self._sums[..., :PIECE] += self._sums[..., self._width :]  # what a shift took past the end
        folds = self._sums[..., : self._width]  # (components, folds, parties, width)
        found = []
        for fold in range(FOLDS):
            factors = _coefficients(self._coin, fold, self._width)  # (numbers, width)
            found.append(np.einsum("cpw,rw->cpr", folds[:, fold], factors))
        return np.concatenate(found, axis=-1)  # (components, parties, folds x numbers)


def passes(sketch: Shares, longest: int) -> NDArray[np.bool_]:
    """Return (parties,) whose (parties, numbers) sketch an honest vector may have."""
    limit = tolerance(longest)
    signed = sketch.view(np.int64)  # (parties, numbers)
    return np.asarray(((signed >= -limit) & (signed <= limit)).all(axis=1))  # (parties,)


def _shifts(coin: bytes, size: int, width: int) -> list[int]:
    """Return each row's shift; 64 bits modulo a width below 2^33 are uniform to 2^-31."""
    rows = -(-size // width)
    (drawn,) = next(stream_pieces([derived(coin, b"shifts")], rows, rows))  # (rows,)
    return [int(one) % width for one in drawn]


def _coefficients(coin: bytes, fold: int, width: int) -> Shares:
    """Return (numbers, width) -1, 0, 0 or 1 by chance, modulo 2^64."""
    keys = [derived(coin, b"coefficients", bytes([fold, way])) for way in range(2)]
    both = np.concatenate(list(_bits(keys, NUMBERS * width)), axis=1)  # (2, numbers x width)
    return (both[0] - both[1]).reshape(NUMBERS, width)  # (numbers, width)


def _bits(keys: Sequence[bytes], size: int) -> Iterator[Shares]:
    """Yield (keys, PIECE) bits of streams, a piece of the vector at a time, as words of 0 or 1."""
    words = -(-size // PIECE) * PIECE // _WORD_BITS
    for piece in stream_pieces(keys, words, PIECE // _WORD_BITS):
        yield np.unpackbits(piece.view(np.uint8), axis=1).astype(np.uint64)  # (keys, PIECE)
