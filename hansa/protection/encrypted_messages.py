"""The messages of an encrypted sum: canonical bytes of plain values, read strictly.

What is read here is of the right form; whether it is true is for `encrypted_sum` and `key_custodian` to
find out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hansa.core import codec
from hansa.core.errors import CharterError, MessageError
from hansa.crypto.lattice import WIDTH
from hansa.crypto.signing import KEY_BYTES, SIGNATURE_BYTES
from hansa.protection.enrolment import Roster
from hansa.protection.occasion import Occasion

CUSTODIAN = "custodian"
"""The server that has the secret key."""

KEY, COMMITMENT, LIST, TERM, TOTAL = (
    b"public key", b"encrypted term", b"list of encrypted terms", b"pieces", b"opened total",
)  # fmt: skip
"""What each message is about; signatures are given for these words, too."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a party says of its encrypted term before anybody sees any."""

    digest: bytes  # (32,), of its name and the pieces
    signature: bytes

    def statement(self, about: bytes, key: bytes) -> bytes:
        """Return what the signature is over: the sum, the public key and the digest."""
        return about + _digest(key) + self.digest


@dataclass(frozen=True, slots=True)
class Opened:
    """A total that the custodian has opened and signed, for anybody to check."""

    words: bytes  # little-endian
    places: tuple[int, ...]  # of the cohort, which rise
    signature: bytes

    def statement(self, about: bytes) -> bytes:
        """Return what the signature is over: the sum, its cohort and the total."""
        return about + codec.encode(list(self.places)) + _digest(self.words)

    def encoded(self) -> bytes:
        """Return the bytes that are sent and published."""
        return codec.encode([self.words, list(self.places), self.signature])


def check_custody(roster: Roster, occasion: Occasion) -> None:
    """Raise CharterError where a sum cannot be encrypted: nobody has the key, or its numbers are too wide."""
    if CUSTODIAN not in roster.servers:
        raise CharterError(
            "encrypted sums need a key custodian, and the roster has none",
            do=f'enrol a server called "{CUSTODIAN}", which no member and not the coordinator runs',
            where="roster",
        )
    if occasion.form.width > WIDTH:
        raise CharterError(
            f"{occasion.name} is of {occasion.form.width} bits, and an encrypted one is of {WIDTH} at most",
            do=f"write its numbers with {WIDTH} bits or fewer, in more words where that is too coarse",
            where="roster",
        )


def key_statement(about: bytes, public: bytes) -> bytes:
    """Return what the custodian signs of its public key for one sum."""
    return about + _digest(public)


def signed_message(content: bytes, signature: bytes) -> bytes:
    """Return what the custodian signed: a public key, or the commitments as it was sent them."""
    return codec.encode([content, signature])


def read_signed(data: bytes, who: str) -> tuple[bytes, bytes]:
    """Return what the custodian signed, and the signature."""
    content, signature = _list(data, 2, who)
    if not (isinstance(content, bytes) and _is_signature(signature)):
        raise _garbled(who)
    return content, signature


def digest_of(party: str, pieces: Sequence[bytes]) -> bytes:
    """Return the 32 bytes that commit a party, and no other, to what it encrypted."""
    return _digest(codec.encode([party, list(pieces)]))


def commitment_message(commitment: Commitment) -> bytes:
    """Return a commitment."""
    return codec.encode([commitment.digest, commitment.signature])


def read_commitment(data: bytes, who: str) -> Commitment:
    """Return a commitment."""
    return _commitment(_list(data, 2, who), who)


def commitments_message(found: Mapping[int, Commitment]) -> bytes:
    """Return the commitments of all who sent one, by place."""
    return codec.encode([[place, found[place].digest, found[place].signature] for place in sorted(found)])


def read_commitments(data: bytes, parties: int, who: str) -> dict[int, Commitment]:
    """Return commitments by place; a place that is listed twice is refused."""
    return {place: _commitment(entry, who) for place, entry in _by_place(data, 2, parties, who).items()}


def list_statement(about: bytes, key: bytes, commitments: bytes) -> bytes:
    """Return what the custodian signs of the commitments that it was sent."""
    return about + _digest(key) + _digest(commitments)


def pieces_message(pieces: Sequence[bytes]) -> bytes:
    """Return what a party encrypted."""
    return codec.encode(list(pieces))


def read_pieces(data: bytes, who: str) -> list[bytes]:
    """Return what a party encrypted."""
    return _pieces(_list(data, None, who), who)


def terms_message(terms: Mapping[int, Sequence[bytes]]) -> bytes:
    """Return what each of a cohort encrypted, by place."""
    return codec.encode([[place, list(terms[place])] for place in sorted(terms)])


def read_terms(data: bytes, parties: int, who: str) -> dict[int, list[bytes]]:
    """Return what each of a cohort encrypted, by place; a place that is listed twice is refused."""
    return {place: _pieces(entry[0], who) for place, entry in _by_place(data, 1, parties, who).items()}


def read_opened(data: bytes, parties: int, who: str) -> Opened:
    """Return an opened total."""
    words, places, signature = _list(data, 3, who)
    if not (isinstance(words, bytes) and isinstance(places, list) and _is_signature(signature)):
        raise _garbled(who)
    if not all(_is_place(one, parties) for one in places) or places != sorted(set(places)):
        raise _garbled(who)
    return Opened(words, tuple(places), signature)


def _commitment(value: Sequence[Any], who: str) -> Commitment:
    digest, signature = value
    if not (isinstance(digest, bytes) and len(digest) == KEY_BYTES and _is_signature(signature)):
        raise _garbled(who)
    return Commitment(digest, signature)


def _pieces(value: Any, who: str) -> list[bytes]:
    if not (isinstance(value, list) and all(isinstance(one, bytes) for one in value)):
        raise _garbled(who)
    return value


def _by_place(data: bytes, entries: int, parties: int, who: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for entry in _list(data, None, who):
        if not (isinstance(entry, list) and len(entry) == entries + 1 and _is_place(entry[0], parties)):
            raise _garbled(who)
        if entry[0] in found:
            raise MessageError("it lists a party twice", do="drop the message", where=who)
        found[entry[0]] = entry[1:]
    if list(found) != sorted(found):
        raise _garbled(who)
    return found


def _list(data: bytes, entries: int | None, who: str) -> list[Any]:
    try:
        found = codec.decode(data)
    except ValueError as fault:
        raise _garbled(who) from fault
    if not isinstance(found, list) or (entries is not None and len(found) != entries):
        raise _garbled(who)
    return found


def _is_place(value: Any, parties: int) -> bool:
    return type(value) is int and 0 <= value < parties


def _is_signature(value: Any) -> bool:
    return isinstance(value, bytes) and len(value) == SIGNATURE_BYTES


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _garbled(who: str) -> MessageError:
    return MessageError("its message is garbled, cut off or too long", do="drop the message", where=who)
