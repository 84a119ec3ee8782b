"""Any t of n shares tell the secret; fewer say nothing of it."""

import os
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.crypto.secret_sharing import PRIME, secret, shares_of, told_by

number = st.integers(0, PRIME - 1)


@given(number, st.integers(1, 6), st.integers(0, 4), st.randoms())
def test_any_threshold_of_shares_tells_it(value: int, threshold: int, more: int, draw) -> None:
    text = value.to_bytes(32, "little")
    shares = shares_of(text, threshold, threshold + more, os.urandom)
    places = draw.sample(range(threshold + more), threshold)
    assert told_by({place: shares[place] for place in places}) == text


def test_every_set_of_the_threshold_tells_it() -> None:
    text = secret(os.urandom)
    shares = shares_of(text, 3, 5, os.urandom)
    for places in combinations(range(5), 3):
        assert told_by({place: shares[place] for place in places}) == text
    for places in combinations(range(5), 2):
        assert told_by({place: shares[place] for place in places}) != text


@given(number, number)
def test_one_share_fewer_fits_any_secret(value: int, other: int) -> None:
    """Whatever two of three shares are, some third one would tell any other secret."""
    shares = shares_of(value.to_bytes(32, "little"), 3, 5, os.urandom)
    held = {0: shares[0], 3: shares[3]}

    def told(third: int) -> int:
        return int.from_bytes(told_by(held | {2: third.to_bytes(32, "little")}), "little")

    start, slope = told(0), (told(1) - told(0)) % PRIME  # what is told is linear in each share
    third = (other - start) * pow(slope, -1, PRIME) % PRIME
    assert told(third) == other


def test_a_secret_is_below_the_prime_and_drawn_from_the_source() -> None:
    bad_first = iter([b"\xff" * 32, bytes(range(32))])
    assert secret(lambda size: next(bad_first)) == bytes(range(32))


@pytest.mark.parametrize(
    ("value", "threshold"), [(bytes(31), 2), (b"\xff" * 32, 2), (bytes(32), 0), (bytes(32), 4)]
)
def test_what_cannot_be_shared_is_refused(value: bytes, threshold: int) -> None:
    with pytest.raises(ValueError, match="no secret"):
        shares_of(value, threshold, 3, os.urandom)
