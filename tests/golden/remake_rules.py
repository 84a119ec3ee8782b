"""Writes what byzfl answers anew: `python tests/golden/remake_rules.py`, then review the difference.

Run it in an environment of its own, with byzfl==0.0.11, torch and scipy; nothing of Hansa is needed. The
package's own opening imports a benchmark of images, so it is passed by. Where byzfl's default is not the
rule: its geometric median takes 3 smoothed steps (here 20 000, hardly smoothed); its centered clipping has a
fixed radius (here set before each step to the median distance, as ours is).
"""

import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

ANSWERS = Path(__file__).with_name("rules.json")
STEPS = 10
SIZES = {"7 parties": (7, 2, 6), "8 parties": (8, 1, 5), "9 parties": (9, 3, 4)}  # parties, bad, dim


def byzfl() -> tuple[Any, Any]:
    """Return byzfl's rules and attacks."""
    found = importlib.util.find_spec("byzfl")
    assert found is not None and found.submodule_search_locations
    package = types.ModuleType("byzfl")
    package.__path__ = list(found.submodule_search_locations)
    sys.modules["byzfl"] = package
    return importlib.import_module("byzfl.aggregators"), importlib.import_module("byzfl.attacks")


def drawn(attacks: Any) -> dict[str, tuple[int, np.ndarray]]:
    """Return by name how many are bad, and (parties, dim) updates: the bad ones, all alike, come last."""
    makers = {
        "a little": attacks.ALittleIsEnough(tau=1.5),
        "signs": attacks.SignFlipping(),
        "inner products": attacks.InnerProductManipulation(tau=3.0),
    }
    cases = {}
    for size, (parties, bad, dim) in SIZES.items():
        rng = np.random.default_rng(parties)
        for attack, maker in makers.items():
            honest = rng.normal(size=(parties - bad, dim)) + rng.normal(size=dim)
            sent = np.vstack([honest, np.tile(maker(honest), (bad, 1))])  # (parties, dim)
            cases[f"{size}, {attack}"] = (bad, np.round(sent, 4))
        lone = rng.normal(size=(parties, dim))
        cases[f"{size}, nobody bad"] = (bad, np.round(lone, 4))
    return cases


def answers(rules: Any, updates: np.ndarray, bad: int) -> dict[str, Any]:
    """Return what each of byzfl's rules makes of updates."""
    made = {
        "krum": rules.Krum(bad),
        "multi_krum": rules.MultiKrum(bad),
        "mda": rules.MDA(bad),
        "monna": rules.MoNNA(bad, idx=1),
        "geometric_median": rules.GeometricMedian(nu=1e-12, T=20_000),
        "median": rules.Median(),
        "trimmed_mean": rules.TrMean(bad),
        "meamed": rules.Meamed(bad),
        "nnm": rules.NNM(bad),
        "arc": rules.ARC(bad),
        "mean": rules.Average(),
    }
    found = {name: rule(updates.copy()).tolist() for name, rule in made.items()}
    return found | {"centered_clipping": centered(rules, updates).tolist()}


def centered(rules: Any, updates: np.ndarray) -> np.ndarray:
    """Return (dim,) centered clipping, whose radius follows the median distance."""
    rule, point = rules.CenteredClipping(), np.zeros(updates.shape[1])  # (dim,)
    for _ in range(STEPS):
        rule.tau = float(np.median(np.linalg.norm(updates - point, axis=1)))
        point = rule(updates.copy())
    return point


def main() -> None:
    """Write the file."""
    rules, attacks = byzfl()
    kept = {
        name: {"bad": bad, "updates": updates.tolist(), "answers": answers(rules, updates, bad)}
        for name, (bad, updates) in drawn(attacks).items()
    }
    ANSWERS.write_text(json.dumps(kept, indent=None).replace("}}, ", "}},\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
