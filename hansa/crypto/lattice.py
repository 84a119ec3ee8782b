"""BFV: integers under a public key that can be added by anybody, and read by who has the secret key.

The scheme and its arithmetic are Microsoft SEAL's, reached through TenSEAL (extra `encrypted`). Decryption is
exact: what comes out is the sum of the integers and says nothing of the noise, as approximate schemes (CKKS)
do, whose results tell the key bit by bit. SEAL draws keys and noise inside from the operating system's
secure source; no source can be handed in.

Parameters are fixed here: 8192 numbers to a piece; 180 bits of coefficient modulus, 38 fewer than 128 bits of
security allow at that degree; a prime of 59 bits as the plain modulus. A new piece has 53 bits of room before
its noise reaches the numbers, and a sum over 50 parties six fewer. Keys and pieces travel as SEAL's own
bytes; sizes and parameters around them, which TenSEAL would believe, are never read from a message.
Sources: Fan and Vercauteren, eprint 2012/144; parameters: the standard of homomorphicencryption.org, 2018,
table 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core.errors import AbortedError, CharterError, FolderError, MessageError

Integers = NDArray[np.int64]

SLOTS = 8192
"""Numbers in a piece."""
WIDTH = 56
"""Bits of a sum, at most: the modulus has room for eight times as much, which shows pieces made otherwise."""
PIECE_BYTES = 2 * 2 * 8 * SLOTS + 1024
"""Length of a piece, at most: two polynomials modulo two primes, and a head."""
KEY_BYTES_MOST = 2 * 3 * 8 * SLOTS + 1024
"""Length of a public key, at most."""

_PLAIN = 576460752303210497  # the largest prime below 2^59 that is 1 modulo 2 x 8192, which slots need
_PRIMES = [60, 60, 60]  # bits; the last is for keys alone
_NOISE_ROOM = 40  # bits that a sum must have left; honest ones have 47
_SIZES = bytes([0x0A, 2, 0x80, 0x40])  # "sizes: [8192]" in front of each piece, as TenSEAL reads it
_Field = tuple[int, bytes, bytes]  # of a message of TenSEAL's: its number, all its bytes, its content
_FAULTS = (ValueError, RuntimeError, IndexError, TypeError, OverflowError, MemoryError)
"""What TenSEAL raises for bytes that are no key or piece."""


def require_tenseal() -> None:
    """Raise CharterError where TenSEAL is not installed."""
    if find_spec("tenseal") is None:
        raise CharterError(
            "encrypted sums need the library tenseal, which is not installed",
            do="run pip install 'hansa[encrypted]', or choose masked sums, which need no library",
            where="[protection]",
        )


@dataclass(frozen=True, slots=True)
class Encrypted:
    """Numbers under a public key."""

    pieces: list[Any]  # TenSEAL's vectors of one ciphertext each

    def add(self, other: Encrypted, who: str) -> None:
        """Add what `who` encrypted, in place; raises MessageError where it takes all noise away."""
        try:
            for own, its in zip(self.pieces, other.pieces, strict=True):
                own.add_(its)
        except _FAULTS as fault:
            raise _no_piece(who) from fault


class PublicLattice:
    """A public key."""

    def __init__(self, public: bytes, who: str) -> None:
        """Read the key that `who` gave; raises MessageError for one that is none, or of other parameters."""
        if not _is_whole(public, KEY_BYTES_MOST):
            raise _no_key(who)
        try:
            self._context = _loaded(public)
        except _FAULTS as fault:
            raise _no_key(who) from fault

    def encrypted(self, numbers: Integers) -> list[bytes]:
        """Return the pieces of (numbers,) integers below 2^55 in magnitude; the last is filled with zeros."""
        import tenseal

        filled = np.zeros((pieces_of(len(numbers)), SLOTS), np.int64)  # (pieces, slots)
        filled.reshape(-1)[: len(numbers)] = numbers
        vectors = (tenseal.bfv_vector(self._context, row) for row in filled.tolist())
        return [_only(_fields(vector.serialize()), 2) for vector in vectors]

    def read(self, pieces: Sequence[bytes], numbers: int, who: str) -> Encrypted:
        """Return what `who` encrypted; raises MessageError.

        SEAL checks each piece in C++, where no error of ours would help: read only what is signed.
        """
        if len(pieces) != pieces_of(numbers) or not all(_is_whole(one, PIECE_BYTES) for one in pieces):
            raise _no_piece(who)
        try:
            vectors = [self._vector(piece) for piece in pieces]
            sound = all(_is_fresh(vector) for vector in vectors)
        except _FAULTS as fault:
            raise _no_piece(who) from fault
        if not sound:
            raise _no_piece(who)
        return Encrypted(vectors)

    def _vector(self, piece: bytes) -> Any:
        import tenseal

        return tenseal.bfv_vector_from(self._context, _SIZES + _field(2, piece))


class SecretLattice(PublicLattice):
    """A key pair."""

    def __init__(self, kept: bytes = b"") -> None:
        """Draw fresh keys, which takes some 20 ms; kept: what `kept` told of those to go on with."""
        self._context = _own(kept) if kept else _drawn()

    @property
    def kept(self) -> bytes:
        """Return both keys for their owner's own disk; whoever reads it reads everything under them."""
        return bytes(
            self._context.serialize(
                save_public_key=True, save_secret_key=True, save_galois_keys=False, save_relin_keys=False
            )
        )

    @property
    def public(self) -> bytes:
        """Return what others encrypt with."""
        return _only(_fields(_only(_public_fields(self._context), 2)), 1)

    def decrypted(self, total: Encrypted, numbers: int, width: int) -> Integers:
        """Return (numbers,) the sum.

        Raises AbortedError for one that no honest pieces add up to: with noise that crafted pieces have, with
        numbers of more than `width` bits, or past the end. What such a sum is may depend on the key.
        """
        decryptor = self._context.data.decryptor()
        for piece in total.pieces:
            if decryptor.invariant_noise_budget(piece.ciphertext()[0]) < _NOISE_ROOM:
                raise _crafted()
        found = np.array([piece.decrypt() for piece in total.pieces], np.int64).reshape(
            -1
        )  # (pieces x slots,)
        bound = 1 << (width - 1)
        if found[numbers:].any() or not ((-bound < found) & (found < bound)).all():
            raise _crafted()
        return found[:numbers]  # (numbers,)


def pieces_of(numbers: int) -> int:
    """Return how many pieces hold so many numbers."""
    return -(-numbers // SLOTS)


def _is_whole(data: bytes, most: int) -> bool:
    """Return whether SEAL's head, whose second half is the length of all, tells the length that is."""
    return len(data) <= most and int.from_bytes(data[8:16], "little") == len(data)


def _is_fresh(vector: Any) -> bool:
    """Return whether a piece has the form in which encryption leaves it."""
    piece = vector.ciphertext()[0]
    return piece.size() == 2 and piece.coeff_modulus_size() == 2 and not piece.is_ntt_form()


# --- TenSEAL's messages (protocol buffers), rebuilt around a key or a piece -------------------------------


def _drawn() -> Any:
    require_tenseal()
    import tenseal

    return tenseal.context(
        tenseal.SCHEME_TYPE.BFV,
        SLOTS,
        plain_modulus=_PLAIN,
        coeff_mod_bit_sizes=_PRIMES,
        n_threads=1,  # parties run side by side instead
    )


def _own(kept: bytes) -> Any:
    """Return the context that this process's own disk kept: bytes of others never come here."""
    require_tenseal()
    import tenseal

    try:
        return tenseal.context_from(kept, n_threads=1)
    except _FAULTS as fault:
        raise FolderError(
            "the key pair of a sum cannot be read", do="put the folder back as it was", where="its store"
        ) from fault


def _loaded(public: bytes) -> Any:
    """Return a context of our parameters with this public key and no other."""
    import tenseal

    fields = {number: raw for number, raw, _ in _template()}
    inner = {number: raw for number, raw, _ in _fields(_only(_template(), 2))}
    inner[1] = _field(1, public)
    fields[2] = _field(2, b"".join(inner.values()))
    context = tenseal.context_from(b"".join(fields.values()), n_threads=1)
    if not context.has_public_key() or context.is_private():
        raise ValueError("no public key")
    return context


@cache
def _template() -> tuple[_Field, ...]:
    """Return the fields of a context of our parameters; its key is thrown away."""
    return tuple(_public_fields(_drawn()))


def _public_fields(context: Any) -> Iterator[_Field]:
    return _fields(
        context.serialize(
            save_public_key=True, save_secret_key=False, save_galois_keys=False, save_relin_keys=False
        )
    )


def _fields(data: bytes) -> Iterator[_Field]:
    """Yield the number, all bytes and the content of each field; data: what TenSEAL itself wrote."""
    at = 0
    while at < len(data):
        number, kind = data[at] >> 3, data[at] & 7
        first, size = _varint(data, at + 1) if kind in (0, 2) else (at + 1, 8)
        end = first if kind == 0 else first + size
        yield number, data[at:end], data[first:end]
        at = end


def _only(fields: Iterable[_Field], wanted: int) -> bytes:
    """Return the content of the field with a number."""
    (found,) = (content for number, _, content in fields if number == wanted)
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return where the number that begins at a place ends, and the number."""
    value, shift = 0, 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return at, value


def _field(number: int, content: bytes) -> bytes:
    """Return a field of bytes."""
    size, length = bytearray(), len(content)
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + content


def _no_key(who: str) -> MessageError:
    return MessageError("its public key is none of these parameters", do="ask for another", where=who)


def _no_piece(who: str) -> MessageError:
    return MessageError(
        "what it encrypted is not of this size and these parameters", do="drop the message", where=who
    )


def _crafted() -> AbortedError:
    return AbortedError(
        "what was encrypted adds up to no sum of numbers in range, so that a party made it up",
        do="run the round again; if it happens again, leave parties out in turn",
        where="an encrypted sum",
    )
