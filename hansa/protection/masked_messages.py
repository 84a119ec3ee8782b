"""The messages of a masked sum: records of fixed length, one after the other, read strictly.

Each step has one message from a party and one to it. What is read here is of the right form; whether it is
true is for `masked_party` and `masked_coordinator` to find out. A place is one byte: parties are 50 at most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hansa.core.errors import MessageError
from hansa.crypto.sealing import SEAL_BYTES
from hansa.crypto.signing import KEY_BYTES, SIGNATURE_BYTES

KEYS, RELAY, TERM, SURVIVORS, AGREED, PROOFS, REVEALED = (
    b"keys", b"relay", b"term", b"survivors", b"agreed", b"proofs", b"revealed",
)  # fmt: skip
SHARE_BYTES = 2 * KEY_BYTES + SEAL_BYTES
"""Length of the two shares that one party seals for another."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a party says of its secrets of one sum before it masks anything."""

    key: bytes  # (32,), its public key of this sum
    seed: bytes  # (32,), the digest of the seed of its own mask
    shares: tuple[bytes, ...]  # (parties,), the digest of each party's two shares

    def encoded(self) -> bytes:
        """Return its bytes."""
        return self.key + self.seed + b"".join(self.shares)


def digest_of(*parts: bytes) -> bytes:
    """Return the 32 bytes that commit to secrets of 32 bytes each: nobody can find those from it."""
    return hashlib.sha256(b"".join(parts)).digest()


def keys_message(opening: Opening, sealed: Sequence[bytes]) -> bytes:
    """Return a party's first message; sealed: (parties,) its shares for each, zeros for itself."""
    return opening.encoded() + b"".join(sealed)


def read_keys(data: bytes, parties: int, who: str) -> tuple[Opening, list[bytes]]:
    """Return the opening and the sealed shares of a first message."""
    first = _opening_bytes(parties)
    if len(data) != first + parties * SHARE_BYTES:
        raise _garbled(who)
    return _opening(data[:first]), _cut(data[first:], SHARE_BYTES)


def relay_message(openings: Mapping[int, Opening], sealed: Mapping[int, bytes]) -> bytes:
    """Return what a party is sent of all others' first messages, by their places."""
    return by_place_message({place: one.encoded() + sealed[place] for place, one in openings.items()})


def read_relay(data: bytes, parties: int, who: str) -> tuple[dict[int, Opening], dict[int, bytes]]:
    """Return the openings and the shares sealed for the reader, by place."""
    first = _opening_bytes(parties)
    found = read_by_place(data, parties, first + SHARE_BYTES, who)
    openings = {place: _opening(record[:first]) for place, record in found.items()}
    return openings, {place: record[first:] for place, record in found.items()}


def places_message(places: Sequence[int]) -> bytes:
    """Return a list of parties by their places."""
    return bytes(sorted(places))


def read_places(data: bytes, parties: int, who: str) -> tuple[int, ...]:
    """Return the places of a list, which rise."""
    places = tuple(data)
    if list(places) != sorted(set(places)) or any(place >= parties for place in places):
        raise _garbled(who)
    return places


def by_place_message(found: Mapping[int, bytes]) -> bytes:
    """Return bytes by place, all of one length: vouchers, or shares."""
    return b"".join([bytes([place]) + found[place] for place in sorted(found)])


def read_by_place(data: bytes, parties: int, size: int, who: str) -> dict[int, bytes]:
    """Return bytes by place, each of the size."""
    if len(data) % (1 + size):
        raise _garbled(who)
    records = _cut(data, 1 + size)
    read_places(bytes([record[0] for record in records]), parties, who)
    return {record[0]: record[1:] for record in records}


def statement(occasion: bytes, asked: Sequence[int], survivors: Sequence[int]) -> bytes:
    """Return what a party signs: for this sum, among those who gave keys, these survived."""
    return occasion + bytes([len(asked)]) + bytes(asked) + bytes(survivors)


def agreed_message(signature: bytes, vouchers: Mapping[int, bytes]) -> bytes:
    """Return a party's signature of the list of survivors, and its voucher for each other one."""
    return signature + by_place_message(vouchers)


def read_agreed(data: bytes, parties: int, who: str) -> tuple[bytes, dict[int, bytes]]:
    """Return a signature, and vouchers of 32 bytes by place."""
    if len(data) < SIGNATURE_BYTES:
        raise _garbled(who)
    return data[:SIGNATURE_BYTES], read_by_place(data[SIGNATURE_BYTES:], parties, KEY_BYTES, who)


def _opening_bytes(parties: int) -> int:
    return (2 + parties) * KEY_BYTES


def _opening(record: bytes) -> Opening:
    key, seed, *shares = _cut(record, KEY_BYTES)
    return Opening(key, seed, tuple(shares))


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[first : first + size] for first in range(0, len(data), size)]


def _garbled(who: str) -> MessageError:
    return MessageError("its message is garbled, cut off or too long", do="drop the message", where=who)
