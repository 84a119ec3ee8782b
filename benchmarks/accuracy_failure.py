"""The rows of failure prediction on SECOM: four blocks of columns, twenty repeated stratified splits.

Each split chose each scenario's recipe by rows that it learns from (`benchmarks.failure_search`). What was
found is kept in runs/accuracy, one file a charter, so that a measurement that was stopped goes on where it
stood.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import secom
from benchmarks.failure_search import BASELINES, RECIPES, SPLITS, chosen
from benchmarks.kept_runs import kept, trained
from benchmarks.measure import Row, at_least, at_most, shown
from hansa.core.charter import Charter
from hansa.simulation.federation import Federation
from hansa.simulation.study_summary import difference

COMMAND = "make measure TOPIC=accuracy"

TESTED = 0.3  # of the units, in each split: `benchmarks.secom`

Run = dict[str, dict[str, float]]
"""Figures by scenario."""


def rows() -> Iterator[Row]:
    """Yield every row."""
    place = os.environ.get("HANSA_DATA")
    folder = Path(place or "") / "secom"
    if not place or not folder.is_dir():
        print("HANSA_DATA holds no folder secom: the rows on SECOM are left out.", file=sys.stderr)
        return
    yield from vertical_rows([judged(split, "vertical", folder) for split in SPLITS])
    yield from hybrid_rows([judged(split, "labsync_mean", folder) for split in SPLITS])


def judged(split: int, algorithm: str, folder: Path) -> Run:
    """Return the figures of a split, of an algorithm and of the baselines, each under its own recipe."""
    recipe = {name: chosen(split, algorithm, name) for name in (algorithm, *BASELINES)}
    run: Run = {}
    for name in sorted(set(recipe.values())):
        compare = tuple(one for one in BASELINES if recipe[one] == name)
        one = found(secom.charter(folder, split, algorithm, compare, RECIPES[name]), folder)
        run |= {scenario: figures for scenario, figures in one.items() if recipe[scenario] == name}
    return run


def vertical_rows(runs: Sequence[Run]) -> Iterator[Row]:
    """Yield the rows of four parties that see all units, each with a block of columns of its own."""
    name = f"SECOM, vertical, 4 groups of columns, {len(runs)} splits"
    for scenario in ("centralised", "vertical", "isolated_mean", "isolated"):
        yield shown(f"{name}: AUPRC, {scenario}", _mean(runs, scenario), "", COMMAND)
    yield shown(f"{name}: MCC, vertical joined", _mean(runs, "vertical", "mcc"), "", COMMAND)
    below = _differences(runs, "centralised", "vertical")
    yield at_most(f"{name}: AUPRC, centralised minus joined", float(np.mean(below)), 0.01, "", COMMAND)
    yield from _interval(f"{name}: AUPRC, centralised minus joined", below)
    above = _differences(runs, "vertical", "isolated")
    measure = f"{name}: AUPRC, joined minus the mean of single groups"
    yield at_least(measure, float(np.mean(above)), 0.0, "", COMMAND)
    yield from _interval(measure, above)


def hybrid_rows(runs: Sequence[Run]) -> Iterator[Row]:
    """Yield the rows of four parties that have other units and a block of columns of their own."""
    name = f"SECOM, hybrid, 4 groups of columns, {len(runs)} splits"
    for scenario in ("labsync_mean", "isolated_mean", "isolated"):
        yield shown(f"{name}: AUPRC, {scenario}", _mean(runs, scenario), "", COMMAND)
    above = _differences(runs, "labsync_mean", "isolated")
    measure = f"{name}: AUPRC, LabSync-Mean joined minus the mean of single parties"
    yield shown(measure, float(np.mean(above)), "", COMMAND)
    yield from _interval(measure, above)


def found(charter: Charter, folder: Path) -> Run:
    """Return the figures of a charter's scenarios; from its file where it has been run before."""

    def find() -> Run:
        federation = trained(Federation(charter, world=secom.world(charter, folder)))
        return {name: dict(one.scores["test"].figures) for name, one in federation.finished.items()}

    return kept(charter, find)


def _interval(measure: str, differences: Sequence[float]) -> Iterator[Row]:
    """Yield the interval over splits, and the one that allows for splits which share most of their units.

    Source of the latter: Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52
    (2003), section 4: the variance is 1 / splits + tested / learnt times that of a split.
    """
    over: Any = difference(differences)
    for end, value in (("low", over.low), ("high", over.high)):
        yield shown(f"{measure}, paired 95 % interval, {end} end", value, "", COMMAND)
    wider = math.sqrt(1.0 + len(differences) * TESTED / (1.0 - TESTED))
    for end, value in (("low", over.low), ("high", over.high)):
        corrected = over.mean + wider * (value - over.mean)
        yield shown(f"{measure}, the same for splits that share units, {end} end", corrected, "", COMMAND)


def _mean(runs: Sequence[Run], scenario: str, figure: str = "auprc") -> float:
    return float(np.mean([run[scenario][figure] for run in runs]))


def _differences(runs: Sequence[Run], one: str, other: str) -> list[float]:
    return [run[one]["auprc"] - run[other]["auprc"] for run in runs]
