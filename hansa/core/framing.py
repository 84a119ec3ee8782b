"""Messages as bytes: a frame names its kind, what it opens, and its arrays."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from hansa.core import arrays, codec
from hansa.core.errors import MessageError
from hansa.core.messages import Ask, Terms

_MOST_SAID = 200  # characters: who sends names without end gets no page

Message = TypeVar("Message", Ask, Terms)


def frame(message: Ask | Terms) -> bytes:
    """Return the bytes of one message."""
    return codec.encode(_head(message) | {"arrays": arrays.flatten(message)})


def framed(like: Message, data: bytes, sender: str) -> Message:
    """Return the message of a frame. Raises MessageError as `leaves_of` does."""
    found: Message = arrays.restore(like, leaves_of(like, data, sender))
    return found


def leaves_of(like: Ask | Terms, data: bytes, sender: str) -> dict[str, np.ndarray]:
    """Return the arrays of a frame by their names, which lie in its bytes.

    Raises MessageError unless it has the kind and the arrays of `like`.
    """
    try:
        value = codec.decode(data)
        if not isinstance(value, dict) or value != _head(like) | {"arrays": value.get("arrays")}:
            raise ValueError("another kind of message")
        found: dict[str, np.ndarray] = value["arrays"]
        arrays.check(like, found)
    except (ValueError, AttributeError) as fault:
        raise MessageError(
            f"its message is not the one that was due ({str(fault)[:_MOST_SAID]})",
            do="drop the message",
            where=sender,
        ) from fault
    return found


def _head(message: Ask | Terms) -> dict[str, Any]:
    return {"kind": type(message).__name__.lower(), "opening": getattr(message, "opening", "")}
