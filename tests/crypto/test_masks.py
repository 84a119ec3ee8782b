"""Streams are AES-CTR's, whatever the size of words and pieces, and cancel."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from hypothesis import given
from hypothesis import strategies as st

from hansa.crypto.masks import add_streams

KEYS = [bytes([number]) * 32 for number in range(4)]


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
@given(size=st.sampled_from([0, 1, 2, 3, 5, 1000, (1 << 15) - 1, 1 << 15, (1 << 16) + 3, 200_001]))
def test_a_stream_is_that_of_the_block_cipher(dtype: type, size: int) -> None:
    words = np.arange(size).astype(dtype)
    add_streams(words, [KEYS[0]], [])
    whole = Cipher(AES(KEYS[0]), CTR(bytes(16))).encryptor().update(bytes(words.nbytes))
    with np.errstate(over="ignore"):
        assert np.array_equal(words, np.arange(size).astype(dtype) + np.frombuffer(whole, dtype))


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
def test_what_one_adds_another_takes_away(dtype: type) -> None:
    words = np.arange(70_000).astype(dtype)
    add_streams(words, KEYS[:2], KEYS[2:])
    assert not np.array_equal(words, np.arange(70_000))
    add_streams(words, KEYS[2:], KEYS[:2])
    assert np.array_equal(words, np.arange(70_000))


def test_words_under_a_mask_are_spread_evenly() -> None:
    words = np.zeros(1 << 16, np.uint32)
    add_streams(words, [KEYS[1]], [])
    ones = np.unpackbits(words.view(np.uint8)).mean()
    assert abs(ones - 0.5) < 5 * 0.5 / np.sqrt(1 << 21)
