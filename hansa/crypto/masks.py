"""Streams of AES-256 in counter mode (NIST SP 800-38A), added to words without carrying.

A key is used for one stream only, so that the counter starts at 0. Streams are made a piece at a time into
one buffer that stays in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from numpy.typing import NDArray

_PIECE = 1 << 18  # bytes; half of a second-level cache
_BLOCK = 16
_ZEROS = bytes(_PIECE)
_FROM_0 = CTR(bytes(_BLOCK))

Words = NDArray[Any]
"""Unsigned integers of 32 or 64 bits, little-endian."""


def add_streams(words: Words, added: Sequence[bytes], taken: Sequence[bytes]) -> None:
    """Add the streams of some keys to words in place and take those of others away, modulo 2^32 or 2^64.

    words: (words,), contiguous. added, taken: keys of 32 bytes.
    """
    streams = [(_encryptor(key), np.add) for key in added] + [(_encryptor(key), np.subtract) for key in taken]
    buffer = bytearray(_PIECE + _BLOCK - 1)
    size = words.dtype.itemsize
    for first in range(0, len(words), _PIECE // size):
        piece = words[first : first + _PIECE // size]  # (words of the piece,)
        stream = np.frombuffer(buffer, words.dtype, len(piece))  # (words of the piece,)
        for encryptor, change in streams:
            encryptor.update_into(
                _ZEROS[: len(piece) * size] if len(piece) * size < _PIECE else _ZEROS, buffer
            )
            change(piece, stream, out=piece)


def stream_pieces(keys: Sequence[bytes], words: int, piece: int) -> Iterator[NDArray[np.uint64]]:
    """Yield (keys, words of the piece) the streams of some keys, a piece of their 64-bit words at a time.

    words: of a stream. piece: words of a piece, at most; the buffer is used again for the next one.
    """
    size = np.dtype(np.uint64).itemsize
    encryptors = [_encryptor(key) for key in keys]
    buffer = bytearray(len(keys) * piece * size + _BLOCK)
    zeros, view = bytes(piece * size), memoryview(buffer)
    for first in range(0, words, piece):
        count = min(piece, words - first)
        for row, encryptor in enumerate(encryptors):
            begin = row * count * size
            encryptor.update_into(zeros[: count * size], view[begin : begin + count * size + _BLOCK - 1])
        yield np.frombuffer(buffer, np.uint64, len(keys) * count).reshape(len(keys), count)


def _encryptor(key: bytes) -> CipherContext:
    return Cipher(AES(key), _FROM_0).encryptor()
