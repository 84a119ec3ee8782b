"""Chooses how prices are learnt, on sales before those of the test; keeps every score it saw.

    python -m benchmarks.price_search DATA [RECIPE ...]

writes benchmarks/results/price-search.json, in which recipes that stand there already are left as they are.
Of the sales that the measured rows learn from, the last 30 % by date of each party's sales of 2012 choose;
the others are learnt from. Wanted is a network that parties train nearly as well as one who has all sales.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import kept_scores
from benchmarks.kept_runs import trained
from hansa.core.charter import Charter, Protection
from hansa.data.bulldozers import PARTY, SALE, SPLIT_YEAR, TEST_SHARE, Sales, charter_of, prepared, read_sales
from hansa.data.columns import fleet_from_table
from hansa.runtime.world import World
from hansa.simulation.federation import Federation

RESULT = Path(__file__).parent / "results" / "price-search.json"
SEED = 101
_POOLED = ("centralised",)


def _adam(rate: float, batch: int, rounds: int, name: str = "fedavg") -> dict[str, Any]:
    """Return local epochs of Adam, whose results the coordinator averages."""
    training = {"optimizer": "adam", "learning_rate": rate, "batch_size": batch}
    return {"rounds": rounds, "training": training, "algorithm": {"name": name, "server_rate": None}}


RECIPES: dict[str, dict[str, Any]] = {  # what the charter of `hansa data bulldozers` says otherwise
    "indicators, Adam 0.001": _adam(0.001, 128, 15) | {"network": {"embedding": 0}, "compare": _POOLED},
    "Adam 0.001": _adam(0.001, 128, 15) | {"compare": _POOLED},
    "Adam 0.0005": _adam(0.0005, 128, 60) | {"compare": _POOLED},
    "Adam 0.0002": _adam(0.0002, 128, 60),
    "Adam 0.001, batches of 512": _adam(0.001, 512, 120) | {"compare": _POOLED},
    "Adam 0.001, batches of 2048": _adam(0.001, 2048, 120),
    "Adam 0.003, batches of 2048": _adam(0.003, 2048, 120),
    "Adam 0.0005, FedNova": _adam(0.0005, 128, 60, "fednova"),
    "whole gradients, FedAdam 0.01": {"rounds": 400},
    "alone, Adam 0.001": _adam(0.001, 128, 15, "isolated"),
    "alone, Adam 0.0005": _adam(0.0005, 128, 60, "isolated"),
    "alone, Adam 0.001, batches of 512": _adam(0.001, 512, 120, "isolated"),
}


def main() -> None:
    """Search, print and write."""
    raw = read_sales(Path(sys.argv[1]) / "bulldozers" / "bulldozers_priced.parquet")
    sales = validation(prepared(raw, "auctioneer"))
    kept_scores.find(RESULT, sys.argv[2:], RECIPES, lambda name: _scores(name, sales))


def validation(sales: Sales) -> Sales:
    """Return the sales to learn from, the last part of each party's by date in place of the test."""
    frame = sales.train
    last = frame[frame["sold"] >= SPLIT_YEAR].sort_values(["sold", SALE]).groupby(PARTY)
    chosen = pd.concat([own.iloc[len(own) - round(TEST_SHARE * len(own)) :] for _, own in last]).index
    kept = ~np.isin(frame.index, chosen)  # (rows,)
    return replace(sales, train=frame[kept].reset_index(drop=True), test=frame[~kept].reset_index(drop=True))


def _scores(name: str, sales: Sales) -> Iterator[dict[str, Any]]:
    charter = _charter(name, sales)
    fleets = [fleet_from_table(frame, charter) for frame in (sales.train, sales.test)]
    federation = trained(Federation(charter, world=World("validation", *fleets)))
    for scenario, found in federation.finished.items():
        rmsle = round(found.history["rmsle"][-1], 4)
        yield {"scenario": scenario, "rounds": charter.rounds, "rmsle": rmsle}


def _charter(name: str, sales: Sales) -> Charter:
    recipe, base = dict(RECIPES[name]), replace(charter_of(sales), protection=Protection("open"))
    plain = {key: recipe.pop(key) for key in ("rounds", "compare") if key in recipe}
    changed = {table: replace(getattr(base, table), **keys) for table, keys in recipe.items()}
    return replace(base, seed=SEED, **plain, **changed)


if __name__ == "__main__":
    main()
