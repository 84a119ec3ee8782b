"""The messages of a masked sum: canonical bytes of plain values, read strictly.

Each step has one message from a party and one to it. What is read here is of the right form; whether it is
true is for `masked_party` and `masked_coordinator` to find out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hansa.core import codec
from hansa.core.errors import MessageError
from hansa.crypto.sealing import SEAL_BYTES
from hansa.crypto.signing import KEY_BYTES, SIGNATURE_BYTES

KEYS, RELAY, TERM, SURVIVORS, AGREED, PROOFS, REVEALED = (
    b"keys", b"relay", b"term", b"survivors", b"agreed", b"proofs", b"revealed",
)  # fmt: skip
# The longest message, a relay, has of each party its digests for all and what stands beside them, at most:
_DIGEST_BYTES, _ENTRY_BYTES = 2 + KEY_BYTES, 200


@dataclass(frozen=True, slots=True)
class Opening:
    """What a party says of its secrets of one sum before it masks anything."""

    key: bytes  # (32,), its public key of this sum
    seed: bytes  # (32,), the digest of the seed of its own mask
    shares: tuple[bytes, ...]  # (parties,), the digest of each party's two shares

    def value(self) -> list[Any]:
        """Return plain values."""
        return [self.key, self.seed, list(self.shares)]


def digest_of(*parts: bytes) -> bytes:
    """Return the 32 bytes that commit to secrets of 32 bytes each: nobody can find those from it."""
    return hashlib.sha256(b"".join(parts)).digest()


def keys_message(opening: Opening, sealed: Sequence[bytes]) -> bytes:
    """Return a party's first message; sealed: (parties,) its shares for each, empty for itself."""
    return codec.encode([opening.value(), list(sealed)])


def read_keys(data: bytes, parties: int, who: str) -> tuple[Opening, list[bytes]]:
    """Return the opening and the sealed shares of a first message."""
    found = _list(data, parties, who)
    if len(found) != 2:
        raise _garbled(who)
    opening, sealed = found
    if not (isinstance(sealed, list) and len(sealed) == parties and all(map(_is_sealed, sealed))):
        raise _garbled(who)
    return _opening(opening, parties, who), sealed


def relay_message(openings: Mapping[int, Opening], sealed: Mapping[int, bytes]) -> bytes:
    """Return what a party is sent of all others' first messages, by their places."""
    return codec.encode([[place, openings[place].value(), sealed[place]] for place in sorted(openings)])


def read_relay(data: bytes, parties: int, who: str) -> tuple[dict[int, Opening], dict[int, bytes]]:
    """Return the openings and the shares sealed for the reader, by place."""
    openings, sealed = {}, {}
    for entry in _list(data, parties, who):
        if not (isinstance(entry, list) and len(entry) == 3):
            raise _garbled(who)
        place, opening, share = entry
        if not (_is_place(place, parties) and place not in openings and _is_sealed(share)):
            raise _garbled(who)
        openings[place], sealed[place] = _opening(opening, parties, who), share
    _check_rise(openings, who)
    return openings, sealed


def places_message(places: Sequence[int]) -> bytes:
    """Return a list of parties by their places."""
    return codec.encode(sorted(places))


def read_places(data: bytes, parties: int, who: str) -> tuple[int, ...]:
    """Return the places of a list, which rise."""
    places = _list(data, parties, who)
    if not (all(_is_place(one, parties) for one in places) and places == sorted(set(places))):
        raise _garbled(who)
    return tuple(places)


def by_place_message(found: Mapping[int, bytes]) -> bytes:
    """Return bytes by place: vouchers, or shares."""
    return codec.encode([[place, found[place]] for place in sorted(found)])


def read_by_place(data: bytes, parties: int, size: int, who: str) -> dict[int, bytes]:
    """Return bytes by place, each of the size."""
    found = {}
    for entry in _list(data, parties, who):
        if not (isinstance(entry, list) and len(entry) == 2 and _is_place(entry[0], parties)):
            raise _garbled(who)
        place, own = entry
        if not (isinstance(own, bytes) and len(own) == size and place not in found):
            raise _garbled(who)
        found[place] = own
    _check_rise(found, who)
    return found


def statement(occasion: bytes, asked: Sequence[int], survivors: Sequence[int]) -> bytes:
    """Return what a party signs: for this sum, among those who gave keys, these survived."""
    return codec.encode([occasion, list(asked), list(survivors)])


def agreed_message(signature: bytes, vouchers: Mapping[int, bytes]) -> bytes:
    """Return a party's signature of the list of survivors, and its voucher for each other one."""
    return signature + by_place_message(vouchers)


def read_agreed(data: bytes, parties: int, who: str) -> tuple[bytes, dict[int, bytes]]:
    """Return a signature, and vouchers of 32 bytes by place."""
    vouchers = read_by_place(data[SIGNATURE_BYTES:], parties, KEY_BYTES, who)
    return data[:SIGNATURE_BYTES], vouchers


def _opening(value: Any, parties: int, who: str) -> Opening:
    if not (isinstance(value, list) and len(value) == 3 and isinstance(value[2], list)):
        raise _garbled(who)
    digests = [value[0], value[1], *value[2]]
    if not (
        _are_bytes(digests) and all(len(one) == KEY_BYTES for one in digests) and len(value[2]) == parties
    ):
        raise _garbled(who)
    return Opening(value[0], value[1], tuple(value[2]))


def _list(data: bytes, parties: int, who: str) -> list[Any]:
    # What is read takes up to 80 times the memory of its bytes (empty lists), so the length comes first.
    if len(data) > parties * (parties * _DIGEST_BYTES + _ENTRY_BYTES):
        raise _garbled(who)
    try:
        found = codec.decode(data)
    except ValueError as fault:
        raise _garbled(who) from fault
    if not isinstance(found, list):
        raise _garbled(who)
    return found


def _is_place(value: Any, parties: int) -> bool:
    return type(value) is int and 0 <= value < parties


def _is_sealed(value: Any) -> bool:
    """Return whether this may be the two shares that one party seals for another, or its own, left out.

    The coordinator cannot open them, and one that is too long would make its relay too long to be read.
    """
    return isinstance(value, bytes) and len(value) in (0, 2 * KEY_BYTES + SEAL_BYTES)


def _check_rise(found: Mapping[int, object], who: str) -> None:
    if list(found) != sorted(found):
        raise _garbled(who)


def _are_bytes(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, bytes) for one in value)


def _garbled(who: str) -> MessageError:
    return MessageError("its message is garbled, cut off or too long", do="drop the message", where=who)
