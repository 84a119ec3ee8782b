"""What is sealed opens once, there, unchanged, or not at all."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.errors import MessageError
from hansa.crypto.sealing import SEAL_BYTES, opened, seal

KEY = bytes(range(32))


@given(st.binary(max_size=80), st.binary(max_size=20))
def test_it_comes_out_as_it_went_in(message: bytes, about: bytes) -> None:
    sealed = seal(KEY, message, about, os.urandom)
    assert len(sealed) == len(message) + SEAL_BYTES
    assert opened(KEY, sealed, about, "north") == message


@given(st.binary(max_size=40), st.data())
def test_a_change_anywhere_is_seen(message: bytes, data: st.DataObject) -> None:
    sealed = seal(KEY, message, b"round 3", os.urandom)
    place, change = data.draw(st.integers(0, len(sealed) - 1)), data.draw(st.integers(1, 255))
    bent = bytearray(sealed)
    bent[place] ^= change
    short = sealed[: data.draw(st.integers(0, len(sealed) - 1))]
    for key, text, about in (
        (KEY, bytes(bent), b"round 3"), (KEY, short, b"round 3"), (KEY, sealed, b"round 4"),
        (bytes(32), sealed, b"round 3"), (KEY, sealed + b"!", b"round 3"),
    ):  # fmt: skip
        with pytest.raises(MessageError, match="north"):
            opened(key, text, about, "north")


@given(st.binary(max_size=200))
def test_garbage_never_opens(garbage: bytes) -> None:
    with pytest.raises(MessageError):
        opened(KEY, garbage, b"", "north")
