"""The row about a whole run: FedLabSync on FD004 among processes beside the same in memory."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Row, at_most, not_measured, shown
from hansa.core.charter import Charter, Protection
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_templates import template
from hansa.core.charter_writer import render_charter
from hansa.nodes.coordinator_service import CoordinatorService
from hansa.nodes.trial import Nodes, make_trial, nodes
from hansa.runtime.world import open_world
from hansa.simulation.federation import Federation

COMMAND = "make measure TOPIC=deployed"
_ROUNDS = 100


def rows() -> Iterator[Row]:
    """Yield how long the rounds take once all parties are ready."""
    name = (
        f"FedLabSync, FD004, 4 parties, {_ROUNDS} rounds, TLS, separate processes, from all being ready: wall"
    )
    data = os.environ.get("HANSA_DATA")
    if not data:
        yield not_measured(name, "<= 2 x in memory + 5", "s", "HANSA_DATA names no folder", COMMAND)
        return
    charter = replace(
        parse_charter(template("cmapss")),
        rounds=_ROUNDS,
        compare=(),
        protection=Protection("open"),
    )
    charter = replace(
        charter,
        algorithm=replace(charter.algorithm, name="labsync"),
        preparation=replace(charter.preparation, lacking="mean"),
    )
    in_memory = _in_memory(charter, Path(data))
    apart, whole = _apart(charter, Path(data))
    yield at_most(name, apart, 2 * in_memory + 5, "s", COMMAND)
    yield shown(f"{name}: the same in memory, from the first round on", in_memory, "s", COMMAND)
    yield shown(f"{name}: with starting all processes, reading and compiling", whole, "s", COMMAND)


def _in_memory(charter: Charter, data: Path) -> float:
    world = open_world(charter, data)
    session = Federation(charter, world=world).open("labsync")
    session.step()  # compiles
    began = time.perf_counter()
    while session.done < session.rounds:
        session.step()
    return (time.perf_counter() - began) * _ROUNDS / (_ROUNDS - 1)


def _apart(charter: Charter, data: Path) -> tuple[float, float]:
    """Return the seconds from the first round on, and those of all."""
    done: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        hub = make_trial(place, charter, render_charter(charter), data, datetime.now(UTC))
        service, over = CoordinatorService(hub, lambda: datetime.now(UTC)), threading.Event()
        began = time.perf_counter()
        with nodes(place, [party.name for party in charter.roster]) as running:
            watcher = threading.Thread(target=_watch, args=(running, over), daemon=True)
            watcher.start()
            service.run(lambda one, all_: done.append(time.perf_counter()), lambda step, missing: None)
            over.set()
            watcher.join()
    return (done[-1] - done[0]) * _ROUNDS / (_ROUNDS - 1), time.perf_counter() - began


def _watch(running: Nodes, over: threading.Event) -> None:
    while not over.wait(0.5):
        running.look()
