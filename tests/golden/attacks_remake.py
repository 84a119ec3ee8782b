"""Writes byzfl's answers anew: `python tests/golden/attacks_remake.py`, then review the difference.

It needs byzfl 0.0.11 and PyTorch in an environment of their own; nothing of ours is imported. Only byzfl's
attacks and aggregators are loaded: the package itself would start a benchmark on images.
"""

import importlib
import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

ANSWERS = Path(__file__).with_name("attacks.json")
GOOD, BAD, DIM = 6, 2, 5


def _without_its_benchmark() -> tuple[Any, Any]:
    """Return byzfl's attacks and aggregators."""
    spec = importlib.util.find_spec("byzfl")
    assert spec is not None and spec.submodule_search_locations is not None
    package = types.ModuleType("byzfl")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["byzfl"] = package
    return (
        importlib.import_module("byzfl.attacks.attacks"),
        importlib.import_module("byzfl.aggregators.aggregators"),
    )


def main() -> None:
    """Write the file."""
    attacks, aggregators = _without_its_benchmark()
    rng = np.random.default_rng(11)
    honest = rng.normal(0.3, 1.0, (GOOD, DIM)).round(3)
    found = {
        "alie 1.5": attacks.ALittleIsEnough(tau=1.5)(honest),
        "ipm 2": attacks.InnerProductManipulation(tau=2.0)(honest),
        "reversed mean": attacks.SignFlipping()(honest),
        "mimic 3": attacks.Mimic(epsilon=3)(honest),
        "infinity": attacks.Inf()(honest),
    }
    settings = {"agg": aggregators.Median(), "pre_agg_list": [], "f": BAD, "evals": 40}  # no mean: no end
    found["alie searched"] = attacks.Optimal_ALittleIsEnough(**settings)(honest)
    found["ipm searched"] = attacks.Optimal_InnerProductManipulation(**settings)(honest)
    answers = {name: [str(one) for one in np.asarray(vector).tolist()] for name, vector in found.items()}
    text = json.dumps({"honest": honest.tolist(), "bad": BAD, "answers": answers}, indent=1)
    ANSWERS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
