"""Records as bytes under one signature: nothing of a record is read before its signature holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hansa.core import codec
from hansa.core.errors import MessageError
from hansa.crypto.signing import SigningKey, check_signature


def signed(body: Mapping[str, Any], key: SigningKey, purpose: str) -> bytes:
    """Return a record's bytes and a signature of them for a purpose."""
    inner = codec.encode(dict(body))
    return codec.encode([inner, key.sign(purpose, inner)])


def body_of(data: bytes, most: int, who: str) -> tuple[bytes, bytes]:
    """Return a record's bytes and its signature, neither checked; raises MessageError above `most` bytes."""
    if len(data) > most:
        raise garbled(who, f"longer than {most} bytes")
    try:
        value = codec.decode(data)
    except ValueError as fault:
        raise garbled(who, "no canonical value") from fault
    if not isinstance(value, list) or [type(one) for one in value] != [bytes, bytes]:
        raise garbled(who, "no record with a signature")
    return value[0], value[1]


def checked(data: bytes, most: int, public: bytes, purpose: str, who: str) -> bytes:
    """Return a record's bytes once their signature by a public key holds; raises MessageError."""
    inner, signature = body_of(data, most, who)
    check_signature(public, signature, purpose, inner, who)
    return inner


def fields(data: bytes, kinds: Mapping[str, type], who: str) -> dict[str, Any]:
    """Return a record's values by their names; raises MessageError for other names or types."""
    try:
        value = codec.decode(data)
    except ValueError as fault:
        raise garbled(who, "no canonical value") from fault
    return fields_of(value, kinds, who)


def fields_of(value: Any, kinds: Mapping[str, type], who: str) -> dict[str, Any]:
    """Return a decoded value that has these names and types, and no others; else raise MessageError."""
    if not isinstance(value, dict) or value.keys() != kinds.keys():
        raise garbled(who, "other fields than are due")
    for name, kind in kinds.items():
        if type(value[name]) is not kind:
            raise garbled(who, f"{name} of another type than is due")
    return value


def list_of(values: list[Any], kind: type, who: str, name: str) -> list[Any]:
    """Return a list whose entries are all of one type; else raise MessageError."""
    if not all(type(one) is kind for one in values):
        raise garbled(who, f"{name} of another type than is due")
    return values


def garbled(who: str, why: str) -> MessageError:
    """Return what is said of a record that is none."""
    return MessageError(f"its message is garbled ({why})", do="drop the message", where=who)
