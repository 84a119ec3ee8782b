"""The rows about whole runs whose sums are protected: what a level adds to their time, and their errors.

Runs are of the commented charters that `hansa charter init` prints, with 8 parties.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.measure import Row, at_most, not_measured, shown
from hansa.core.charter import Charter, Protection
from hansa.core.charter_reader import generated_roster, parse_charter
from hansa.core.charter_templates import template
from hansa.runtime.world import World, open_world
from hansa.simulation.federation import Federation

COMMAND = "make measure TOPIC=secure-sums"
PARTIES = 8
LEVELS = ("open", "masked", "shared", "encrypted")
_REPEATS = 25  # rounds
_NEAR = 0.1  # % of the error that rounding may change over a run: training amplifies the last bit
_METHODS = {"fedavg": "horizontal", "aligned": "hybrid", "labsync_mean": "hybrid"}


def rows() -> Iterator[Row]:
    """Yield every row."""
    yield from _overhead()
    yield from _errors()


def _overhead() -> Iterator[Row]:
    """Yield what masks add to a round of the default charter, and of the simulated one with small fleets."""
    data = os.environ.get("HANSA_DATA")
    name = f"masked, {PARTIES} parties, the default charter (FD004): CPU of a round beside the open run's"
    if data:
        plain, masked = _rounds(parse_charter(template("cmapss")), Path(data))
        yield at_most(name, 100 * (masked / plain - 1), 15.0, "%", COMMAND)
        yield shown(f"{name}: the open run's", 1000 * plain, "ms", COMMAND)
        yield shown(f"{name}: what masks add", 1000 * (masked - plain), "ms", COMMAND)
    else:
        yield not_measured(name, "<= 15", "%", "HANSA_DATA names no folder", COMMAND)
    plain, masked = _rounds(parse_charter(template("simulated")), None)
    small = name.replace("the default charter (FD004)", "the simulated charter")
    yield shown(small, 100 * (masked / plain - 1), "%", COMMAND)
    yield shown(f"{small}: what masks add", 1000 * (masked - plain), "ms", COMMAND)


def _rounds(charter: Charter, data: Path | None) -> tuple[float, float]:
    """Return CPU seconds of a round, open and masked; rounds take turns, to meet the same machine."""
    eight = replace(charter, roster=generated_roster(PARTIES), compare=())
    world = open_world(eight, data)
    runs = [Federation(replace(eight, protection=Protection(one)), world=world) for one in LEVELS[:2]]
    sessions = [run.open(eight.algorithm.name) for run in runs]
    taken: list[list[float]] = [[], []]
    for number in range(1 + _REPEATS):
        for session, found in zip(sessions, taken, strict=True):
            began = time.process_time()
            session.step()
            if number:  # the first compiles
                found.append(time.process_time() - began)
    return median(taken[0]), median(taken[1])


def _errors() -> Iterator[Row]:
    data = os.environ.get("HANSA_DATA")
    first = parse_charter(template("cmapss"))
    if not data:
        why = "HANSA_DATA names no folder"
        yield not_measured("FD004 under each level, against open", f"<= {_NEAR}", "%", why, COMMAND)
        return
    world = open_world(first, Path(data))
    for name, kind in _METHODS.items():
        found = {level: _error(_fd004(first, name, kind, level, PARTIES), world) for level in LEVELS}
        yield from _compared(f"FD004, {PARTIES} parties, {name}", found)
    four = {level: _error(_fd004(first, "aligned", "hybrid", level, 4), world) for level in LEVELS[:2]}
    what = "FD004, 4 parties, 13 of 16 sensors, aligned"
    yield shown(f"{what}: RMSE, open", four["open"], "cycles", COMMAND)
    yield shown(f"{what}: RMSE, masked, without sensors of fewer than 3", four["masked"], "cycles", COMMAND)


def _compared(what: str, found: Mapping[str, float]) -> Iterator[Row]:
    yield shown(f"{what}: RMSE over every test cycle, open", found["open"], "cycles", COMMAND)
    for level in LEVELS[1:]:
        change = 100 * abs(found[level] / found["open"] - 1)
        yield at_most(f"{what}: {level} against open, RMSE", change, _NEAR, "%", COMMAND)


def _fd004(first: Charter, name: str, kind: str, level: str, parties: int) -> Charter:
    """Return the charter of FD004 under a level; by 8 parties all sensors are had by 3 or more."""
    sensors = 13 if kind == "hybrid" else 0
    lacking = first.preparation.lacking if name == "aligned" else "mean"
    return replace(
        first,
        rounds=30,
        roster=generated_roster(parties),
        partition=replace(first.partition, kind=kind, sensors_per_party=sensors),
        preparation=replace(first.preparation, lacking=lacking),
        algorithm=replace(first.algorithm, name=name),
        protection=Protection(level),
        compare=(),
    )


def _error(charter: Charter, world: World) -> float:
    """Return the RMSE of a run over every test cycle."""
    federation = Federation(charter, world=world)
    assert list(federation.train(lambda _: None, lambda: False)) == [charter.algorithm.name]
    return float(federation.result().scenarios[charter.algorithm.name].all_cycle.filtered.rmse)
