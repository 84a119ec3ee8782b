"""The rows of `make measure TOPIC=secure-sums`: what a protected sum costs, and that it is never wrong.

Times are medians on one core. Where a goal is a time, the raw stream of the same bytes is measured in the
same run, and the ratio is shown beside it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from benchmarks import secure_sums_encrypted, secure_sums_peer, secure_sums_runs, secure_sums_shared
from benchmarks.cpu_time import cpu_seconds
from benchmarks.measure import Row, at_most, shown
from hansa.core.errors import AbortedError
from hansa.crypto.masks import Words, add_streams
from hansa.protection.fixed_point import FixedPoint
from hansa.protection.occasion import Occasion
from hansa.simulation.masked_sums import STEPS, masked_sum
from hansa.simulation.nodes import Nodes
from hansa.simulation.nodes import enrolled as enrolled_under

COMMAND = "make measure TOPIC=secure-sums"
PARTIES, NUMBERS = 10, 10_000_000
_REPEATS, _ROUNDS = 7, 41
_seconds = partial(cpu_seconds, repeats=_REPEATS)


def rows() -> Iterator[Row]:
    """Yield every row."""
    yield from _masking()
    yield from _traffic()
    yield from _a_round()
    yield from _losses()
    yield from secure_sums_shared.rows()
    yield from secure_sums_peer.rows()
    yield from secure_sums_encrypted.rows()
    yield from secure_sums_runs.rows()


def _masking() -> Iterator[Row]:
    keys = [os.urandom(32) for _ in range(PARTIES)]  # nine others' and its own
    words = np.zeros(NUMBERS, np.uint32)
    masking = _seconds(lambda: add_streams(words, keys[:5], keys[5:]))
    raw = _seconds(lambda: _raw_stream(len(keys) * words.nbytes))
    name = f"masked, {PARTIES} parties, {NUMBERS // 1_000_000}M parameters: masking time of a party"
    yield at_most(name, masking, 0.12, "s", COMMAND)
    yield shown(f"{name}, raw AES-CTR stream of the same bytes", raw, "s", COMMAND)
    yield at_most(f"{name} over that stream", masking / raw, 2.0, "times", COMMAND)
    form, values = FixedPoint(PARTIES, 8.0), np.zeros(NUMBERS, np.float32)
    yield shown(
        f"{name}, writing numbers as words beforehand", _seconds(lambda: form.encoded(values)), "s", COMMAND
    )


def _raw_stream(count: int) -> None:
    piece = 1 << 18
    zeros, buffer = bytes(piece), bytearray(piece + 15)
    encryptor = Cipher(AES(os.urandom(32)), CTR(bytes(16))).encryptor()
    for _ in range(-(-count // piece)):
        encryptor.update_into(zeros, buffer)


def _traffic() -> Iterator[Row]:
    for parties in (8, 50):
        world = enrolled(parties)
        what = occasion(world, size=100_000)
        sent = _bytes_of_a_party(world, what)
        plain = 4 * what.size
        name = f"masked, {parties} parties, 100k parameters: bytes of a party and round"
        if parties == 8:
            yield at_most(
                f"{name}, over the plain update in the same width", sent / plain, 1.05, "times", COMMAND
            )
        yield shown(f"{name}, beside the update", sent - plain, "bytes", COMMAND)


def _bytes_of_a_party(world: Nodes, what: Occasion) -> int:
    found = dict.fromkeys(world.names, 0)

    def counts(step: str, party: str, message: bytes) -> bytes:
        found[party] += len(message)
        return message

    masked_sum(world, what, words_of(world, what), counts)
    return max(found.values())


def _a_round() -> Iterator[Row]:
    world = enrolled(8)
    numbers = iter(range(1, 1000))
    words = words_of(world, occasion(world, size=10_000))
    spent = _seconds(
        lambda: masked_sum(world, occasion(world, size=10_000, number=next(numbers)), words), repeats=_ROUNDS
    )
    raw = _seconds(_raw_curves, repeats=_ROUNDS)
    name = "masked, 8 parties, 10k parameters: CPU of a round, all nodes together"
    yield at_most(name, 1000 * spent, 15.0, "ms", COMMAND)
    yield shown(f"{name}, its curve operations alone", 1000 * raw, "ms", COMMAND)
    yield shown(f"{name} over those", spent / raw, "times", COMMAND)


def _raw_curves() -> None:
    """Do what a round of 8 does on curves: 8 keys, 56 agreements, 8 signatures made and checked."""
    keys = [X25519PrivateKey.generate() for _ in range(8)]
    for one, other in itertools.permutations(keys, 2):
        one.exchange(other.public_key())
    for _ in range(8):
        signer = Ed25519PrivateKey.generate()
        signer.public_key().verify(signer.sign(b"list"), b"list")


def _losses() -> Iterator[Row]:
    """Yield how many of all ways to lose parties ended in a wrong sum, or in none though enough were left."""
    wrong, aborted, tried = 0, 0, 0
    for parties in (3, 4, 5):
        names = enrolled(parties).names
        for count in range(parties - (2 * parties // 3 + 1) + 1):
            for gone, steps in itertools.product(
                itertools.combinations(names, count), itertools.product(STEPS, repeat=count)
            ):
                world, plan = enrolled(parties), dict(zip(gone, steps, strict=True))
                what = occasion(world)
                words = words_of(world, what)
                tried += 1
                try:
                    total, cohort = masked_sum(world, what, words, _losing(plan))
                except AbortedError:
                    aborted += 1
                else:
                    wrong += not np.array_equal(total, plain_sum(words, cohort))
    name = "masked, 3 to 5 parties, any n - t of them lost at any step"
    yield at_most(f"{name}: wrong sums", wrong, 0, f"of {tried}", COMMAND)
    yield at_most(f"{name}: sums that were aborted", aborted, 0, f"of {tried}", COMMAND)


def enrolled(parties: int) -> Nodes:
    """Return parties that have exchanged their keys."""
    return enrolled_under([f"p{number}" for number in range(parties)], "task", os.urandom)


def occasion(nodes: Nodes, size: int = 5, number: int = 1) -> Occasion:
    """Return what the sum of a round is for; number: of the round."""
    form = FixedPoint(len(nodes.names), 10.0)
    return Occasion(nodes.roster.digest, number, 0, "values", "model", form, size, 3)


def words_of(nodes: Nodes, what: Occasion) -> dict[str, Words]:
    """Return each party's words: of numbers in the range."""
    rng = np.random.default_rng(0)
    return {name: what.form.encoded(rng.uniform(-10, 10, what.size)) for name in nodes.names}


def plain_sum(words: dict[str, Words], cohort: tuple[str, ...]) -> Words:
    """Return the sum as a loop over the cohort finds it."""
    total = np.zeros_like(words[cohort[0]])
    for name in cohort:
        total = total + words[name]
    return total


def _losing(plan: dict[str, str]) -> Callable[[str, str, bytes], bytes | None]:
    def broker(step: str, party: str, message: bytes) -> bytes | None:
        at = STEPS.index(step.removeprefix("ask "))
        return None if party in plan and at >= STEPS.index(plan[party]) else message

    return broker
