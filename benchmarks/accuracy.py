"""The rows of `make measure TOPIC=accuracy`: what federating brings in error, on test assets read once a row.

The recipe was chosen on validation engines (`benchmarks.accuracy_search`). What was found is kept in
runs/accuracy, one file a charter, so that a measurement that was stopped goes on where it stood.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import accuracy_failure, accuracy_methods, accuracy_price, forgetting
from benchmarks.charters import accurate, fd004
from benchmarks.kept_runs import ALL, LAST, found
from benchmarks.measure import Row, at_least, at_most, shown
from hansa.core.charter import Charter
from hansa.simulation.paired import difference

COMMAND = "make measure TOPIC=accuracy"
SEEDS = (1, 2, 3, 4, 5)
_ALL, _LAST = ALL, LAST


def rows() -> Iterator[Row]:
    """Yield every row."""
    data = os.environ.get("HANSA_DATA")
    if not data:
        print("HANSA_DATA is not set: the rows on real data are left out.", file=sys.stderr)
        return
    yield from _four_parties(Path(data))
    yield from _other_numbers(Path(data))
    yield from _fd001(Path(data))
    yield from _skewed(Path(data))
    yield from accuracy_methods.rows(Path(data), COMMAND)
    yield from forgetting.rows(Path(data), COMMAND)
    yield from accuracy_failure.rows()
    yield from accuracy_price.rows(Path(data))


def _four_parties(data: Path) -> Iterator[Row]:
    compare = ("centralised", "isolated", "isolated_mean", "fedavg", "labsync_mean")
    last = [found(_aligned(seed, 4, compare, 125), data) for seed in SEEDS]
    every = [found(_aligned(seed, 4, compare, 120), data) for seed in SEEDS]
    pooled, joined = _mean(last, "centralised", _LAST), _mean(last, "aligned", _LAST)
    yield at_most(f"FD004 centralised, {_words(_LAST)}: RMSE", pooled, 13.3, "cycles", COMMAND)
    nasa = _mean(last, "centralised", _LAST, "nasa")
    yield at_most(f"FD004 centralised, {_words(_LAST)}: NASA score", nasa, 900, "", COMMAND)
    name = "FD004 hybrid J = 4, 13 of 16 sensors, aligned, joined"
    yield at_most(f"{name}, {_words(_LAST)}: RMSE", joined, 13.6, "cycles", COMMAND)
    yield at_most(f"{name}, {_words(_ALL)}: RMSE", _mean(every, "aligned", _ALL), 11.3, "cycles", COMMAND)
    for runs, protocol in ((last, _LAST), (every, _ALL)):
        yield at_most(
            f"{name} over centralised, {_words(protocol)}", _over(runs, protocol), 1.02, "times", COMMAND
        )
        for other in compare[1:]:
            measure = f"FD004 J = 4, {other}, {_words(protocol)}: RMSE"
            yield shown(measure, _mean(runs, other, protocol), "cycles", COMMAND)
    yield from _solo(last)
    seconds = float(np.mean([run["seconds"]["aligned"] for run in last]))
    yield at_most(
        "FD004 hybrid J = 4, aligned: training time of the federated model", seconds, 120, "s", COMMAND
    )


def _solo(runs: Sequence[dict[str, Any]]) -> Iterator[Row]:
    alone = [float(np.mean(_solos(run, "isolated", _LAST))) for run in runs]
    solo = [float(np.mean(_solos(run, "aligned", _LAST))) for run in runs]
    name = f"the same, solo parties, {_words(_LAST)}"
    yield at_most(f"{name}: mean RMSE", float(np.mean(solo)), 14.6, "cycles", COMMAND)
    paired = difference([a - b for a, b in zip(solo, alone, strict=True)])
    yield at_most(f"{name}: solo minus isolated, mean over seeds", paired.mean, 0.0, "cycles", COMMAND)
    yield at_most(f"{name}: paired p of that difference", paired.p, 0.05, "", COMMAND)


def _other_numbers(data: Path) -> Iterator[Row]:
    eight = [found(_aligned(seed, 8, ("centralised",), 125), data) for seed in SEEDS]
    measure = f"FD004 hybrid J = 8, aligned, joined over centralised, {_words(_LAST)}"
    yield at_most(measure, _over(eight, _LAST), 1.02, "times", COMMAND)
    many = [found(_averaged(seed, 124, ("isolated",), 120), data) for seed in SEEDS]
    gain = 1.0 - _mean(many, "fedavg", _ALL) / _mean(many, "isolated", _ALL)
    measure = f"FD004 J = 124, 2 engines each, FedAvg below isolated, {_words(_ALL)}"
    yield at_least(measure, 100 * gain, 28.0, "%", COMMAND)


def _fd001(data: Path) -> Iterator[Row]:
    runs = [found(_one_regime(_aligned(seed, 4, ("centralised",), 125)), data) for seed in SEEDS]
    for name in ("centralised", "aligned"):
        measure = f"FD001, {name}{', J = 4' if name == 'aligned' else ''}, {_words(_LAST)}: RMSE"
        yield at_most(measure, _mean(runs, name, _LAST), 12.5, "cycles", COMMAND)
    yield at_most(
        f"FD001, J = 4 over centralised, {_words(_LAST)}", _over(runs, _LAST), 1.02, "times", COMMAND
    )


def _skewed(data: Path) -> Iterator[Row]:
    personal = ("ditto", "fine_tuned", "fedper", "own_scaling")
    for deal in ("fault_mode", "regime"):
        runs = [found(_dealt(_averaged(seed, 4, ("isolated", *personal), 120), deal), data) for seed in SEEDS]
        worst = {
            name: float(np.mean([max(_solos(run, name, _ALL)) for run in runs]))
            for name in runs[0]["all_cycle"]
        }
        measure = f"FD004 J = 4 dealt by {deal}, engines of a party's own kind, {_words(_ALL)}: worst party"
        yield at_most(
            f"{measure}, FedAvg minus isolated", worst["fedavg"] - worst["isolated"], 0.0, "cycles", COMMAND
        )
        for name in personal:
            ratios = np.mean([_ratios(run, name) for run in runs], axis=0)  # (parties,)
            text = f"{measure.rsplit(':', 1)[0]}: {name}, largest ratio of a party's error to isolated"
            yield at_most(text, float(ratios.max()), 1.02, "times", COMMAND)


def _aligned(seed: int, parties: int, compare: tuple[str, ...], cap: int) -> Charter:
    return accurate(fd004(parties=parties, seed=seed, algorithm="aligned", cap=cap, compare=compare))


def _averaged(seed: int, parties: int, compare: tuple[str, ...], cap: int) -> Charter:
    charter = accurate(fd004(parties=parties, seed=seed, algorithm="fedavg", cap=cap))
    alone = 10 if "fine_tuned" in compare else 0
    choice = replace(charter.algorithm, alone_rounds=alone)
    return replace(charter, algorithm=choice, compare=compare)


def _one_regime(charter: Charter) -> Charter:
    regimes = replace(charter.data.regimes, kind="none", centres=())
    return replace(charter, data=replace(charter.data, subset="FD001", regimes=regimes))


def _dealt(charter: Charter, deal: str) -> Charter:
    return replace(charter, partition=replace(charter.partition, deal=deal))


def _mean(runs: Sequence[dict[str, Any]], name: str, protocol: str, figure: str = "rmse") -> float:
    return float(np.mean([run[protocol][name][figure] for run in runs]))


def _over(runs: Sequence[dict[str, Any]], protocol: str) -> float:
    return _mean(runs, "aligned", protocol) / _mean(runs, "centralised", protocol)


def _solos(run: dict[str, Any], name: str, protocol: str) -> list[float]:
    solos: list[float] = run[protocol][name]["solo"]
    return solos


def _ratios(run: dict[str, Any], name: str) -> list[float]:
    pairs = zip(_solos(run, name, _ALL), _solos(run, "isolated", _ALL), strict=True)
    return [own / alone for own, alone in pairs]


def _words(protocol: str) -> str:
    return {_ALL: "all-cycle, cap 120", _LAST: "last-cycle, cap 125"}[protocol]
