"""Parties in the same process: what arrives is what was sent, and its bytes are counted from shapes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hansa.core import codec
from hansa.core.messages import Ask, Terms
from hansa.transport.memory import Memory, MemoryTransport, ask_of, frame, frame_bytes, travelled
from hansa.transport.seam import Answer, Transport
from tests.batteries.post import PostBattery
from tests.batteries.roster import same_bits
from tests.batteries.transport import TransportBattery


class TestMemoryTransport(TransportBattery):
    exchange = MemoryTransport


class TestMemory(PostBattery):
    @contextmanager
    def over(self, parties: Mapping[str, Answer]) -> Iterator[Transport]:
        yield Memory(parties)


def test_a_fault_of_ours_stays_loud() -> None:
    def broken(step: str, question: bytes) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Memory({"anna": broken}).exchange("1", {"anna": b""}, 1.0)


values = arrays(
    np.float32, st.tuples(st.integers(0, 4), st.integers(0, 3)), elements=st.floats(width=32, allow_nan=True)
)


@settings(max_examples=40)
@given(values, st.integers(0, 2**31 - 1), st.sampled_from(["", "labels", "predictions"]))
def test_a_message_comes_out_as_it_went_in(array: np.ndarray, number: int, opening: str) -> None:
    ask = Ask(jnp.int32(number), {"curve": jnp.asarray(array)}, (), opening)
    assert same_bits(travelled(ask), ask)
    terms = Terms((jnp.asarray(array), jnp.arange(3)), jnp.float32(7.0))
    assert same_bits(travelled(terms), terms)


@settings(max_examples=40)
@given(values, st.sampled_from(["", "labels"]))
def test_the_bytes_of_a_frame_follow_from_shapes_alone(array: np.ndarray, opening: str) -> None:
    for message in (
        Ask(jnp.int32(2), jnp.asarray(array), None, opening),
        Terms(jnp.asarray(array), jnp.ones(())),
    ):
        assert frame_bytes(message) == len(frame(message))


def test_a_frame_names_its_kind_its_opening_and_its_arrays() -> None:
    found = codec.decode(frame(Ask(jnp.int32(2), {"x": jnp.ones(2)}, None, "labels")))
    assert (found["kind"], found["opening"], sorted(found["arrays"])) == (
        "ask",
        "labels",
        ["round", "shared/x"],
    )
    assert codec.decode(frame(Terms(jnp.ones(2), jnp.ones(()))))["kind"] == "terms"


def test_what_is_shared_goes_to_everybody_as_it_is() -> None:
    ask = Ask(jnp.int32(2), jnp.ones(2))
    assert ask_of(ask, 1) is ask


@pytest.mark.parametrize("terms", [Terms((), jnp.zeros(())), Terms((), jnp.ones(()))])
def test_empty_terms_travel(terms: Terms) -> None:
    assert same_bits(travelled(terms), terms)
