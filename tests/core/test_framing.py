"""A frame comes back as the message it was, and what is another message is refused in one short line."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core import arrays, codec
from hansa.core.errors import MessageError
from hansa.core.framing import frame, framed
from hansa.core.messages import Ask, Terms
from tests.nodes.frames import closed, opened

TERMS = Terms({"weights": jnp.arange(6.0).reshape(2, 3), "steps": jnp.int32(4)}, jnp.float32(2.5))
ASK = Ask(jnp.int32(3), {"has": jnp.array([True, False])}, None, "support")
each = pytest.mark.parametrize("message", [TERMS, ASK], ids=["terms", "ask"])


def _blank(message: Any) -> Any:
    return jax.tree.map(jnp.zeros_like, message)


@each
def test_a_message_comes_back_to_the_bit(message: Any) -> None:
    back = framed(_blank(message), frame(message), "party-1")
    assert frame(back) == frame(message)
    assert jax.tree.structure(back) == jax.tree.structure(message)


def test_chance_comes_back_as_chance() -> None:
    ask = Ask(jnp.int32(1), jax.random.key(5))
    back = framed(Ask(jnp.int32(0), jax.random.key(0)), frame(ask), "coordinator")
    assert jax.random.uniform(back.shared) == jax.random.uniform(ask.shared)


def _changed(**changes: Any) -> bytes:
    head, leaves = opened(frame(TERMS))
    return closed(head | changes, leaves)


def _with(name: str, leaf: np.ndarray) -> bytes:
    head, leaves = opened(frame(TERMS))
    return closed(head, leaves | {name: leaf})


WEIGHTS = next(name for name in arrays.flatten(TERMS) if name.endswith("weights"))
WRONG = {
    "nothing": b"",
    "a byte too many": frame(TERMS) + b"\0",
    "cut": frame(TERMS)[:-1],
    "another kind": frame(ASK),
    "another opening": _changed(opening="support"),
    "a key more": _changed(more=1),
    "no arrays": closed(*((opened(frame(TERMS))[0]), {})),
    "a length that is none": b"\xff" * 4 + frame(TERMS)[4:],
    "a gap that is not empty": frame(TERMS).replace(bytes(20), b"." * 20, 1),
    "another shape": _with(WEIGHTS, np.zeros((3, 2), np.float32)),
    "another width": _with(WEIGHTS, np.zeros((2, 3), np.float64)),
    "truth for numbers": _with(WEIGHTS, np.zeros((2, 3), bool)),
    "an array more": _with("other", np.zeros(1)),
    "names without end": _with("x" * 100_000 + "\n", np.zeros(1)),
    "a list": codec.encode([1]),
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_is_another_message_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError, match=r"^party-1: its message is not the one that was due") as fault:
        framed(_blank(TERMS), data, "party-1")
    assert "\n" not in str(fault.value)
    assert len(str(fault.value)) < 400


@given(st.data())
def test_a_frame_that_is_changed_anywhere_is_refused_or_means_itself(draw: st.DataObject) -> None:
    data = bytearray(frame(TERMS))
    for _ in range(draw.draw(st.integers(1, 3))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    try:
        found = framed(_blank(TERMS), bytes(data), "party-1")
    except MessageError:
        return
    assert frame(found) == bytes(data)
