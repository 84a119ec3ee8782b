"""What travels between two parties: a signed head that says what the body is, and the body or where it lies.

On the wire: canonical CBOR of [head, signature, body]. The head is canonical CBOR too, and the signature is
over the head, which holds the body's digest: a body for many is read once, however many heads name it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from hansa.core import codec
from hansa.core.errors import MessageError
from hansa.crypto.signing import SIGNATURE_BYTES, SigningKey, check_signature

QUESTION, ANSWER, REFUSED = "question", "answer", "refused"
INLINE_BYTES = 512 * 1024
"""The largest body that travels in its envelope."""

REFUSAL_BYTES = 1024
DIGEST_BYTES = 32
_KINDS = (QUESTION, ANSWER, REFUSED)
_HEAD_BYTES = 4096
_AROUND_BYTES = _HEAD_BYTES + SIGNATURE_BYTES + 64  # of an envelope, beside its body
_PURPOSE = "message"
_PLACE = re.compile(r"([0-9a-f]{16})?")
_KEY_BYTES = (0, 32)  # of a body inside, and of one that lies elsewhere


@dataclass(frozen=True, slots=True)
class Head:
    """What a sender signs."""

    run: str
    step: str
    sender: str
    to: str
    kind: str
    size: int  # bytes of the body
    digest: bytes = field(repr=False)  # SHA-256 of the body, (32,)
    place: str = ""  # the name of the object that holds the body; empty: it is in the envelope
    key: bytes = field(default=b"", repr=False)  # what the object is encrypted with


@dataclass(frozen=True, slots=True)
class Letter:
    """An envelope that was opened: its head is its sender's own, and so is the body if it is inside."""

    head: Head
    body: bytes = field(repr=False)


def digest_of(body: bytes) -> bytes:
    """Return the digest that a head holds."""
    return hashlib.sha256(body).digest()


def signed(head: Head, body: bytes, key: SigningKey) -> bytes:
    """Return the envelope's bytes; body: empty where the head names a place."""
    content = codec.encode({name: getattr(head, name) for name in _FIELDS})
    return codec.encode([content, key.sign(_PURPOSE, content), body])


def opened(
    data: bytes, key_of: Callable[[str], bytes | None], run: str, to: str, most: int = INLINE_BYTES
) -> Letter:
    """Return what is in an envelope, once it is proved to be of its sender, for this run and to this reader.

    key_of: the public key that the roster gives a sender; None for a stranger. most: bytes of a body inside.
    Raises MessageError for all else. The order is the only safe one: size, outer shape, signature, then what
    the head says.
    """
    if len(data) > most + _AROUND_BYTES:
        raise _refused(f"an envelope of {len(data)} bytes, which none has")
    content, signature, body = _parts(data)
    head = _head(content)
    public = key_of(head.sender)
    if public is None:
        raise _refused("a message of somebody who is not in the run", head.sender)
    check_signature(public, signature, _PURPOSE, content, head.sender)
    if (head.run, head.to) != (run, to):
        raise _refused("a message of another run or to another", head.sender)
    if body if head.place else (len(body), digest_of(body)) != (head.size, head.digest):
        raise _refused("a body that is not the one it signed", head.sender)
    return Letter(head, body)


def refusal_bytes(why: str) -> bytes:
    """Return a sentence as a body, cut to what a refusal may have."""
    return why.encode(errors="replace")[:REFUSAL_BYTES].decode(errors="ignore").encode()


def refusal_words(letter: Letter) -> str:
    """Return a refusal's sentence, without signs that a terminal would obey. Raises MessageError."""
    if len(letter.body) > REFUSAL_BYTES or letter.head.place:
        raise _refused("a refusal that is longer than any", letter.head.sender)
    words = letter.body.decode(errors="replace")
    return "".join(sign if sign.isprintable() else " " for sign in words)


def _parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    parts = _decoded(data)
    if not isinstance(parts, list) or [type(part) for part in parts] != [bytes] * 3:
        raise _refused("an envelope without head, signature and body")
    return parts[0], parts[1], parts[2]


def _head(content: bytes) -> Head:
    if len(content) > _HEAD_BYTES:
        raise _refused("a head that is longer than any")
    value = _decoded(content)
    if not isinstance(value, dict) or set(value) != set(_FIELDS):
        raise _refused("a head with other fields")
    if any(type(value[name]) is not kind for name, kind in _FIELDS.items()):
        raise _refused("a head with fields of another kind")
    head = Head(**value)
    if head.kind not in _KINDS or len(head.digest) != DIGEST_BYTES or head.size < 0:
        raise _refused("a head that says what no sender says")
    if not _PLACE.fullmatch(head.place) or len(head.key) != _KEY_BYTES[bool(head.place)]:
        raise _refused("a head with another place or key")
    return head


def _decoded(data: bytes) -> Any:
    try:
        return codec.decode(data)
    except ValueError as fault:
        raise _refused("bytes that are no envelope") from fault


def _refused(what: str, sender: str = "") -> MessageError:
    return MessageError(what, do="drop the message", where=sender)


_TYPES = {"str": str, "int": int, "bytes": bytes}
_FIELDS = {one.name: _TYPES[str(one.type)] for one in fields(Head)}
