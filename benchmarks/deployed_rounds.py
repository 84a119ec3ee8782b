"""The rows about empty rounds over the wire: TLS, signatures and durable state on, each party a process."""

from __future__ import annotations

import ast
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from benchmarks.deployed_wire import consortium
from benchmarks.measure import Row, at_most, shown
from hansa.registry.node_store import NodeStore
from hansa.transport.seam import Refusal

COMMAND = "make measure TOPIC=deployed"
_PARTIES, _ROUNDS, _WARM, _BYTES = 8, 600, 50, 40
_PATIENCE_S = 30.0


def rows() -> Iterator[Row]:
    """Yield how long an empty round takes, stage by stage."""
    name = f"empty round, {_PARTIES} parties, TLS, signatures and durable state on"
    wire, kept, party = _measured(None)
    total = [one + other for one, other in zip(wire, kept, strict=True)]
    yield at_most(f"{name}: p50", 1000 * median(total), 5.0, "ms", COMMAND)
    yield at_most(f"{name}: p99", 1000 * quantiles(total, n=100)[-1], 25.0, "ms", COMMAND)
    yield shown(f"{name}: the coordinator keeps where it stands, median", 1000 * median(kept), "ms", COMMAND)
    yield shown(f"{name}: a party keeps its answer, median", 1000 * median(party), "ms", COMMAND)
    yield shown(f"{name}: all else on the wire, median", 1000 * (median(wire) - median(party)), "ms", COMMAND)
    yield shown(f"{name}: one write of as many bytes to this disk", 1000 * _disk(), "ms", COMMAND)
    memory = Path("/dev/shm")  # noqa: S108 (a disk in memory, for comparison)
    if memory.is_dir():
        wire, kept, _ = _measured(memory)
        total = [one + other for one, other in zip(wire, kept, strict=True)]
        yield shown(f"{name}: p50 with stores on a disk in memory", 1000 * median(total), "ms", COMMAND)


def fast_round() -> float:
    """Return the median seconds of an empty round."""
    wire, kept, _ = _measured(None)
    return median(one + other for one, other in zip(wire, kept, strict=True))


def _measured(where: Path | None) -> tuple[list[float], list[float], list[float]]:
    """Return the seconds of each exchange, of keeping after it, and of a party's keeping within it."""
    names = [f"party-{number}" for number in range(1, _PARTIES + 1)]
    with (
        tempfile.TemporaryDirectory(dir=where) as folder,
        consortium(Path(folder), names, _BYTES) as (wire, *_),
    ):
        store = NodeStore(Path(folder) / "coordinator.db")
        exchanged, kept = [], []
        for round_ in range(1, _WARM + _ROUNDS + 1):
            began = time.perf_counter()
            found = wire.exchange(f"{round_}.0.training", dict.fromkeys(names, b"?" * _BYTES), _PATIENCE_S)
            middle = time.perf_counter()
            assert len(found) == _PARTIES
            store.keep({"standing": b"%*d" % (_BYTES, round_)})
            exchanged.append(middle - began)
            kept.append(time.perf_counter() - middle)
        told = wire.exchange("1000000.0.stages", {names[0]: b""}, _PATIENCE_S)[names[0]]
        assert not isinstance(told, Refusal)
        party = ast.literal_eval(told.read().decode())
    return exchanged[_WARM:], kept[_WARM:], party


def _disk() -> float:
    """Return the median seconds that one write takes until it is on the disk."""
    taken = []
    with tempfile.TemporaryFile() as file:
        for _ in range(100):
            began = time.perf_counter()
            file.write(b"." * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return median(taken)
