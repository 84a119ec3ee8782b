"""One canonical encoding and one digest for everything that is signed, sent or compared.

Deterministic CBOR (RFC 8949, section 4.2) with typed arrays (RFC 8746, section 3.1, tag 40; of truth values
those of section 3.2, tag 41): equal values have equal bytes, whatever order their keys were written in.

What is encoded is of the types below and of no others: no table, path, date, set, tuple or record has bytes,
nor has anything that could turn itself into an array.
"""

from __future__ import annotations

import hashlib
import sys
from io import BytesIO, RawIOBase
from typing import IO, Any, NoReturn, cast

import cbor2
import numpy as np

_ROW_MAJOR_ARRAY, _ALIKE = 40, 41
_TYPED = {"|u1": 64, "<u2": 69, "<u4": 70, "<u8": 71, "|i1": 72, "<i2": 77, "<i4": 78, "<i8": 79}
_TYPED |= {"<f2": 84, "<f4": 85, "<f8": 86}
_PLAIN = frozenset({str, bytes, int, float, bool, type(None)})
_NUMBERS = (np.number, np.bool_)
_DTYPES = {tag: np.dtype(name) for name, tag in _TYPED.items()}

# Tags that the library would turn into dates, decimals, patterns, cycles and the like: never sent.
_FOREIGN = (0, 1, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)


def encode(value: Any) -> bytes:
    """Return the canonical bytes of dicts, lists, strings, bytes, numbers, booleans, None and arrays.

    Raises TypeError for anything else, a subclass of one of these included.
    """
    _check_types(value)
    return cbor2.dumps(value, canonical=True, default=_encode_array)


def decode(data: bytes) -> Any:
    """Return the value of canonical bytes; arrays come back read-only, in the sender's number width.

    Raises ValueError when the bytes are not one complete value, or not its canonical bytes: whatever
    is accepted encodes to the same bytes again.
    """
    try:
        value = cbor2.load(BytesIO(data), tag_hook=_decode_array, semantic_decoders=_REFUSED)
        _check_types(value)
        canonical = _encodes_to(value, data)
    except TypeError as fault:
        raise ValueError(f"not one value ({fault})") from fault
    except (cbor2.CBORError, KeyError, RecursionError) as fault:
        raise ValueError("not one value") from fault
    if not canonical:
        raise ValueError("not the canonical bytes of a value")
    return value


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(encode(value)).hexdigest()


def _is_of_jax(value: Any) -> bool:
    """Return whether a value is JAX's array; who has not loaded JAX has none."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.Array)


def _check_types(value: Any) -> None:
    """Return if a value, and all that it holds, is of a type that has an encoding here; raises TypeError.

    Every key of every dict is one plain value: the library encodes a key twice to sort it, and of keys that
    are dicts of such keys, 60 bytes take centuries.
    """
    kind = type(value)
    if kind is dict:
        if not _PLAIN.issuperset(map(type, value)):
            raise TypeError("a key that is no plain value is never encoded")
        value = value.values()
    elif kind is not list:
        if kind in _PLAIN or kind is np.ndarray or isinstance(value, _NUMBERS) or _is_of_jax(value):
            return
        raise TypeError(f"{kind.__module__}.{kind.__qualname__} is never encoded")
    for inner in value:
        if type(inner) not in _PLAIN:  # most are, and need no call
            _check_types(inner)


class _Compared(RawIOBase):
    """A file that compares what is written with bytes that are there, and keeps nothing."""

    def __init__(self, due: bytes) -> None:
        self._due, self._place, self._same = due, 0, True

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._same = self._same and self._due.startswith(part, self._place)
        self._place += len(part)
        return len(part)

    @property
    def equal(self) -> bool:
        return self._same and self._place == len(self._due)


def _encodes_to(value: Any, data: bytes) -> bool:
    """Return encode(value) == data, without making these bytes: those of large arrays are compared."""
    compared = _Compared(data)
    cbor2.dump(value, cast(IO[bytes], compared), canonical=True, default=_encode_array)
    return compared.equal


def _encode_array(encoder: Any, value: Any) -> None:
    array = np.asarray(value)
    if array.dtype == np.bool_:
        alike = cbor2.CBORTag(_ALIKE, array.reshape(-1).tolist())
        encoder.encode(cbor2.CBORTag(_ROW_MAJOR_ARRAY, [list(array.shape), alike]))
        return
    little_endian = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    if little_endian.dtype.str not in _TYPED:
        raise TypeError(f"an array of {array.dtype.name} is never encoded")
    typed = cbor2.CBORTag(_TYPED[little_endian.dtype.str], _bytes_of(little_endian))
    encoder.encode(cbor2.CBORTag(_ROW_MAJOR_ARRAY, [list(array.shape), typed]))


def _bytes_of(array: np.ndarray) -> bytes:
    """Return the bytes of a contiguous array; those that it was decoded from, where they are at hand."""
    whole = array.base if isinstance(array.base, np.ndarray) else array
    known = whole.base
    if isinstance(known, bytes) and len(known) == array.nbytes == whole.nbytes:
        return known
    return array.tobytes()


def _decode_array(tag: Any, *_: Any) -> Any:
    if tag.tag in _DTYPES:
        return np.frombuffer(tag.value, dtype=_DTYPES[tag.tag])
    if tag.tag == _ALIKE:
        if not all(type(one) is bool for one in tag.value):
            raise ValueError("an array of truth values that holds others")
        return np.array(tag.value, np.bool_)
    if tag.tag == _ROW_MAJOR_ARRAY:
        shape, flat = tag.value
        return flat.reshape(shape)
    _refuse()


def _refuse(*_: Any) -> NoReturn:
    raise ValueError("a tag that is never sent")


_REFUSED = dict.fromkeys(_FOREIGN, _refuse)
