"""The rows about judging in whole runs: what one update's checks take, and what a defence adds to a round.

Runs are of the commented charter that `hansa charter init` prints for FD004, with 8 parties that average
weights.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

import numpy as np

from benchmarks.judge_attacks import BEFORE, RULE
from benchmarks.measure import Row, at_most, not_measured, shown
from hansa.core import codec
from hansa.core.charter import Charter, DefenceChoice, Gate, Protection, Validation
from hansa.core.charter_reader import generated_roster, parse_charter
from hansa.core.charter_templates import template
from hansa.judging.arrival import Arrivals, Bounds, Update, commitment, digest_of
from hansa.runtime.world import open_world
from hansa.simulation.federation import Federation

COMMAND = "make measure TOPIC=judge"
_SHAPES = ((784, 1000), (1000,), (1000, 9000), (9000,), (207_000,))  # 10 million numbers
_UPDATES, _ROUNDS = 60, 30
_PARTIES, _BAD = 8, 3


def rows() -> Iterator[Row]:
    """Yield every row."""
    yield from _arrival()
    yield from _defence()


def _arrival() -> Iterator[Row]:
    """Yield how long the checks of one large update take, beside its digest and one copy of its bytes."""
    rng = np.random.default_rng(0)
    arrays = {f"values/{n}": rng.normal(size=shape).astype(np.float32) for n, shape in enumerate(_SHAPES)}
    arrays["weight"] = np.asarray(1000, np.float32)
    message = codec.encode(arrays)
    bounds = Bounds("", {name: (np.shape(one), one.dtype) for name, one in arrays.items()}, np.inf, 1e7)
    taken, digests, copies, decoded = [], [], [], []
    for _ in range(_UPDATES):
        taken.append(_checked(bounds, arrays))
        digests.append(_seconds(lambda: hashlib.sha256(message).digest()))
        copies.append(_seconds(lambda: bytearray(message)))
        decoded.append(_seconds(lambda: codec.decode(message)))
    late = quantiles(taken, n=20)[-1]
    name = f"checks of an update of {sum(one.size for one in arrays.values()) - 1:,} numbers"
    yield at_most(f"{name}: wall, 95th percentile", 1000 * late, 100.0, "ms", COMMAND)
    yield shown(f"{name}: wall, median", 1000 * median(taken), "ms", COMMAND)
    yield shown(f"{name}: its SHA-256 alone, median", 1000 * median(digests), "ms", COMMAND)
    yield shown(f"{name}: one copy of its bytes, median", 1000 * median(copies), "ms", COMMAND)
    yield shown(f"{name}: decoding its message before, median", 1000 * median(decoded), "ms", COMMAND)


def _checked(bounds: Bounds, arrays: Mapping[str, np.ndarray]) -> float:
    """Return the seconds from a party's arrays to what may be weighed."""
    salt = os.urandom(32)
    due = commitment(bounds.task, 1, "party-1", salt, digest_of(arrays))
    began = time.perf_counter()
    arrivals = Arrivals(bounds, 1, {})
    arrivals.commit("party-1", due)
    found = arrivals.reveal("party-1", salt, arrays)
    seconds = time.perf_counter() - began
    assert isinstance(found, Update)
    return seconds


def _seconds(act: object) -> float:
    assert callable(act)
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _defence() -> Iterator[Row]:
    """Yield what checks, a rule and votes add to the CPU of a run, and each alone."""
    name = f"whole defence on FD004, {_PARTIES} parties, {_ROUNDS} rounds: CPU beside the same run without"
    data = os.environ.get("HANSA_DATA")
    if not data:
        yield not_measured(name, "<= 5", "%", "HANSA_DATA names no folder", COMMAND)
        return
    rule = DefenceChoice(RULE, BEFORE, _BAD)
    gate = Gate(every=10)
    first = _charter()
    runs = {
        "without": first,
        "checks and mean": replace(first, defence=DefenceChoice("mean")),
        "checks and rule": replace(first, defence=rule),
        "checks, rule and votes": replace(first, defence=rule, gate=gate),
    }
    taken = _rounds(runs, Path(data))
    whole = taken["checks, rule and votes"]
    yield at_most(name, 100 * (whole / taken["without"] - 1), 5.0, "%", COMMAND)
    yield shown(f"{name}: without", 1000 * taken["without"], "ms a round", COMMAND)
    for part in list(runs)[1:]:
        yield shown(f"{name}: {part} add", 1000 * (taken[part] - taken["without"]), "ms a round", COMMAND)


def _charter() -> Charter:
    first = parse_charter(template("cmapss"))
    return replace(
        first,
        roster=generated_roster(_PARTIES),
        partition=replace(first.partition, kind="horizontal", sensors_per_party=0),
        preparation=replace(first.preparation, lacking="mean"),
        algorithm=replace(first.algorithm, name="fedavg"),
        protection=Protection("open"),
        validation=Validation(0.2),
        compare=(),
    )


def _rounds(runs: dict[str, Charter], data: Path) -> dict[str, float]:
    """Return CPU seconds of a round of each run; rounds take turns, to meet the same machine.

    Votes are in some rounds only: of those a run's share of all is added to the median of the others.
    """
    world = open_world(next(iter(runs.values())), data)
    sessions = {name: Federation(one, world=world).open("fedavg") for name, one in runs.items()}
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(1 + _ROUNDS):
        for name, session in sessions.items():
            began = time.process_time()
            session.step()
            taken[name].append(time.process_time() - began)
    found = {}
    for name, one in runs.items():
        every = one.gate.every
        voted = [seconds for number, seconds in enumerate(taken[name], 1) if every and number % every == 0]
        plain = [seconds for number, seconds in enumerate(taken[name], 1) if not every or number % every]
        usual = median(plain[1:])  # the first compiles
        found[name] = usual + ((median(voted[1:]) - usual) / every if voted else 0.0)
    return found
