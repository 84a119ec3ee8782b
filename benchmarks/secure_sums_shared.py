"""Rows of `make measure TOPIC=secure-sums`: what a shared sum costs, and how exact it is.

Times are medians of CPU time on one core. A plain Gram matrix in float64 and one reading of as many bytes
as a server's shares have are measured in the same run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.cpu_time import cpu_seconds
from benchmarks.measure import Row, at_most, shown
from hansa.core.errors import AbortedError
from hansa.protection.occasion import Occasion
from hansa.protection.shared_components import SERVERS as COUNT
from hansa.protection.shared_components import Products, pieces, split, weighted_sum
from hansa.protection.shared_form import SharedForm
from hansa.protection.shared_sketch import Fold
from hansa.simulation.nodes import Nodes, enrolled
from hansa.simulation.shared_sums import SERVERS, STEPS, shared_sum

COMMAND = "make measure TOPIC=secure-sums"
PARTIES, NUMBERS = 10, 1_000_000
_REPEATS = 7
_seconds = partial(cpu_seconds, repeats=_REPEATS)


def rows() -> Iterator[Row]:
    """Yield every row of shared sums."""
    yield from _a_server()
    yield from _a_round()
    yield from _losses()


def world_of(parties: int) -> Nodes:
    """Return parties and three servers that have exchanged their keys."""
    return enrolled([f"p{number}" for number in range(parties)], "task", os.urandom, SERVERS)


def occasion_of(world: Nodes, size: int = 600, **changes: object) -> Occasion:
    """Return what a sum with products is for."""
    form = SharedForm(len(world.names), 2.0)
    plain = {"round": 1, "number": 0, "kind": "values", "model": "m", "form": form, "size": size, "cohort": 3}
    return Occasion(roster=world.roster.digest, **(plain | changes))  # type: ignore[arg-type]


def _a_server() -> Iterator[Row]:
    """Yield what the busiest of the three servers spends."""
    name = f"shared, {PARTIES} parties, {NUMBERS // 1_000_000}M parameters"
    vectors, form, about = _vectors(PARTIES, NUMBERS), SharedForm(PARTIES, 2.0), bytes(32)
    sent = [split(form.encoded(one), about, os.urandom) for one in vectors]
    spent = {place: _seconds(lambda place=place: _work(place, sent, about)) for place in range(COUNT)}
    yield at_most(f"{name}: CPU of a server", max(spent.values()), 0.25, "s", COMMAND)
    products = _seconds(lambda: _work(1, sent, about, sketched=False))
    yield shown(f"{name}: CPU of a server, without the sketch", products, "s", COMMAND)
    plain = _seconds(lambda: vectors @ vectors.T)
    yield shown(f"{name}: a plain Gram matrix in float64", plain, "s", COMMAND)
    words = np.ones((2 * PARTIES, NUMBERS), np.uint64)
    yield shown(f"{name}: one reading of a server's shares", _seconds(words.sum), "s", COMMAND)


def _work(place: int, sent: list[tuple[bytes, ...]], about: bytes, *, sketched: bool = True) -> None:
    """Do what a server does between the arrival of shares and the opening of the sum."""
    products = Products(PARTIES)
    held = [(component, [one[component] for one in sent]) for component in (place, (place + 1) % COUNT)]
    fold = Fold(PARTIES, 2, NUMBERS, about)
    for own, following in zip(*(pieces(*one, about, NUMBERS) for one in held), strict=True):
        products.add(own, following)
        if sketched:
            fold.add((own, following))
    if sketched:
        fold.numbers()
    for one in held:
        weighted_sum(range(1, PARTIES + 1), pieces(*one, about, NUMBERS), NUMBERS)


def _a_round() -> Iterator[Row]:
    """Yield a whole sum: its errors, what parties send, and its CPU time."""
    name = f"shared, {PARTIES} parties, {NUMBERS // 1_000_000}M parameters"
    world, vectors = world_of(PARTIES), _vectors(PARTIES, NUMBERS)
    sent = dict.fromkeys(world.names, 0)

    def counts(step: str, sender: str, message: bytes) -> bytes:
        if sender in sent:
            sent[sender] += len(message)
        return message

    terms = {own: (vector, 1 + place) for place, (own, vector) in enumerate(zip(sent, vectors, strict=True))}
    began = time.process_time()
    found = shared_sum(world, occasion_of(world, NUMBERS), terms, counts)
    spent = time.process_time() - began
    exact = vectors @ vectors.T
    lengths = np.sqrt(np.diagonal(exact))
    error = np.abs(found.gram - exact) / np.outer(lengths, lengths)
    yield at_most(f"{name}: error of G over the norms, 1e-6", 1e6 * float(error.max()), 1.0, "1e-6", COMMAND)
    wanted = np.array([found.weights[one] for one in found.cohort]) @ vectors
    yield shown(
        f"{name}: error of a weighted mean",
        1e9 * float(np.abs(found.total - wanted).max()) / sum(found.weights.values()),
        "1e-9",
        COMMAND,
    )
    yield shown(f"{name}: bytes that a party sends", max(sent.values()), "bytes", COMMAND)
    yield shown(f"{name}: CPU of a round, all nodes together, sealing included", spent, "s", COMMAND)


def _losses() -> Iterator[Row]:
    """Yield how many ways to lose a server or a party ended in a wrong sum."""
    wrong, tried = 0, 0
    for step in ("share", *STEPS):
        for sender in SERVERS if step != "share" else [f"p{number}" for number in range(4)]:
            for to in SERVERS:
                world = world_of(4)
                vectors = _vectors(4, 600)
                gone = (f"{step} for {to}", sender)
                tried += 1
                try:
                    found = shared_sum(
                        world,
                        occasion_of(world),
                        {own: (vector, 1) for own, vector in zip(world.names, vectors, strict=True)},
                        lambda at, who, message, gone=gone: None if (at, who) == gone else message,
                    )
                except AbortedError:
                    continue
                kept = [world.names.index(own) for own in found.cohort]
                wrong += not np.allclose(found.total, vectors[kept].sum(axis=0), atol=1e-6)
    yield at_most("shared, 4 parties, any one message lost: wrong sums", wrong, 0, f"of {tried}", COMMAND)


def _vectors(parties: int, numbers: int) -> np.ndarray:
    """Return (parties, numbers) vectors of norm 1 or nearly."""
    return np.random.default_rng(0).normal(size=(parties, numbers)) / np.sqrt(numbers)
