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
from hansa.transport import memory

TERMS = Terms({"weights": jnp.arange(6.0).reshape(2, 3), "steps": jnp.int32(4)}, jnp.float32(2.5))
ASK = Ask(jnp.int32(3), {"has": jnp.array([True, False])}, None, "support")
each = pytest.mark.parametrize("message", [TERMS, ASK], ids=["terms", "ask"])


def _blank(message: Any) -> Any:
    return jax.tree.map(jnp.zeros_like, message)


def _value(message: Ask | Terms) -> dict[str, Any]:
    return dict(codec.decode(frame(message)))


@each
def test_a_message_comes_back_to_the_bit(message: Any) -> None:
    back = framed(_blank(message), frame(message), "party-1")
    assert frame(back) == frame(message)
    assert jax.tree.structure(back) == jax.tree.structure(message)


@each
def test_it_is_the_frame_that_a_simulation_weighs(message: Any) -> None:
    assert len(frame(message)) == memory.frame_bytes(message)


def test_chance_comes_back_as_chance() -> None:
    ask = Ask(jnp.int32(1), jax.random.key(5))
    back = framed(Ask(jnp.int32(0), jax.random.key(0)), frame(ask), "coordinator")
    assert jax.random.uniform(back.shared) == jax.random.uniform(ask.shared)


def _changed(**changes: Any) -> bytes:
    value = _value(TERMS)
    return codec.encode(value | changes)


def _with(name: str, leaf: Any) -> bytes:
    value = _value(TERMS)
    return codec.encode(value | {"arrays": value["arrays"] | {name: leaf}})


WEIGHTS = next(name for name in arrays.flatten(TERMS) if name.endswith("weights"))
WRONG = {
    "nothing": b"",
    "a byte too many": frame(TERMS) + b"\0",
    "cut": frame(TERMS)[:-1],
    "another kind": frame(ASK),
    "another opening": _changed(opening="support"),
    "a key more": _changed(more=1),
    "no arrays": codec.encode({"kind": "terms", "opening": ""}),
    "arrays that are a list": _changed(arrays=[]),
    "arrays that are none": _changed(arrays=None),
    "a kind that is an array": _changed(kind=np.zeros(2)),
    "a kind that is an array of nothing": _changed(kind=np.zeros(0)),
    "a kind that is an array of one": _changed(kind=np.ones(1)),
    "another shape": _with(WEIGHTS, np.zeros((3, 2), np.float32)),
    "another width": _with(WEIGHTS, np.zeros((2, 3), np.float64)),
    "truth for numbers": _with(WEIGHTS, np.zeros((2, 3), bool)),
    "a number for an array": _with(WEIGHTS, 1.0),
    "a list for an array": _with(WEIGHTS, [[0.0] * 3] * 2),
    "an array more": _with("other", np.zeros(1)),
    "names that are numbers": _changed(arrays={1: np.zeros(1), b"b": 2, None: 3}),
    "names without end": _changed(arrays={"x" * 100_000 + "\n": np.zeros(1)}),
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
