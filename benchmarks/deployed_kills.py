"""Rows on kill -9: runs in which coordinator, parties and server are killed at random moments."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.deployed_nodes import NAMES, SERVER, beside, charter_text, digests, nodes, overheard, trial
from benchmarks.measure import Row, at_least, at_most, shown
from hansa.protection.enrolment import COORDINATOR

COMMAND = "make measure TOPIC=deployed"
RUNS = 100
ROUNDS = 4
MOST_KILLS = 3  # in one run
_CACHE = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0"}
_VICTIMS = (COORDINATOR, SERVER, *NAMES)
_PATIENCE_S = 240.0  # a run of some seconds, on a machine that does other things as well


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended."""

    finished: bool
    models: dict[str, str]  # the digest of each party's
    twofold: int  # steps to which a party gave two different answers
    heard: int  # answers that were overheard
    kills: int
    seconds: float


def rows(runs: int = RUNS) -> Iterator[Row]:
    """Yield the rows of so many killed runs, half of them under masks."""
    with tempfile.TemporaryDirectory() as kept:
        os.environ |= {"JAX_COMPILATION_CACHE_DIR": str(Path(kept) / "programs"), **_CACHE}
        plain = {secrecy: run(Path(kept) / secrecy, secrecy) for secrecy in ("open", "masked")}
        plain = {secrecy: run(Path(kept) / f"{secrecy}-warm", secrecy) for secrecy in plain}
        ends, equal = list[Outcome](), 0
        for number in range(runs):
            secrecy = ("open", "masked")[number % 2]
            found = run(Path(kept) / f"run-{number}", secrecy, number, plain[secrecy].seconds)
            equal += found.finished and found.models == plain[secrecy].models
            ends.append(found)
            print(f"run {number}: {found.kills} kills, {found.seconds:.1f} s, {found.finished}", flush=True)
    name = f"{runs} runs, 3 parties, killed with SIGKILL at random moments"
    yield at_least(f"{name}: finished", sum(one.finished for one in ends), runs, "", COMMAND)
    yield at_least(f"{name}: models equal to the byte to those of an unharmed run", equal, runs, "", COMMAND)
    twofold = sum(one.twofold for one in ends)
    yield at_most(f"{name}: steps with two different answers of a party", twofold, 0, "", COMMAND)
    yield shown(f"{name}: kills", sum(one.kills for one in ends), "", COMMAND)
    yield shown(f"{name}: answers overheard", sum(one.heard for one in ends), "", COMMAND)
    yield shown(f"{name}: a run", float(np.median([one.seconds for one in ends])), "s", COMMAND)
    yield shown("the same without a kill: a run", plain["masked"].seconds, "s", COMMAND)


def run(folder: Path, secrecy: str, seed: int = 0, span_s: float = 0.0) -> Outcome:
    """Return how a run ends in which some are killed in its first seconds; span_s: 0: nobody is."""
    hub, rng = trial(folder, charter_text(secrecy, ROUNDS)), np.random.default_rng(seed)
    kills = int(rng.integers(1, MOST_KILLS + 1)) if span_s else 0
    moments = sorted(rng.uniform(0.0, span_s, kills).tolist())
    victims = (*_VICTIMS, *beside(folder))
    points = [(moment, victims[rng.integers(len(victims))]) for moment in moments]
    began = time.perf_counter()
    with nodes(folder) as found, overheard(hub) as heard:
        finished = found.finish(_PATIENCE_S, points)
        seconds = time.perf_counter() - began
    return Outcome(finished, digests(folder), heard.twofold, len(heard.answers), found.kills, seconds)
