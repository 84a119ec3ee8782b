"""Flower's Krum on updates drawn as ours are: `krum.py PARTIES DIM BAD REPEATS OUT.json`.

Both that Flower ships: `flwr.server.strategy.aggregate`, which takes a norm for each pair, and
`flwr.serverapp.strategy.multikrum`, which takes products, of records whose bytes it reads first; products
alone are timed too. Started by `benchmarks/judge_rules.py`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, RecordDict
from flwr.server.strategy.aggregate import aggregate_krum
from flwr.serverapp.strategy.multikrum import compute_distances, select_multikrum

OFFSET, SPREAD = 100.0, 0.01


class InHand:
    """A record whose arrays need no reading."""

    def __init__(self, update: np.ndarray) -> None:
        self._update = update

    def to_numpy_ndarrays(self) -> list[np.ndarray]:
        """Return its one array."""
        return [self._update]


def main() -> None:
    """Run both and write CPU seconds of each call, and the error of distances beside an offset."""
    parties, dim, bad, repeats = (int(word) for word in sys.argv[1:5])
    updates = np.random.default_rng(0).standard_normal((parties, dim), dtype=np.float32)  # (parties, dim)
    found: dict[str, Any] = {}
    results = [([update], 1) for update in updates]
    found["krum, norms"] = taken(lambda: aggregate_krum(results, bad, 0), repeats)
    in_hand: list[Any] = [InHand(update) for update in updates]
    found["krum, products alone"] = taken(lambda: compute_distances(in_hand), repeats)
    records = [RecordDict({"arrays": ArrayRecord([update])}) for update in updates]
    found["krum, products of records"] = taken(lambda: select_multikrum(records, bad, 1), repeats)
    shifted = updates * np.float32(SPREAD) + np.float32(OFFSET)  # (parties, dim)
    exact = (np.linalg.norm(shifted[1:].astype(np.float64) - shifted[0], axis=1)) ** 2  # (parties - 1,)
    theirs = compute_distances([InHand(update) for update in shifted])[0, 1:]  # type: ignore[misc]
    found["error of squared distances"] = float(np.abs(theirs.astype(np.float64) / exact - 1).max())
    Path(sys.argv[5]).write_text(json.dumps(found) + "\n", encoding="utf-8")


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
