"""What is checked of one party's message before it is compared with any other: commitment, replay, content.

Every party first sends a commitment. Messages are opened only once all commitments of the round are there, so
that nobody can send what he has seen of another (a copy); a commitment names the task, the round and the
party, so that it is good for nothing else.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core import codec
from hansa.core.errors import MessageError

SALT_BYTES = 32
_STEP = 1 << 16  # numbers squared at a time
_WEIGHT = "weight"  # what every message holds beside its values

Schema = Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]
"""The arrays of a message: their names, shapes and number types, in the order of the tree."""


def commitment(task: str, round_: int, party: str, salt: bytes, digest: bytes) -> bytes:
    """Return 32 bytes that fix a message and tell nothing of it.

    salt: SALT_BYTES, secret and fresh. digest: the SHA-256 of the message.
    """
    return hashlib.sha256(codec.encode(["hansa update", task, round_, party, salt, digest])).digest()


def digest_of(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the SHA-256 of a message's arrays: of their names, number types and shapes, then their bytes."""
    names = sorted(arrays)
    heads: list[str | int] = []  # one flat list: what is nested takes five times as long to encode
    for name in names:
        heads += [name, arrays[name].dtype.str, arrays[name].ndim, *arrays[name].shape]
    sha = hashlib.sha256(codec.encode(heads))
    for name in names:
        sha.update(arrays[name].ravel().data)  # in the order of rows, wherever they lie
    return sha.digest()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an update of a task may be."""

    task: str  # its digest
    schema: Schema
    norm: float  # the largest L2 norm of the values; infinite: any
    most: float  # what a party may count for


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """What a message holds, once it is found good."""

    parts: tuple[NDArray[np.float32], ...]  # all arrays but the weight, flat, in the order of the schema
    weight: float
    length: float  # L2 norm of the values
    digest: bytes  # of the message

    @property
    def size(self) -> int:
        """Return how many numbers it has."""
        return sum(part.size for part in self.parts)

    def into(self, row: NDArray[np.float32]) -> None:
        """Write its numbers to (size,) a row."""
        np.concatenate(self.parts, out=row)


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a message is no update of this round."""

    check: str  # which one found it
    what: str


class Arrivals:
    """The updates of one round: commitments, then messages."""

    def __init__(self, bounds: Bounds, round_: int, seen: Mapping[str, set[bytes]]) -> None:
        """Begin; seen: by party, the digests of its updates of earlier rounds."""
        self._bounds, self._round, self._seen = bounds, round_, seen
        self._commitments: dict[str, bytes] = {}
        self._closed = False
        self._revealed: set[str] = set()

    def commit(self, party: str, commitment_: bytes) -> None:
        """Take a party's commitment; raises MessageError for a second one, or one that comes too late."""
        if party in self._commitments or self._closed:
            raise MessageError(
                "its commitment comes a second time or too late", do="drop the message", where=party
            )
        self._commitments[party] = commitment_

    def reveal(self, party: str, salt: bytes, arrays: Mapping[str, NDArray[Any]]) -> Update | Flaw:
        """Return a party's update, or what is wrong with it; after that no commitment is taken.

        arrays: what its message holds, decoded.
        """
        self._closed = True
        due = self._commitments.get(party)
        if due is None or party in self._revealed:
            return Flaw("commitment", "it committed to no update, or sends a second one")
        self._revealed.add(party)
        flaw = _misshapen(arrays, self._bounds.schema)
        if flaw is not None:
            return flaw
        digest = digest_of(arrays)
        if due != commitment(self._bounds.task, self._round, party, salt, digest):
            return Flaw("commitment", "its update is not the one that it committed to")
        return self._checked(party, arrays, digest)

    def _checked(self, party: str, arrays: Mapping[str, NDArray[Any]], digest: bytes) -> Update | Flaw:
        weight = float(arrays[_WEIGHT])
        if not 0.0 <= weight <= self._bounds.most:
            return Flaw("schema", f"it counts for {weight:g}, outside 0 to {self._bounds.most:g}")
        parts = tuple(arrays[name].reshape(-1) for name in self._bounds.schema if name != _WEIGHT)
        length = math.sqrt(_square(parts))
        if not math.isfinite(length):
            wrong = sum(int((~np.isfinite(part)).sum()) for part in parts)
            return Flaw(
                "finite", f"{wrong:,} of its {sum(part.size for part in parts):,} numbers are not finite"
            )
        if length > self._bounds.norm:
            what = f"its update is {length:.4g} long, and the charter allows {self._bounds.norm:g}"
            return Flaw("length", what)
        if length and digest in self._seen.get(party, ()):
            return Flaw("replay", "it sends an update of an earlier round again")
        return Update(parts, weight, length, digest)


def _misshapen(arrays: Any, schema: Schema) -> Flaw | None:
    """Return what tells the arrays of a message from those of the schema, if anything does."""
    if not isinstance(arrays, Mapping) or not all(isinstance(one, np.ndarray) for one in arrays.values()):
        return Flaw("schema", "its message is no update")
    if arrays.keys() != schema.keys():
        lacking, more = len(schema.keys() - arrays.keys()), len(arrays.keys() - schema.keys())
        return Flaw("schema", f"its update lacks {lacking} parts and has {more} that nobody asked for")
    for name, (shape, dtype) in schema.items():
        own = arrays[name]
        if (own.shape, own.dtype) != (shape, dtype):
            return Flaw("shape", f"its {name} is {own.dtype}{list(own.shape)}, not {dtype}{list(shape)}")
    return None


def _square(parts: Sequence[NDArray[np.float32]]) -> float:
    """Return the squared L2 norm of all parts, in float64; infinite where a number is not finite."""
    total = 0.0
    for part in parts:
        for start in range(0, part.size, _STEP):
            piece = part[start : start + _STEP].astype(np.float64)
            total += float(piece @ piece)
    return total if math.isfinite(total) else math.inf
