"""The rows about size: a large model through the object store, and many parties for a thousand rounds."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.deployed_wire import consortium
from benchmarks.measure import Row, at_least, at_most, shown
from hansa.core import arrays
from hansa.core.charter import Party
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_templates import template
from hansa.core.framing import laid
from hansa.core.messages import Ask, Terms, Totals
from hansa.nodes.asking import Asking
from hansa.nodes.gathering import OpenGathering
from hansa.registry.node_store import NodeStore
from hansa.transport.nats_link import Link
from hansa.transport.seam import Refusal

COMMAND = "make measure TOPIC=deployed"
_MODEL, _PARTIES = 100_000_000, 8  # bytes, parties
_MANY, _ROUNDS, _BYTES = 50, 1000, 4096
_PATIENCE_S = 600.0


def rows() -> Iterator[Row]:
    """Yield every row."""
    yield from _large()
    yield from _many()


def _large() -> Iterator[Row]:
    """Yield what a round with a large model takes of memory and time, beside a raw copy of as many bytes."""
    name = f"{_MODEL // 1_000_000} MB model, {_PARTIES} parties, one round"
    names = [f"party-{number}" for number in range(1, _PARTIES + 1)]
    with tempfile.TemporaryDirectory() as folder, consortium(Path(folder), names, _MODEL) as (wire, link, _):
        charter = replace(parse_charter(template("cmapss")), roster=tuple(map(Party, names)))
        store = NodeStore(Path(folder) / "coordinator.db")
        asking = Asking(charter, wire, store)
        model = {"w": np.ones(_MODEL // 4, np.float32)}
        like = arrays.blank(Terms(model, np.zeros((), np.float32)))
        asking.begin(1)
        idle, began = _resident(), time.perf_counter()
        found = OpenGathering(asking).totals(Ask(np.int32(1), model), [like], addressed=False)
        assert isinstance(found, Totals)
        step = found.values["w"]
        step /= found.weight
        model["w"] += step
        del found, step
        store.keep({"state": laid({}, model)})
        seconds = time.perf_counter() - began
        assert model["w"][0] == 2.0
        peak = _peak() - idle
        raw = _raw_copy(link, b"." * _MODEL)
    moved = (2 * _PARTIES + 1) * _MODEL / seconds  # one up, each down, each up, each down
    yield at_most(
        f"{name}: the coordinator's peak memory above idle, times the model",
        peak / _MODEL,
        3.0,
        "times",
        COMMAND,
    )
    yield at_least(f"{name}: bytes a second over those of a raw copy", moved / raw, 0.6, "times", COMMAND)
    yield shown(f"{name}: wall", seconds, "s", COMMAND)
    yield shown(f"{name}: bytes a second", moved / 1e6, "MB/s", COMMAND)
    yield shown(f"{name}: a raw copy through the object store, there and back", raw / 1e6, "MB/s", COMMAND)


def _raw_copy(link: Link, model: bytes) -> float:
    """Return the bytes a second of a NATS object store's own put and get, on the coordinator's connection."""

    async def copied() -> float:
        context = link.client.jetstream(timeout=60.0)
        bucket = await context.create_object_store("raw")
        began = time.perf_counter()
        await bucket.put("model", model)
        await bucket.get("model")
        return 2 * len(model) / (time.perf_counter() - began)

    return link.ask(copied)


def _many() -> Iterator[Row]:
    """Yield whether memory stays flat over many rounds of many parties, and all messages come once."""
    name = f"{_MANY} parties, {_ROUNDS} rounds of {_BYTES} bytes"
    names = [f"party-{number}" for number in range(1, _MANY + 1)]
    lost = doubled = 0
    resident: list[int] = []
    taken = []
    with tempfile.TemporaryDirectory() as folder, consortium(Path(folder), names, _BYTES) as (wire, *_):
        store = NodeStore(Path(folder) / "coordinator.db")
        for round_ in range(1, _ROUNDS + 1):
            began = time.perf_counter()
            found = wire.exchange(f"{round_}.0.training", dict.fromkeys(names, b"?" * _BYTES), _PATIENCE_S)
            store.keep({"standing": b"%*d" % (_BYTES, round_)})
            taken.append(time.perf_counter() - began)
            lost += _MANY - len(found)
            resident.append(_resident())
        last = wire.exchange("1000000.0.stages", dict.fromkeys(names, b""), _PATIENCE_S)
        for party in names:
            told = last[party]
            assert not isinstance(told, Refusal)
            doubled += abs(told.read().count(b",") + 1 - _ROUNDS)
    slope = _slope(resident[_ROUNDS // 5 :]) * _ROUNDS / 1e6
    yield at_most(
        f"{name}: growth of the coordinator's memory, MB in as many rounds more", slope, 2.0, "MB", COMMAND
    )
    yield at_most(f"{name}: answers that did not come", lost, 0.0, f"of {_MANY * _ROUNDS}", COMMAND)
    yield at_most(
        f"{name}: answers that were computed twice, or not", doubled, 0.0, f"of {_MANY * _ROUNDS}", COMMAND
    )
    yield shown(f"{name}: a round, median", 1000 * median(taken), "ms", COMMAND)


def _slope(values: Sequence[int]) -> float:
    """Return the slope of a line through values, by the median of slopes of pairs (Theil and Sen)."""
    some = np.linspace(0, len(values) - 1, 100).astype(int)
    y = np.asarray(values, float)[some]
    first, second = np.triu_indices(len(some), 1)
    return float(np.median((y[second] - y[first]) / (some[second] - some[first])))


def _resident() -> int:
    """Return the bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
