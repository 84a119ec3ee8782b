"""Every algorithm beside the others on FD004, J = 4, dealt by regime, and in the setting its paper is about.

The first table has one budget: the same rounds, local epochs and network. Methods whose steps are those of
plain SGD train with SGD, beside a FedAvg that does so too; vertical ones see all assets. A setting changes
what a method's paper is about (more local epochs, parties of very different size, many parties), and the
method is held against FedAvg, or against plain vertical learning, in that same setting.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.charters import fd004, stronger
from benchmarks.kept_runs import ALL, found
from benchmarks.measure import Row, shown
from hansa.core.charter import Charter, Protection
from hansa.core.methods import BROUGHT, METHODS, TRAINABLE

SEEDS = (1, 2, 3)
ROUNDS = 60
_ADAM, _SGD = 0.01, 0.1
_ALONE = 10  # of the rounds, under fine_tuned
_TREES = find_spec("xgboost") is not None
_EVERYBODY = tuple(
    name
    for name in TRAINABLE
    if name not in BROUGHT and not METHODS[name].plain and (_TREES or name != "trees")
)
_PLAIN = tuple(name for name in TRAINABLE if METHODS[name].plain)

_LONG = {"training": {"local_epochs": 5}}
_UNEVEN = {"training": {"local_epochs": 5}, "partition": {"deal": "fleet_size"}}
SETTINGS: Mapping[str, tuple[str, str, int, dict[str, Any]]] = {
    # method: what its paper is about, beside whom, parties, what is changed
    "fedprox": ("long local training on skewed fleets", "fedavg", 4, _LONG),
    "fednova": ("parties of very different size", "fedavg", 4, _UNEVEN),
    "scaffold": ("long local training on skewed fleets", "fedavg", 4, _LONG),
    "fsvrg": ("many small parties", "fedavg", 40, {}),
    "fedavgm": ("many small parties", "fedavg", 40, {}),
    "fedadam": ("many small parties", "fedavg", 40, {}),
    "fedyogi": ("many small parties", "fedavg", 40, {}),
    "clustered": ("fleets of different faults", "fedavg", 8, {"partition": {"deal": "fault_mode"}}),
    "fedbcd": ("a fifth of the exchanges", "vertical", 4, {"rounds": ROUNDS // 5}),
    "vafl": ("nobody waited for", "vertical", 4, {}),
    "fdml": ("nobody waited for", "vertical", 4, {}),
    "afsgd_vp": ("nobody waited for, linear models", "vertical", 4, {"network": {"hidden": ()}}),
}
_AS_DEALT = (
    "fedper",
    "fedrep",
    "own_scaling",
    "ditto",
    "fine_tuned",
)  # skew is their setting: the table itself


def rows(data: Path, command: str) -> Iterator[Row]:
    """Yield the table, then each method in its setting; data: folder of C-MAPSS."""
    if not _TREES:
        print('XGBoost is missing: trees are left out; pip install "hansa[trees]"', file=sys.stderr)
    runs = [found(_charter(seed, _EVERYBODY, 4), data) for seed in SEEDS]
    plain = [found(_charter(seed, ("fedavg", *_PLAIN), 4), data) for seed in SEEDS]
    for name in _EVERYBODY:
        yield from _line(name, METHODS[name].title, runs, command)
    for name in ("fedavg", *_PLAIN):
        yield from _line(name, f"{METHODS[name].title}, SGD", plain, command)
    for name in _AS_DEALT:
        gain = _own(runs, name) - _alone(runs, "fedavg")
        measure = f"{METHODS[name].title} minus FedAvg in its setting (skewed fleets, a party's own model)"
        yield shown(measure, gain, "cycles", command)
    for name, (about, beside, parties, changes) in SETTINGS.items():
        pairs = [found(_charter(seed, (beside, name), parties, changes), data) for seed in SEEDS]
        gain = _own(pairs, name) - _own(pairs, beside)
        measure = f"{METHODS[name].title} minus {METHODS[beside].title} in its setting ({about})"
        yield shown(measure, gain, "cycles", command)


def _line(name: str, title: str, runs: Sequence[dict[str, Any]], command: str) -> Iterator[Row]:
    text = f"FD004 J = 4 by regime, {ROUNDS} rounds, {title}"
    worst = float(np.mean([max(run[ALL][name]["solo"]) for run in runs]))
    yield shown(f"{text}: all-cycle RMSE, cap 120", _own(runs, name), "cycles", command)
    yield shown(f"{text}: worst party alone", worst, "cycles", command)
    traffic = float(np.mean([run["bytes"][name] for run in runs]))
    yield shown(f"{text}: sent and received by a party", traffic / 1e6, "MB", command)
    yield shown(f"{text}: time", float(np.mean([run["seconds"][name] for run in runs])), "s", command)


def _own(runs: Sequence[dict[str, Any]], name: str) -> float:
    return float(np.mean([run[ALL][name]["rmse"] for run in runs]))


def _alone(runs: Sequence[dict[str, Any]], name: str) -> float:
    """Return the mean of the parties' own errors, which is what a personal model stands beside."""
    return float(np.mean([np.mean(run[ALL][name]["solo"]) for run in runs]))


def _charter(
    seed: int, names: Sequence[str], parties: int, changes: Mapping[str, Any] | None = None
) -> Charter:
    """Return the charter that trains these scenarios under one budget, dealt by regime unless changed."""
    plain = any(METHODS[name].plain for name in names)
    trained, *others = names
    base = stronger(fd004(parties=parties, seed=seed, algorithm=trained, rounds=ROUNDS))
    base = replace(
        base,
        compare=tuple(others),
        partition=replace(base.partition, deal="regime", shared_assets=1 / 3 if "mixed" in names else 0.0),
        training=replace(
            base.training, optimizer="sgd" if plain else "adam", learning_rate=_SGD if plain else _ADAM
        ),
        algorithm=replace(base.algorithm, alone_rounds=_ALONE if "fine_tuned" in names else 0),
        protection=Protection("open"),
    )
    for table, keys in (changes or {}).items():
        new = keys if table == "rounds" else replace(getattr(base, table), **keys)
        base = replace(base, **{table: new})
    return base
