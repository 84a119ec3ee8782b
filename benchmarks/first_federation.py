"""The rows of `make measure TOPIC=first-federation`: accuracy, bytes, time and sameness of issue 2."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.charters import fd004, stronger
from benchmarks.measure import Row, at_least, at_most, shown
from hansa.algorithms.labsync import label_maps
from hansa.core.charter import Charter
from hansa.core.charter_writer import render_charter
from hansa.runtime.result import ScenarioFigures
from hansa.runtime.world import World, open_world
from hansa.simulation.federation import Federation

COMMAND = "make measure TOPIC=first-federation"
SEEDS = (1, 2, 3, 4, 5)
CONSTANT_RMSE = 26.17  # predicting the cap everywhere, FD004, cap 120: a seed above it has collapsed
Found = dict[str, ScenarioFigures]


def rows() -> Iterator[Row]:
    """Yield every row, the cheap ones first."""
    yield from _label_map()
    yield from _tested()
    data = os.environ.get("HANSA_DATA")
    if not data:
        print("HANSA_DATA is not set: the rows on real FD004 are left out.", file=sys.stderr)
        return
    yield from _whole_run(Path(data))
    yield from _accuracy(Path(data))
    yield from _many_parties(Path(data))
    yield from _stronger(Path(data))


def _label_map() -> Iterator[Row]:
    rng = np.random.default_rng(0)
    labels = [rng.integers(0, 121, size=125_000) for _ in range(8)]
    seconds = []
    for _ in range(5):
        began = time.process_time()
        label_maps(labels)
        seconds.append(time.process_time() - began)
    yield at_most(
        "LabSync map: 1,000,000 rows, 8 parties, all 8 maps, median of 5", float(np.median(seconds)), 2.0,
        "CPU s", COMMAND,
    )  # fmt: skip


def _tested() -> Iterator[Row]:
    """Yield the rows that are tests: what they show is yes or no."""
    for test, measure in (
        ("tests/house/test_imports.py", "forbidden imports injected one at a time each break their contract"),
        ("tests/simulation/test_batched.py", "batched run equals the slow loop over parties"),
        (
            "tests/simulation/test_federation.py",
            "same seed same bits; interrupted + resumed equals uninterrupted",
        ),
        ("tests/algorithms/test_labsync.py", "LabSync reference tests against a naive loop"),
    ):
        command = [sys.executable, "-m", "pytest", "-q", test]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own tests
        last = (done.stdout.strip().splitlines() or ["nothing ran"])[-1].strip("= ")
        passed = done.returncode == 0
        yield Row(measure, "every test passes", float(passed), last, passed, f"python -m pytest {test}")


def _whole_run(data: Path) -> Iterator[Row]:
    everything = ("centralised", "isolated", "isolated_mean", "fedavg", "vertical", "labsync", "mixed")
    charter = fd004(parties=4, seed=7, compare=everything)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "charter.toml"
        file.write_text(render_charter(charter), encoding="utf-8")
        command = [sys.executable, "-m", "hansa.cli.start", "run", str(file), "--data", str(data)]
        began = time.perf_counter()
        done = subprocess.run(  # noqa: S603 - our own command
            [*command, "--json", "--out", f"{folder}/out"], capture_output=True, text=True, check=True
        )
        wall = time.perf_counter() - began
    result = json.loads(done.stdout)
    name = "hansa run, FD004, J = 4, all eight scenarios, 100 rounds"
    yield at_most(f"{name}: wall, whole process", wall, 60.0, "s", COMMAND)
    yield at_most(f"{name}: peak memory", result["peak_memory_mb"] / 1024, 1.5, "GiB", COMMAND)


def _accuracy(data: Path) -> Iterator[Row]:
    world = open_world(fd004(parties=2, seed=1), data)
    found: dict[tuple[int, int], Found] = {}
    for parties in (2, 4, 8):
        for seed in SEEDS:
            compare: tuple[str, ...] = ("isolated", "isolated_mean", "labsync")
            if parties == 4:
                compare = (*compare, "centralised", "fedavg", "vertical", "mixed")
            found[parties, seed] = _train(fd004(parties=parties, seed=seed, compare=compare), world)
    yield from _joined_rows(found)
    yield from _difference_rows(found)
    yield from _byte_rows(found)


def _stronger(data: Path) -> Iterator[Row]:
    charter = fd004(parties=4, seed=1, cap=125, rounds=30, compare=("centralised", "fedavg"))
    world = open_world(charter, data)
    found = [_train(stronger(replace(charter, seed=seed)), world) for seed in SEEDS]
    for name in ("centralised", "fedavg", "labsync_mean"):
        last = float(np.mean([one[name].last_cycle.filtered.rmse for one in found]))
        measure = f"stronger network (EWMA features), {name}, J = 4, cap 125, last-cycle, no filter, RMSE"
        yield shown(measure, last, "cycles", COMMAND)


def _joined_rows(found: dict[tuple[int, int], Found]) -> Iterator[Row]:
    mean = functools.partial(_mean, found)
    yield at_most("centralised, all-cycle filtered RMSE", mean("centralised", 4), 14.8, "cycles", COMMAND)
    for parties in (2, 4, 8):
        for scenario in ("labsync_mean", "labsync"):
            name = f"{scenario} joined, J = {parties}, all-cycle filtered"
            yield at_most(f"{name} RMSE", mean(scenario, parties), 15.0, "cycles", COMMAND)
            yield at_most(f"{name} MAE", mean(scenario, parties, "mae"), 9.3, "cycles", COMMAND)
        beside = mean("isolated_mean", parties)
        yield shown(
            f"mean of isolated models, J = {parties}, all-cycle filtered RMSE", beside, "cycles", COMMAND
        )
        mae = mean("isolated_mean", parties, "mae")
        yield shown(f"mean of isolated models, J = {parties}, all-cycle filtered MAE", mae, "cycles", COMMAND)
        solo = mean("isolated", parties)
        yield shown(f"isolated party, mean, J = {parties}, all-cycle filtered RMSE", solo, "cycles", COMMAND)
    yield shown("fedavg, J = 4, all-cycle filtered RMSE", mean("fedavg", 4), "cycles", COMMAND)
    collapsed = sum(
        one.all_cycle.filtered.rmse > CONSTANT_RMSE for run in found.values() for one in run.values()
    )
    yield at_most("seeds that collapsed (worse than predicting the cap)", collapsed, 0, "runs", COMMAND)


def _difference_rows(found: dict[tuple[int, int], Found]) -> Iterator[Row]:
    mean = functools.partial(_mean, found)
    yield at_most("vertical, J = 4, all-cycle filtered RMSE", mean("vertical", 4), 14.7, "cycles", COMMAND)
    above = mean("mixed", 4) - mean("labsync_mean", 4)
    yield at_most("mixed (a third shared) minus hybrid, J = 4, RMSE", above, 0.1, "cycles", COMMAND)
    for parties in (2, 4, 8):
        apart = abs(mean("labsync_mean", parties) - mean("labsync", parties))
        yield at_most(f"|LabSync-Mean - FedLabSync|, J = {parties}, RMSE", apart, 0.1, "cycles", COMMAND)


def _byte_rows(found: dict[tuple[int, int], Found]) -> Iterator[Row]:
    for parties, goal in ((2, 120.0), (4, 60.0), (8, 30.0)):
        full, mean = (found[parties, SEEDS[0]][name] for name in ("labsync", "labsync_mean"))
        ratio = _bytes(full, "array_bytes") / _bytes(mean, "array_bytes")
        yield at_least(f"FedLabSync / LabSync-Mean array bytes, J = {parties}", ratio, goal, "x", COMMAND)
        framed = _bytes(full, "bytes") / _bytes(mean, "bytes")
        yield shown(f"FedLabSync / LabSync-Mean framed bytes, J = {parties}", framed, "x", COMMAND)


def _many_parties(data: Path) -> Iterator[Row]:
    world = open_world(fd004(parties=31, seed=1), data)
    means = {}
    for damping in (0.0, 0.5):
        values = [_thirty_one(world, seed, damping, 0.01) for seed in SEEDS]
        means[damping] = float(np.mean(values))
    damped, undamped = means[0.5], means[0.0]
    yield at_most("J = 31, 60 rounds, step 0.01, damped, RMSE", damped, 15.5, "cycles", COMMAND)
    yield shown("J = 31, 60 rounds, step 0.01, undamped, RMSE", undamped, "cycles", COMMAND)
    yield at_least("J = 31: undamped minus damped, RMSE", undamped - damped, 1.0, "cycles", COMMAND)
    for step in (0.001, 0.003, 0.03):
        for damping in (0.0, 0.5):
            value = float(np.mean([_thirty_one(world, seed, damping, step) for seed in SEEDS[:2]]))
            word = "damped" if damping else "undamped"
            yield shown(f"J = 31, 60 rounds, step {step:g}, {word}, RMSE, 2 seeds", value, "cycles", COMMAND)


def _thirty_one(world: World, seed: int, damping: float, step: float) -> float:
    charter = fd004(parties=31, seed=seed, rounds=60, damping=damping, step=step)
    return _train(charter, world)["labsync_mean"].all_cycle.filtered.rmse


def _train(charter: Charter, world: World) -> Found:
    federation = Federation(charter, world=world)
    for _ in federation.train(lambda _: None, lambda: False):
        pass
    print(f"J = {charter.parties}, seed {charter.seed}: done", file=sys.stderr, flush=True)
    return federation.finished


def _mean(found: dict[tuple[int, int], Found], scenario: str, parties: int, figure: str = "rmse") -> float:
    runs: Sequence[Found] = [found[parties, seed] for seed in SEEDS]
    return float(np.mean([getattr(run[scenario].all_cycle.filtered, figure) for run in runs]))


def _bytes(figures: ScenarioFigures, kind: str) -> float:
    return float(
        sum(
            getattr(party.traffic, f"{kind}_up") + getattr(party.traffic, f"{kind}_down")
            for party in figures.parties.values()
        )
    )
