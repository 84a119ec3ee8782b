"""The rows of `make measure TOPIC=accuracy` on prices: bulldozers sold by six parties, auctioneers.

The recipes were chosen on sales before those of the test (`benchmarks.price_search`). Each party is judged on
the same test, that of all of them. What was found is kept in runs/accuracy, one file a charter.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kept_runs import kept, trained
from benchmarks.measure import Row, at_most, shown
from hansa.core.charter import Charter, Protection
from hansa.data.bulldozers import Sales, alone_of, baselines_of, charter_of, prepared, read_sales
from hansa.data.columns import fleet_from_table
from hansa.runtime.world import World
from hansa.simulation.federation import Federation

COMMAND = "make measure TOPIC=accuracy"
SEEDS = (1, 2, 3, 4, 5)
_FILE = Path("bulldozers", "bulldozers_priced.parquet")
_NAME = "bulldozers, 6 parties (auctioneers), last 30 % of 2012"


def rows(data: Path) -> Iterator[Row]:
    """Yield every row; data: the folder that holds bulldozers/."""
    file = data / _FILE
    if not file.is_file():
        print(f"{file} is not there: the rows on prices are left out.", file=sys.stderr)
        return
    runs = [found(seed, file) for seed in SEEDS]
    yield from compared(runs)


def compared(runs: Sequence[dict[str, Any]]) -> Iterator[Row]:
    """Yield the rows of runs under several seeds, as `found` returns each."""
    joined, pooled = _mean(runs, "fedadam", "rmsle"), _mean(runs, "centralised", "rmsle")
    alone = {name: float(np.mean([run["alone"][name] for run in runs])) for name in runs[0]["alone"]}
    yield at_most(f"{_NAME}: RMSLE, federated over pooled", joined / pooled, 1.02, "times", COMMAND)
    yield at_most(
        f"{_NAME}: RMSLE, federated over the best isolated party",
        joined / min(alone.values()),
        1.0,
        "times",
        COMMAND,
    )
    yield shown(f"{_NAME}: RMSLE, federated", joined, "", COMMAND)
    yield shown(f"{_NAME}: RMSLE, pooled", pooled, "", COMMAND)
    for name, figure in alone.items():
        yield shown(f"{_NAME}: RMSLE, {name} alone", figure, "", COMMAND)
    for name, word in (("fedadam", "federated"), ("centralised", "pooled")):
        miss = 100 * _mean(runs, name, "median_share")
        yield shown(f"{_NAME}: median miss, {word}", miss, "% of the price", COMMAND)


def found(seed: int, file: Path) -> dict[str, Any]:
    """Return what the charters found under a seed: figures by scenario, and each party's RMSLE alone."""
    result: dict[str, Any] = {}
    for make in (charter_of, baselines_of, alone_of):  # the last is what parties alone did best with
        result |= _run(_seeded(make, seed, file), file)
    return result


def _seeded(make: Any, seed: int, file: Path) -> Charter:
    charter: Charter = replace(make(_sales(file)), seed=seed)
    return charter


@cache
def _sales(file: Path) -> Sales:
    return prepared(read_sales(file), "auctioneer", str(file))


@cache
def _world(file: Path) -> World:
    sales = _sales(file)
    charter = replace(charter_of(sales), protection=Protection("open"))
    return World("bulldozers", *(fleet_from_table(frame, charter) for frame in (sales.train, sales.test)))


def _run(charter: Charter, file: Path) -> dict[str, Any]:
    def find() -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name, one in trained(Federation(charter, world=_world(file))).finished.items():
            result[name] = dict(one.scores["test"].figures) | {"seconds": one.seconds}
            if name == "isolated":
                alone = one.parties.items()
                result["alone"] = {own: part.scores["test"].figures["rmsle"] for own, part in alone}
        return result

    return kept(charter, find)


def _mean(runs: Sequence[dict[str, Any]], name: str, figure: str) -> float:
    return float(np.mean([run[name][figure] for run in runs]))
