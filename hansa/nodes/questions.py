"""What a node reads of its coordinator's questions, which may be anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core import codec
from hansa.core.errors import MessageError
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.membership import read_membership
from hansa.runtime.sums import is_statistic


def map_of(question: bytes) -> dict[str, Any]:
    """Return a question as a map; raises MessageError, as all here do for what is none."""
    try:
        value = codec.decode(question)
    except ValueError as fault:
        raise no_question() from fault
    if not isinstance(value, dict):
        raise no_question()
    return value


def numbers_in(told: Mapping[str, Any], name: str, size: int) -> NDArray[np.float64]:
    """Return (size,) numbers that a question has under a name."""
    value = told.get(name)
    if not is_statistic(value, size):
        raise no_question()
    return value


def cells_in(enough: Any, cells: int) -> NDArray[np.bool_]:
    """Return (cells,) which cells count."""
    if not isinstance(enough, np.ndarray) or enough.dtype != np.bool_ or enough.shape != (cells,):
        raise no_question()
    return enough


def no_question() -> MessageError:
    """Return what is said of a question that is none."""
    return MessageError("its question is none", do="drop the message", where=COORDINATOR)


def bytes_in(told: Mapping[str, Any], name: str) -> bytes:
    """Return the bytes that a question has under a name."""
    value = told.get(name)
    if type(value) is not bytes:
        raise no_question()
    return value


def named_in(told: Mapping[str, Any], name: str) -> dict[str, bytes]:
    """Return the bytes of each node, by its name, that a question has under a name."""
    value = told.get(name)
    if not isinstance(value, dict) or not all(type(one) is bytes for one in value.values()):
        raise no_question()
    return value


def text_in(told: Mapping[str, Any], name: str) -> str:
    """Return the text that a question has under a name."""
    value = told.get(name)
    if type(value) is not str:
        raise no_question()
    return value


def is_later(joined: bytes) -> bool:
    """Return whether a list that was kept is of a run at work."""
    return read_membership(bytes_in(map_of(joined), "membership"), COORDINATOR).number > 0
