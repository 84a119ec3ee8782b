"""A signature says who said what, and what for."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.errors import MessageError
from hansa.crypto.signing import SIGNATURE_BYTES, SigningKey, check_signature, signing_key

KEY = SigningKey(bytes(range(32)))


def test_the_first_vector_of_rfc_8032() -> None:
    key = SigningKey(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    assert key.public.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


@given(st.binary(max_size=50))
def test_what_was_signed_is_known_again(message: bytes) -> None:
    check_signature(KEY.public, KEY.sign("roster", message), "roster", message, "north")


@given(st.binary(max_size=50), st.integers(0, SIGNATURE_BYTES - 1), st.integers(1, 255))
def test_another_message_purpose_key_or_signature_is_refused(message: bytes, place: int, change: int) -> None:
    signature = KEY.sign("roster", message)
    bent = bytearray(signature)
    bent[place] ^= change
    other = SigningKey(bytes(32))
    for public, given_, purpose, said in (
        (KEY.public, bytes(bent), "roster", message),
        (KEY.public, signature, "survivors", message),
        (KEY.public, signature, "roster", message + b"!"),
        (other.public, signature, "roster", message),
        (b"short", signature, "roster", message),
        (KEY.public, b"", "roster", message),
    ):
        with pytest.raises(MessageError, match="north"):
            check_signature(public, given_, purpose, said, "north")


def test_a_key_is_drawn_from_the_source_and_shows_no_secret() -> None:
    assert signing_key(lambda size: bytes(size)).public == SigningKey(bytes(32)).public
    assert signing_key(os.urandom).public != signing_key(os.urandom).public
    assert str(KEY.secret) not in repr(KEY)
