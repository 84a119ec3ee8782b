"""byzfl's rules on updates drawn as ours are: `peer.py PARTIES DIM BAD REPEATS OUT.json`.

Each rule is timed as its users call it, with tensors and with numpy arrays, on one thread. The package's own
opening imports a benchmark of images, so it is passed by. Started by `benchmarks/judge_rules.py`.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

OFFSET, SPREAD = 100.0, 0.01


def main() -> None:
    """Run the rules and write CPU seconds of each call, and the error of distances beside an offset."""
    parties, dim, bad, repeats = (int(word) for word in sys.argv[1:5])
    torch.set_num_threads(1)
    rules = opened()
    updates = np.random.default_rng(0).standard_normal((parties, dim), dtype=np.float32)  # (parties, dim)
    made = {"krum": rules.Krum(bad), "median": rules.Median(), "trimmed_mean": rules.TrMean(bad)}
    found: dict[str, Any] = {}
    for name, rule in made.items():
        for path, given in (("torch", torch.from_numpy(updates)), ("numpy", updates)):
            found[f"{name}, {path}"] = taken(lambda rule=rule, given=given: rule(given), repeats)
    shifted = updates * np.float32(SPREAD) + np.float32(OFFSET)  # (parties, dim)
    exact = np.linalg.norm(shifted[1:].astype(np.float64) - shifted[0], axis=1)  # (parties - 1,)
    theirs = torch.cdist(torch.from_numpy(shifted), torch.from_numpy(shifted)).numpy()[
        0, 1:
    ]  # (parties - 1,)
    found["error of squared distances"] = float(np.abs(theirs.astype(np.float64) ** 2 / exact**2 - 1).max())
    Path(sys.argv[5]).write_text(json.dumps(found) + "\n", encoding="utf-8")


def opened() -> Any:
    """Return byzfl.aggregators."""
    spec = importlib.util.find_spec("byzfl")
    assert spec is not None and spec.submodule_search_locations
    package = types.ModuleType("byzfl")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["byzfl"] = package
    return importlib.import_module("byzfl.aggregators")


def taken(act: Callable[[], object], repeats: int) -> list[float]:
    """Return CPU seconds of each call, the first left out."""
    seconds = []
    for _ in range(repeats + 1):
        began = time.process_time()
        act()
        seconds.append(time.process_time() - began)
    return seconds[1:]


if __name__ == "__main__":
    main()
