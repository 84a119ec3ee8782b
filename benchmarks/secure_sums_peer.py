"""The rows that set a round of the masked sum beside Flower's SecAgg+ workflow, in the same run.

Both: 8 parties, 100 000 numbers in float32, clipped to [-8, 8], nobody lost, all nodes in one process.
Ours: writing the terms, the sum with every message carried as bytes, and reading the total. Flower's: its
workflow with as many shares as clients, 6 of them needed; carrying its messages is not counted, nor is any
start (`benchmarks/peers/flower_sums`). Identities are exchanged before a round here, and in it there.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.children import environment
from benchmarks.measure import Row, at_least, not_measured, shown
from benchmarks.peers.environments import PEERS, CannotInstallError, make_environment
from benchmarks.peers.processes import THREADS
from hansa.protection.fixed_point import FixedPoint, Floats
from hansa.protection.occasion import Occasion
from hansa.simulation.masked_sums import masked_sum
from hansa.simulation.nodes import Nodes, enrolled

COMMAND = "make measure TOPIC=secure-sums"
PARTIES, NUMBERS = 8, 100_000
CLIP = 8.0  # Flower's own
GOAL = 20.0  # times
_PEER = "flower_sums"
_QUIET = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
_REPEATS, _LIMIT_S = 7, 300
_OURS = f"masked, {PARTIES} parties, {NUMBERS // 1000}k parameters: a round"
_THEIRS = "Flower's SecAgg+ workflow, the same"
_RATIO = "Flower's time over ours, by wall or CPU, whichever is less"


class PeerFailedError(Exception):
    """Flower's process ended badly; the message is one line."""


@dataclass(frozen=True, slots=True)
class Took:
    """What a round took, by the median."""

    wall_s: float
    cpu_s: float
    sent_bytes: int  # by one party


def rows() -> Iterator[Row]:
    """Yield every row."""
    ours = our_round(NUMBERS)
    yield from _of(_OURS, ours)
    try:
        theirs = flowers_round(NUMBERS)
    except (CannotInstallError, PeerFailedError) as why:
        yield not_measured(_RATIO, f">= {GOAL:g}", "times", str(why), COMMAND)
        return
    yield from _of(_THEIRS, theirs)
    ratio = min(theirs.wall_s / ours.wall_s, theirs.cpu_s / ours.cpu_s)
    yield at_least(_RATIO, ratio, GOAL, "times", COMMAND)


def our_round(numbers: int, repeats: int = _REPEATS) -> Took:
    """Return what a round of the masked sum takes."""
    nodes = enrolled([f"p{number}" for number in range(PARTIES)], "task", os.urandom)
    rng = np.random.default_rng(0)
    updates = {name: rng.uniform(-1, 1, numbers).astype(np.float32) for name in nodes.names}
    _round(nodes, updates, 0)  # imports and first calls
    walls, cpus, sent = [], [], 0
    for number in range(1, repeats + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        sent = _round(nodes, updates, number)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return Took(median(walls), median(cpus), sent)


def flowers_round(numbers: int, repeats: int = _REPEATS) -> Took:
    """Return what a round of Flower's workflow takes; raises CannotInstallError or PeerFailedError."""
    found = _flowers_report(numbers, repeats)
    if not found["error"] < 1e-3:  # its words have 22 bits over [-8, 8], and rows weigh a tenth of the most
        raise PeerFailedError(f"Flower's mean is off by {found['error']:g}")
    return Took(median(found["wall_s"]), median(found["cpu_s"]), found["sent_bytes"])


def _of(name: str, took: Took) -> Iterator[Row]:
    yield shown(name, took.wall_s, "s", COMMAND)
    yield shown(f"{name}, CPU", took.cpu_s, "s", COMMAND)
    yield shown(f"{name}, sent by one party", took.sent_bytes, "bytes", COMMAND)


def _round(nodes: Nodes, updates: dict[str, Floats], number: int) -> int:
    """Return the bytes that one party sends in a round, which is checked to give the sum."""
    form, sent = FixedPoint(PARTIES, CLIP), dict.fromkeys(updates, 0)
    size = len(next(iter(updates.values())))
    what = Occasion(nodes.roster.digest, number, 0, "values", "model", form, size, PARTIES - 2)

    def counts(step: str, party: str, message: bytes) -> bytes:
        sent[party] += 0 if step.startswith("ask") else len(message)
        return message

    words = {name: form.encoded(update) for name, update in updates.items()}
    total, cohort = masked_sum(nodes, what, words, counts)
    mean = form.decoded(total) / len(cohort)  # (numbers,)
    assert len(mean) == size and len(cohort) == PARTIES
    return max(sent.values())


def _flowers_report(numbers: int, repeats: int) -> dict[str, Any]:
    python = make_environment(_PEER)
    with tempfile.TemporaryDirectory(prefix="flwr") as folder:
        out = Path(folder) / "report.json"
        script = PEERS / _PEER / "peer.py"
        command = [str(python), str(script), *map(str, (PARTIES, numbers, repeats)), str(out)]
        variables = environment(dict.fromkeys(THREADS, "1") | _QUIET | {"FLWR_HOME": folder})
        try:
            done = subprocess.run(  # noqa: S603 - our own command
                command, env=variables, capture_output=True, text=True, timeout=_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise PeerFailedError(f"Flower did not end within {_LIMIT_S} s") from late
        if done.returncode != 0 or not out.exists():
            last = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
            raise PeerFailedError(f"Flower ended with {done.returncode}: {last[-1]}")
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return found
