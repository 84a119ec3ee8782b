"""Questions of a coordinator, read strictly: what is none raises MessageError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hansa.core import codec
from hansa.core.errors import MessageError
from hansa.protection.enrolment import COORDINATOR


def map_of(question: bytes) -> dict[str, Any]:
    """Return a question that is a map."""
    try:
        value = codec.decode(question)
    except ValueError as fault:
        raise no_question() from fault
    if not isinstance(value, dict):
        raise no_question()
    return value


def bytes_of(told: Mapping[str, Any], name: str) -> bytes:
    """Return the bytes that a map has under a name."""
    value = told.get(name)
    if type(value) is not bytes:
        raise no_question()
    return value


def named_of(told: Mapping[str, Any], name: str) -> dict[str, bytes]:
    """Return the bytes of each node, by its name, that a map has under a name."""
    value = told.get(name)
    if not isinstance(value, dict) or not all(type(one) is bytes for one in value.values()):
        raise no_question()
    return value


def no_question() -> MessageError:
    """Return what is said of a question that is none."""
    return MessageError("its question is none", do="drop the message", where=COORDINATOR)
