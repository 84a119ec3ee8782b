"""What is checked of one party's message before it is compared with any other: commitment, replay, content.

Every party first sends a commitment. Messages are opened only once all commitments of the round are there, so
that nobody can send what he has seen of another (a copy); a commitment names the task, the round and the
party, so that it is good for nothing else.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core import codec
from hansa.core.errors import MessageError

SALT_BYTES = 32
_WEIGHT = "weight"  # what every message holds beside its values
_FORM = {"kind": "terms", "opening": "", "arrays": None}  # of a message, beside its arrays
_MORE = 4096  # bytes; what is larger is not read: lists of nothing take 80 times their bytes

Schema = Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]
"""The arrays of a message: their names, shapes and number types, in the order of the tree."""


def commitment(task: str, round_: int, party: str, salt: bytes, digest: bytes) -> bytes:
    """Return 32 bytes that fix a message and tell nothing of it.

    salt: SALT_BYTES, secret and fresh. digest: the SHA-256 of the message.
    """
    return hashlib.sha256(codec.encode(["hansa update", task, round_, party, salt, digest])).digest()


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

    values: NDArray[np.float32]  # (dim,) all numbers but the weight, in the order of the schema
    weight: float
    length: float  # L2 norm of the values
    digest: bytes  # of the message


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
        nothing = {name: np.zeros(shape, dtype) for name, (shape, dtype) in bounds.schema.items()}
        self._most = len(codec.encode(_FORM | {"arrays": nothing})) + _MORE
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

    def reveal(self, party: str, salt: bytes, message: bytes) -> Update | Flaw:
        """Return a party's update, or what is wrong with it; after that no commitment is taken."""
        self._closed = True
        due = self._commitments.get(party)
        if due is None or party in self._revealed:
            return Flaw("commitment", "it committed to no update, or sends a second one")
        self._revealed.add(party)
        digest = hashlib.sha256(message).digest()
        if due != commitment(self._bounds.task, self._round, party, salt, digest):
            return Flaw("commitment", "its update is not the one that it committed to")
        if len(message) > self._most:
            return Flaw("schema", f"its message of {len(message):,} bytes is too large for an update")
        arrays = _arrays(message, self._bounds.schema)
        return arrays if isinstance(arrays, Flaw) else self._checked(party, arrays, digest)

    def _checked(self, party: str, arrays: Mapping[str, NDArray[Any]], digest: bytes) -> Update | Flaw:
        weight = float(arrays[_WEIGHT])
        if not 0.0 <= weight <= self._bounds.most:
            return Flaw("schema", f"it counts for {weight:g}, outside 0 to {self._bounds.most:g}")
        flat = [arrays[name].reshape(-1) for name in self._bounds.schema if name != _WEIGHT]
        values = np.concatenate(flat)  # (dim,)
        length = _length(values)
        if not math.isfinite(length):
            wrong = int((~np.isfinite(values)).sum())
            return Flaw("finite", f"{wrong:,} of its {values.size:,} numbers are not finite")
        if length > self._bounds.norm:
            what = f"its update is {length:.4g} long, and the charter allows {self._bounds.norm:g}"
            return Flaw("length", what)
        if length and digest in self._seen.get(party, ()):
            return Flaw("replay", "it sends an update of an earlier round again")
        return Update(values, weight, length, digest)


def _arrays(message: bytes, schema: Schema) -> dict[str, NDArray[Any]] | Flaw:
    """Return the arrays of a message by name, if they are those of the schema."""
    try:
        value = codec.decode(message)
        arrays = dict(value["arrays"])
        if {**value, "arrays": None} != _FORM:
            return Flaw("schema", "its message is no update")
        found = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return Flaw("schema", "its message is no update")
    if found.keys() != schema.keys():
        lacking, more = len(schema.keys() - found.keys()), len(found.keys() - schema.keys())
        return Flaw("schema", f"its update lacks {lacking} parts and has {more} that nobody asked for")
    for name, (shape, dtype) in schema.items():
        if found[name] != (shape, dtype):
            was, had = found[name]
            return Flaw("shape", f"its {name} is {had}{list(was)}, not {dtype}{list(shape)}")
    return arrays


def _length(values: NDArray[np.float32]) -> float:
    """Return the L2 norm, in float64; not finite where a number is not."""
    step, total = 1 << 16, 0.0
    for start in range(0, values.size, step):
        part = values[start : start + step].astype(np.float64)
        total += float(part @ part)
    return math.sqrt(total) if math.isfinite(total) else math.inf
