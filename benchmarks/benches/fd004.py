"""Rounds of hybrid and vertical learning on C-MAPSS FD004, and five seeds of a study."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.benches.figures import Case, Laps, cpu_ms, laps_of, per
from benchmarks.charters import fd004
from benchmarks.peers.meter import Meter
from hansa.runtime.world import World, open_world
from hansa.simulation.federation import Federation
from hansa.simulation.lockstep import train_together
from hansa.simulation.machine import threads
from hansa.simulation.session import Session

_TITLES = {"labsync": "FedLabSync", "labsync_mean": "LabSync-Mean", "vertical": "Vertical"}
_ROUNDS = 400  # of the charter: every second round is scored
_STEPS = 40  # rounds that are measured of the others
_SEEDS = (1, 2, 3, 4, 5)
_STUDY_ROUNDS = 10


def rounds(algorithm: str) -> list[Case]:
    """Return the rounds of an algorithm; of FedLabSync all of them, and the whole."""
    whole = algorithm == "labsync"
    began, spent = time.perf_counter(), cpu_ms()
    charter = fd004(parties=4, seed=1, algorithm=algorithm, rounds=_ROUNDS)
    session = Session(*Federation(charter, _data()).gathered(algorithm), _ROUNDS)
    session.open()
    meter = Meter()
    meter.lap()
    for _ in range((_ROUNDS if whole else _STEPS) // 2):
        session.step()
        session.step()  # which ends with a score, on this thread
        meter.lap()
    title = f"{_TITLES[algorithm]}, FD004, J = 4"
    found = [
        per(laps_of(meter), 2).case(f"{title}, a round", threads(), "two at a time: the second is scored")
    ]
    if whole:
        wall_ms = 1000 * (time.perf_counter() - began)
        all_rounds = Laps([wall_ms], [cpu_ms() - spent], meter.peak_mb)
        note = "reading the records, compiling and scoring included"
        found.append(all_rounds.case(f"{title}, all of K = {_ROUNDS} rounds", threads(), note))
    return found


def five_seeds() -> list[Case]:
    """Return a round of five seeds in lockstep, and one after the other, measured in one process."""
    world = open_world(fd004(parties=4, seed=1), _data())
    lockstep, in_turn = (
        laps_of(_trained([_SEEDS], world)),
        laps_of(_trained([(one,) for one in _SEEDS], world)),
    )
    title = "LabSync-Mean, FD004, J = 4, a round of five seeds"
    cases = [
        lockstep.case(f"{title} in lockstep", threads()),
        in_turn.case(f"{title} one after the other", threads()),
    ]
    times = (
        cases[1].wall_ms.median / cases[0].wall_ms.median,
        cases[1].cpu_ms.median / cases[0].cpu_ms.median,
    )
    note = f"wall {times[0]:.2f} times, CPU {times[1]:.2f} times that of lockstep, in the same process"
    return [cases[0], replace(cases[1], note=note)]


def study(order: str) -> list[Case]:
    """Return all rounds of five seeds, compiling and scoring included; order: lockstep, or in-turn."""
    world = open_world(fd004(parties=4, seed=1), _data())
    meter = _trained([_SEEDS] if order == "lockstep" else [(one,) for one in _SEEDS], world)
    found = Laps([sum(meter.wall_ms)], [sum(meter.cpu_ms)], meter.peak_mb)
    words = {"lockstep": "in lockstep", "in-turn": "one after the other"}[order]
    title = f"LabSync-Mean, FD004, J = 4, five seeds {words}, all of {_STUDY_ROUNDS} rounds"
    return [found.case(title, threads(), "dealing the rows, compiling and scoring included")]


def _trained(together: Sequence[tuple[int, ...]], world: World) -> Meter:
    """Return the rounds of groups of seeds that train together, one group after the other.

    A lap is the same round of all groups: the first one holds what each of them compiles.
    """
    meters = []
    for seeds in together:
        charters = [fd004(parties=4, seed=seed, rounds=_STUDY_ROUNDS) for seed in seeds]
        federations = [Federation(charter, world=world) for charter in charters]
        meter = Meter()
        meter.lap()
        list(train_together(federations, lambda progress, meter=meter: meter.lap(), lambda: False))
        meters.append(meter)
    whole = meters[-1]  # whose peak memory is that of all
    whole.wall_ms = [sum(one) for one in zip(*(meter.wall_ms for meter in meters), strict=True)]
    whole.cpu_ms = [sum(one) for one in zip(*(meter.cpu_ms for meter in meters), strict=True)]
    return whole


def _data() -> Path:
    return Path(os.environ["HANSA_DATA"])
