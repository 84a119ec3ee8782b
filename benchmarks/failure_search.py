"""Chooses network, inputs and training for SECOM, split by split; keeps every score it saw.

    python -m benchmarks.failure_search FOLDER [RECIPE ...]

writes benchmarks/results/failure-search.json, in which recipes that stand there already are left as they are.
FOLDER holds SECOM. Each measured split chooses for itself, by draws of the rows that it learns from: nothing
that it is judged on is seen. Each scenario has the recipe that does best for it, the pooled one too, for a
joined model is a mean of networks, and what holds one network's weights small enough holds those too small.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import kept_scores, secom
from benchmarks.kept_runs import trained
from hansa.simulation.federation import Federation

RESULT = Path(__file__).parent / "results" / "failure-search.json"
SPLITS = tuple(range(1, 21))
DRAWS = 5  # of each split's rows to learn from
SHARED = ("vertical", "labsync_mean")
BASELINES = ("centralised", "isolated", "isolated_mean")
_WEIGHT = 14.0  # good rows over failed rows
_WHOLE: dict[str, Any] = {"optimizer": "sgd", "batch_size": 2048, "failure_weight": _WEIGHT}


def _ridge(decay: float, rounds: int, rate: float, **preparation: Any) -> dict[str, Any]:
    """Return a linear model that is pulled to 0, learnt by steps of the whole batch."""
    return {
        "rounds": rounds,
        "preparation": preparation,
        "network": {"hidden": ()},
        "training": _WHOLE | {"learning_rate": rate, "weight_decay": decay},
    }


RECIPES: dict[str, dict[str, Any]] = {
    "default": {"rounds": 30, "training": {"failure_weight": _WEIGHT}},
    "linear, decay 1": _ridge(1.0, 40, 0.05),
    **{f"linear, clip 3, decay {decay:g}": _ridge(decay, 40, 0.05, clip=3.0) for decay in (0.3, 1.0, 3.0)},
    **{
        f"linear, clip 3, decay {decay:g}, long": _ridge(decay, 160, 0.2, clip=3.0)
        for decay in (0.02, 0.06, 0.25, 1.0)
    },
    "linear, clip 3, 22 components, decay 0.3": _ridge(
        0.3, 40, 0.05, clip=3.0, features="pca", components=22
    ),
    "16 units, clip 3, decay 1": _ridge(1.0, 80, 0.05, clip=3.0)
    | {"network": {"hidden": (16,), "activation": "tanh", "ensemble": 4}},
}


def main() -> None:
    """Search, print and write."""
    folder = Path(sys.argv[1])
    kept_scores.find(RESULT, sys.argv[2:], RECIPES, lambda name: _rows(folder, RECIPES[name]))


def chosen(split: int, algorithm: str, scenario: str) -> str:
    """Return the recipe that did best on the draws of what a split learns from.

    algorithm: beside which the scenario stands, for its partition is the baselines', too.
    """
    scores = _means()
    return max(RECIPES, key=lambda recipe: scores[recipe, split, f"{algorithm}: {scenario}"])


@cache
def _means() -> dict[tuple[str, int, str], float]:
    """Return the mean over draws by recipe, split and scenario."""
    rows = kept_scores.kept(RESULT)
    return {(row["recipe"], row["split"], row["scenario"]): row["auprc"] for row in rows}


def _rows(folder: Path, recipe: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for split in SPLITS:
        draws = [_scores(folder, split, draw, recipe) for draw in range(DRAWS)]
        for name in draws[0]:
            auprc = round(float(np.mean([one[name] for one in draws])), 4)
            yield {"split": split, "scenario": name, "auprc": auprc}


def _scores(folder: Path, split: int, draw: int, recipe: dict[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for algorithm in SHARED:
        charter = secom.charter(folder, split, algorithm, BASELINES, recipe)
        federation = trained(Federation(charter, world=secom.validation_world(charter, folder, draw)))
        for name, one in federation.finished.items():
            found[f"{algorithm}: {name}"] = one.scores["test"].figures["auprc"]
    return found


if __name__ == "__main__":
    main()
