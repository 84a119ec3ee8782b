"""Chooses network, inputs and training on validation engines, never on test; keeps every score it saw.

    python -m benchmarks.accuracy_search DATA

writes benchmarks/results/accuracy-search.json. FD004's training engines: 80 % to learn from, 20 % to choose
by, in three draws. Each engine to choose by stands for four, cut at ages drawn evenly over its life from its
20th cycle on, so that their last cycles are as those of the test: anywhere between young and failed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import kept_scores
from benchmarks.charters import fd004
from benchmarks.kept_runs import trained
from hansa.core import seeds
from hansa.core.charter import Charter
from hansa.data.fleet import Fleet, joined
from hansa.runtime.world import World, open_world
from hansa.simulation.federation import Federation

RESULT = Path(__file__).parent / "results" / "accuracy-search.json"
DRAWS = (101, 102, 103)
_CUTS = 4  # of each engine
_YOUNGEST = 20  # cycles that every engine has flown
_EWMA = {"features": "ewma", "spans": (3.0, 10.0, 30.0, 90.0)}
_MLP = {"hidden": (32, 16), "activation": "tanh"}
_ADAM = {"learning_rate": 0.001}

RECIPES: dict[str, dict[str, Any]] = {
    "chosen before": {
        "preparation": {"features": "ewma", "spans": (5.0, 15.0, 40.0)},
        "network": {"hidden": (16,)},
        "training": {"learning_rate": 0.01},
    },
    "four spans": {"preparation": _EWMA, "network": _MLP, "training": _ADAM},
    "age": {"preparation": _EWMA | {"age": 100.0}, "network": _MLP, "training": _ADAM},
    "age, ensemble of 4": {
        "preparation": _EWMA | {"age": 100.0},
        "network": _MLP | {"ensemble": 4},
        "training": _ADAM,
    },
    "age, relu": {
        "preparation": _EWMA | {"age": 100.0},
        "network": _MLP | {"activation": "relu"},
        "training": _ADAM,
    },
    "age, horizon 1": {
        "preparation": _EWMA | {"age": 100.0},
        "network": _MLP,
        "training": _ADAM | {"horizon": 1.0},
    },
    "age, convolution over 40": {
        "preparation": {"features": "window", "window": 40, "age": 100.0},
        "network": {"kind": "convolution", "hidden": (32,)},
        "training": _ADAM,
    },
    "age, ensemble of 4, Kalman filter": {
        "preparation": _EWMA | {"age": 100.0},
        "network": _MLP | {"ensemble": 4},
        "training": _ADAM,
        "evaluation": {"filter": "kalman"},
    },
    "age, ensemble of 4, regression": {  # in place of the sensors that a party lacks
        "preparation": _EWMA | {"age": 100.0, "lacking": "regression"},
        "network": _MLP | {"ensemble": 4},
        "training": _ADAM,
    },
    **{
        f"HyFDCA, ridge {ridge:g}": {
            "preparation": {"features": "ewma", "spans": (5.0, 15.0, 40.0)},
            "training": {"optimizer": "sgd"},
            "algorithm": {"ridge": ridge},
        }
        for ridge in (0.1, 1.0, 10.0, 100.0, 1000.0)
    },
}
ROUNDS = 120
EVERYBODY = ("labsync_mean", "centralised", "isolated", "fedavg", "aligned")
SCENARIOS = {  # of the recipes that are about one method
    "age, convolution over 40": ("fedavg", "centralised"),
    "age, ensemble of 4, Kalman filter": ("fedavg", "centralised"),
    "age, ensemble of 4, regression": ("aligned",),
    **{name: ("hyfdca",) for name in RECIPES if name.startswith("HyFDCA")},
}


def main() -> None:
    """Search, print and write."""
    data = Path(sys.argv[1])
    kept_scores.find(RESULT, sys.argv[2:], RECIPES, lambda name: _rows(name, data))


def _rows(name: str, data: Path) -> Iterator[dict[str, Any]]:
    for draw in DRAWS:
        for row in _scores(_charter(draw, name), data):
            yield {"draw": draw} | row


def _charter(draw: int, name: str) -> Charter:
    trained, *compare = SCENARIOS.get(name, EVERYBODY)
    base = fd004(parties=4, seed=draw, algorithm=trained)
    base = replace(base, evaluation=replace(base.evaluation, filter="none"))
    changed = {table: replace(getattr(base, table), **keys) for table, keys in RECIPES[name].items()}
    return replace(
        base,
        rounds=ROUNDS,
        compare=tuple(compare),
        data=replace(base.data, label_cap=125.0),
        **changed,
    )


def _scores(charter: Charter, data: Path) -> Iterator[dict[str, Any]]:
    whole = open_world(charter, data).train
    assert whole is not None
    rng = seeds.generator(charter.seed, "validation")
    order = rng.permutation(len(whole.asset_names))
    kept = round(0.2 * len(order))
    world = World("validation", whole.take_assets(order[kept:]), _cut(whole.take_assets(order[:kept]), rng))
    federation = trained(Federation(charter, world=world))
    for name, found in federation.finished.items():
        yield {
            "scenario": name,
            "last_cycle_rmse": round(found.last_cycle.filtered.rmse, 3),
            "last_cycle_nasa": round(found.last_cycle.filtered.nasa),
            "all_cycle_rmse": round(found.all_cycle.filtered.rmse, 3),
            "seconds": round(found.seconds, 1),
        }


def _cut(fleet: Fleet, rng: np.random.Generator) -> Fleet:
    """Return each asset four times, cut at different ages."""
    return joined([_cut_once(fleet, rng, number) for number in range(_CUTS)])


def _cut_once(fleet: Fleet, rng: np.random.Generator, number: int) -> Fleet:
    lives = np.bincount(fleet.asset)  # (assets,)
    ends = rng.integers(_YOUNGEST, lives + 1)  # (assets,)
    first = np.searchsorted(fleet.asset, np.arange(len(lives)))  # (assets,)
    rows = np.arange(fleet.rows) - first[fleet.asset] < ends[fleet.asset]  # (rows,)
    return replace(
        fleet,
        asset_names=tuple(f"{name}, cut {number + 1}" for name in fleet.asset_names),
        asset=fleet.asset[rows],
        time=fleet.time[rows],
        settings=fleet.settings[rows],
        sensors=fleet.sensors[rows],
        remaining=fleet.remaining[rows],
    )


if __name__ == "__main__":
    main()
