"""The messages of a shared sum: canonical bytes of plain values, read strictly.

What is read here is of the right form; whether it is true is for parties and servers to find out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hansa.core import codec
from hansa.core.errors import CharterError, MessageError
from hansa.crypto.signing import KEY_BYTES, SIGNATURE_BYTES
from hansa.protection.enrolment import Roster
from hansa.protection.shared_components import SERVERS, bytes_of
from hansa.protection.shared_form import MOST_WEIGHT

SHARE, PRESENT, REVEAL, OPENED, WEIGHTS, AGREED, TOTAL, RESULT = (
    "share", "present", "reveal", "opened", "weights", "agreed", "total", "result",
)  # fmt: skip
SECOND, THIRD = "second-server", "third-server"
"""The servers beside the coordinator, in their order."""

STATEMENT = "weight and components"
"""What a party signs for."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a party says of its term before anything is summed: the same to all servers."""

    weight: int
    digests: tuple[bytes, ...]  # (3,) of each component as it was sent, 32 bytes each

    def signed(self, about: bytes, party: str) -> bytes:
        """Return what the party signs; about: the occasion's digest."""
        return codec.encode([about, party, self.weight, list(self.digests)])


@dataclass(frozen=True, slots=True)
class Presented:
    """What one server tells the others: whose shares it has, and its commitment to a coin."""

    commitment: bytes  # (32,), or empty where there is no coin
    statements: Mapping[int, tuple[Statement, bytes]]  # by place, each with the party's signature


@dataclass(frozen=True, slots=True)
class Result:
    """What a party is told of a sum."""

    total: bytes  # (32,) the digest of its words, which the coordinator sends before this
    weights: Mapping[int, int]  # by place: of the cohort, 0 where a party was thrown out
    square: int  # <u, u> of the party's own words, modulo 2^64; 0 in a sum without products
    product: int  # of the party's own words with the total, modulo 2^64; 0 in a sum without products

    def encoded(self) -> bytes:
        """Return the message."""
        weights = [[place, weight] for place, weight in sorted(self.weights.items())]
        return codec.encode([self.total, weights, self.square, self.product])


def three_servers(roster: Roster) -> tuple[str, ...]:
    """Return the names of the servers in their order; raises CharterError unless they are three."""
    if len(roster.servers) != SERVERS:
        raise CharterError(
            f"a shared sum takes three servers, and these are {len(roster.servers)}",
            do="name the coordinator and two others who own no records, or use masked sums",
            where="roster",
        )
    return tuple(roster.servers)


def about(occasion: bytes, step: str, to: str) -> bytes:
    """Return what a message is sealed for: no other sum, step or reader opens it."""
    return codec.encode([occasion, step, to])


def share_message(statement: Statement, signature: bytes, components: Sequence[bytes]) -> bytes:
    """Return what a party sends one server; components: the two that the server holds, which come first."""
    values = codec.encode([statement.weight, list(statement.digests), signature])
    return b"".join([*components, values])


def read_share(data: bytes, place: int, size: int, who: str) -> tuple[Statement, bytes, tuple[bytes, ...]]:
    """Return the statement, its signature and the components k and k + 1 for the server at place k."""
    first, second = (bytes_of((place + by) % SERVERS, size) for by in range(2))
    statement, signature = _statement(_list(data[first + second :], 3, who), who)
    return statement, signature, (data[:first], data[first : first + second])


def presented_message(presented: Presented) -> bytes:
    """Return what a server tells the others before anything is summed."""
    entries = [
        [place, one.weight, list(one.digests), signature]
        for place, (one, signature) in sorted(presented.statements.items())
    ]
    return codec.encode([presented.commitment, entries])


def read_presented(data: bytes, parties: int, who: str) -> Presented:
    """Return what a server presented."""
    commitment, entries = _list(data, 2, who)
    if not (isinstance(commitment, bytes) and isinstance(entries, list)):
        raise _garbled(who)
    found: dict[int, tuple[Statement, bytes]] = {}
    for entry in entries:
        if not (isinstance(entry, list) and len(entry) == 4 and _is_place(entry[0], parties)):
            raise _garbled(who)
        if entry[0] in found:
            raise _garbled(who)
        found[entry[0]] = _statement(entry[1:], who)
    _check_rise(found, who)
    return Presented(commitment, found)


def weights_message(weights: Mapping[int, int]) -> bytes:
    """Return the weights of the cohort by place, as the coordinator proposes them."""
    return codec.encode([[place, weight] for place, weight in sorted(weights.items())])


def read_weights(data: bytes, parties: int, who: str) -> dict[int, int]:
    """Return weights by place."""
    return _weights(_decoded(data, who), parties, who)


def parts_message(parts: Sequence[bytes]) -> bytes:
    """Return some strings of bytes as one message."""
    return codec.encode(list(parts))


def read_parts(data: bytes, sizes: Sequence[int], who: str) -> tuple[bytes, ...]:
    """Return strings of bytes, each of its size."""
    return _sized(_decoded(data, who), sizes, who)


def read_result(data: bytes, parties: int, who: str) -> Result:
    """Return what a party was told."""
    total, weights, square, product = _list(data, 4, who)
    (total,) = _sized([total], [KEY_BYTES], who)
    if not (_is_word(square) and _is_word(product)):
        raise _garbled(who)
    return Result(total, _weights(weights, parties, who), square, product)


def _statement(entry: list[Any], who: str) -> tuple[Statement, bytes]:
    weight, digests, signature = entry
    if not (type(weight) is int and 0 <= weight <= MOST_WEIGHT):
        raise _garbled(who)
    known = _sized(digests, [KEY_BYTES] * SERVERS, who)
    return Statement(weight, known), _sized([signature], [SIGNATURE_BYTES], who)[0]


def _weights(entries: Any, parties: int, who: str) -> dict[int, int]:
    found: dict[int, int] = {}
    if not isinstance(entries, list):
        raise _garbled(who)
    for entry in entries:
        if not (isinstance(entry, list) and len(entry) == 2 and _is_place(entry[0], parties)):
            raise _garbled(who)
        place, weight = entry
        if place in found or not (type(weight) is int and 0 <= weight <= MOST_WEIGHT):
            raise _garbled(who)
        found[place] = weight
    _check_rise(found, who)
    return found


def _check_rise(found: Mapping[int, object], who: str) -> None:
    if list(found) != sorted(found):
        raise _garbled(who)


def _sized(values: Any, sizes: Sequence[int], who: str) -> tuple[bytes, ...]:
    if not (isinstance(values, list) and len(values) == len(sizes)):
        raise _garbled(who)
    for value, size in zip(values, sizes, strict=True):
        if not (isinstance(value, bytes) and len(value) == size):
            raise _garbled(who)
    return tuple(values)


def _list(data: bytes, length: int, who: str) -> list[Any]:
    found = _decoded(data, who)
    if not (isinstance(found, list) and len(found) == length):
        raise _garbled(who)
    return found


def _decoded(data: bytes, who: str) -> Any:
    try:
        return codec.decode(data)
    except ValueError as fault:
        raise _garbled(who) from fault


def _is_place(value: Any, parties: int) -> bool:
    return type(value) is int and 0 <= value < parties


def _is_word(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 64


def _garbled(who: str) -> MessageError:
    return MessageError("its message is garbled, cut off or too long", do="drop the message", where=who)
