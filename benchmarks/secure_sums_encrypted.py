"""The rows of `make measure TOPIC=secure-sums` on encrypted sums: time, bytes, and the error."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from benchmarks.cpu_time import cpu_seconds
from benchmarks.measure import Row, at_most, shown
from hansa.crypto.lattice import WIDTH, Integers, SecretLattice
from hansa.protection.fixed_point import FixedPoint
from hansa.protection.occasion import Occasion
from hansa.simulation.encrypted_sums import SERVERS, encrypted_sum
from hansa.simulation.nodes import enrolled

COMMAND = "make measure TOPIC=secure-sums"
PARTIES, NUMBERS = 10, 100_000
_NAME = "encrypted, 100k parameters"
_REPEATS = 7
_seconds = partial(cpu_seconds, repeats=_REPEATS)


def rows() -> Iterator[Row]:
    """Yield every row; none where TenSEAL is not installed."""
    if find_spec("tenseal") is not None:
        yield from _steps()
        yield from _error()


def _steps() -> Iterator[Row]:
    form = FixedPoint(PARTIES, 10.0, WIDTH)
    secret = SecretLattice()
    values = np.random.default_rng(0).uniform(-10, 10, NUMBERS)
    numbers: Integers = form.encoded(values).view(np.int64)  # (numbers,)
    encrypting = _seconds(lambda: secret.encrypted(numbers))
    pieces = secret.encrypted(numbers)
    total, term = (secret.read(pieces, NUMBERS, "p") for _ in range(2))
    length = sum(map(len, pieces))
    raw = _seconds(lambda: _raw_stream(length))
    yield at_most(f"{_NAME}: encrypting, CPU of a party", encrypting, 0.2, "s", COMMAND)
    yield shown(f"{_NAME}: raw AES-CTR stream of as many bytes", raw, "s", COMMAND)
    yield shown(f"{_NAME}: encrypting over that stream", encrypting / raw, "times", COMMAND)
    yield shown(f"{_NAME}: a key pair, once a sum", _seconds(SecretLattice), "s", COMMAND)
    reading = _seconds(lambda: secret.read(pieces, NUMBERS, "p"))
    yield shown(f"{_NAME}: reading a party's term", reading, "s", COMMAND)
    yield shown(f"{_NAME}: adding a party's term", _seconds(lambda: total.add(term, "p")), "s", COMMAND)
    other = secret.read(pieces, NUMBERS, "p")
    decrypting = _seconds(lambda: secret.decrypted(other, NUMBERS, WIDTH))
    yield shown(f"{_NAME}: decrypting, CPU of the custodian", decrypting, "s", COMMAND)
    yield shown(f"{_NAME}: bytes of a party's term", length, "bytes", COMMAND)
    yield shown(f"{_NAME}: those over the float32 update", length / (4 * NUMBERS), "times", COMMAND)
    yield shown(
        "encrypted: bytes of a public key, to each party once a sum", len(secret.public), "bytes", COMMAND
    )


def _error() -> Iterator[Row]:
    world = enrolled([f"p{number}" for number in range(PARTIES)], "task", os.urandom, SERVERS)
    form = FixedPoint(PARTIES, 10.0, WIDTH)
    values = np.random.default_rng(0).uniform(-10, 10, (PARTIES, NUMBERS))  # (parties, numbers)
    words = {name: form.encoded(own) for name, own in zip(world.names, values, strict=True)}
    what = Occasion(world.roster.digest, 1, 0, "values", "model", form, NUMBERS, 3)
    began = time.process_time()
    total, _ = encrypted_sum(world, what, words)
    spent = time.process_time() - began
    off = float(np.abs(form.decoded(total) - values.sum(axis=0)).max())
    yield at_most(f"{_NAME}, {PARTIES} parties: error of the sum", off, 1e-6, "", COMMAND)
    yield shown(f"{_NAME}, {PARTIES} parties: CPU of a sum, all nodes together", spent, "s", COMMAND)


def _raw_stream(count: int) -> None:
    Cipher(AES(os.urandom(32)), CTR(bytes(16))).encryptor().update(bytes(count))
