"""Trees of arrays as bytes: a head that names what they are, then their numbers as they lie in memory.

Who reads knows what is due: a head is compared with the due one, byte by byte, and never parsed. The arrays
that come out lie in the bytes that were read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hansa.core import arrays, codec
from hansa.core.errors import MessageError
from hansa.core.messages import Ask, Terms

_ALIGNED = 64  # bytes: an array begins at a multiple of this
_LENGTH = 4  # bytes that tell the length of the head

Message = TypeVar("Message", Ask, Terms)
Leaves = dict[str, NDArray[Any]]


def frame(message: Ask | Terms) -> bytes:
    """Return the bytes of one message: its kind, what it opens, and its arrays by name."""
    return laid(_about(message), message)


def framed(like: Message, data: bytes, sender: str) -> Message:
    """Return the message of a frame. Raises MessageError as `leaves_of` does."""
    found: Message = arrays.restore(like, leaves_of(like, data, sender))
    return found


def leaves_of(like: Ask | Terms, data: bytes, sender: str) -> Leaves:
    """Return the arrays of a frame by their names, which lie in its bytes.

    Raises MessageError unless it has the kind and the arrays of `like`.
    """
    try:
        return leaves(_about(like), like, data)
    except ValueError as fault:
        what = f"its message is not the one that was due ({fault})"
        raise MessageError(what, do="drop the message", where=sender) from fault


def laid(about: Mapping[str, Any], tree: Any) -> bytes:
    """Return the bytes of a tree of arrays; about: what else the head says."""
    flat = arrays.flatten(tree)
    head = _head(about, flat)
    parts: list[Any] = [head]
    for leaf, gap in zip(flat.values(), _gaps(len(head), list(flat.values())), strict=True):
        little = np.ascontiguousarray(leaf, leaf.dtype.newbyteorder("<"))
        parts += [bytes(gap), little.reshape(-1).view(np.uint8).data]
    return b"".join(parts)


def leaves(about: Mapping[str, Any], like: Any, data: bytes) -> Leaves:
    """Return the arrays of `laid` bytes by their names; raises ValueError unless they are those of `like`."""
    due = arrays.flatten(arrays.blank(like))
    head = _head(about, due)
    if data[: len(head)] != head:
        raise ValueError("another kind of message, or other arrays")
    found, at = Leaves(), len(head)
    for (name, leaf), gap in zip(due.items(), _gaps(len(head), list(due.values())), strict=True):
        count = leaf.size * leaf.itemsize
        if any(data[at : at + gap]) or len(data) < at + gap + count:
            raise ValueError("it is cut short or garbled")
        dtype = leaf.dtype.newbyteorder("<")
        found[name] = np.frombuffer(data, dtype, leaf.size, at + gap).reshape(leaf.shape)
        if leaf.dtype == np.bool_ and (found[name].view(np.uint8) > 1).any():
            raise ValueError("a truth value that is none")
        at += gap + count
    if at != len(data):
        raise ValueError("it is longer than is due")
    return found


def _head(about: Mapping[str, Any], flat: Mapping[str, NDArray[Any]]) -> bytes:
    listed = [[name, leaf.dtype.newbyteorder("<").str, list(leaf.shape)] for name, leaf in flat.items()]
    head = codec.encode({**about, "arrays": listed})
    return len(head).to_bytes(_LENGTH, "little") + head


def _gaps(first: int, flat: list[NDArray[Any]]) -> list[int]:
    """Return how many zeros stand before each array; first: where the first may begin."""
    gaps = []
    for leaf in flat:
        gap = -first % _ALIGNED
        gaps.append(gap)
        first += gap + leaf.size * leaf.itemsize
    return gaps


def _about(message: Ask | Terms) -> dict[str, Any]:
    return {"kind": type(message).__name__.lower(), "opening": getattr(message, "opening", "")}
