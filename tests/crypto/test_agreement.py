"""Two keys agree on one secret, and a secret gives another key for each use."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.errors import MessageError
from hansa.crypto.agreement import AgreementKey, derived


def test_two_have_one_secret_and_a_third_another() -> None:
    one, other, third = (AgreementKey(os.urandom(32)) for _ in range(3))
    assert one.shared_with(other.public, "other") == other.shared_with(one.public, "one")
    assert third.shared_with(one.public, "one") != other.shared_with(one.public, "one")
    assert str(one.secret) not in repr(one)


@pytest.mark.parametrize("public", [bytes(32), b"\1" + bytes(31), b"short", b""])
def test_a_key_that_makes_every_secret_the_same_is_refused(public: bytes) -> None:
    with pytest.raises(MessageError, match="north"):
        AgreementKey(bytes(range(32))).shared_with(public, "north")


@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
def test_another_use_has_another_key(one: list[bytes], other: list[bytes]) -> None:
    assert (derived(bytes(32), *one) == derived(bytes(32), *other)) == (one == other)


@given(st.binary(min_size=32, max_size=32), st.lists(st.binary(max_size=40), max_size=4))
def test_a_key_of_one_use_is_what_hkdf_expands(shared: bytes, uses: list[bytes]) -> None:
    info = b"".join(len(use).to_bytes(4, "little") + use for use in uses)
    assert derived(shared, *uses) == HKDFExpand(SHA256(), 32, info).derive(shared)


def test_the_secret_of_two_is_what_hkdf_makes_of_their_point() -> None:
    one, other = X25519PrivateKey.generate(), AgreementKey(os.urandom(32))
    point = one.exchange(X25519PublicKey.from_public_bytes(other.public))
    public = one.public_key().public_bytes_raw()
    assert other.shared_with(public, "one") == HKDF(SHA256(), 32, b"hansa x25519", b"").derive(point)
