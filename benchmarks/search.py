"""Chooses the step size on validation engines, never on test; keeps every score it saw.

    python -m benchmarks.search DATA

writes benchmarks/results/first-federation-search.json: FD004 training engines, 85 % to learn from and
15 % to choose by, two seeds.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.charters import fd004
from hansa.core import seeds
from hansa.core.charter import Charter
from hansa.runtime.world import World, open_world
from hansa.simulation.federation import Federation

RESULT = Path(__file__).parent / "results" / "first-federation-search.json"
STEPS = (0.002, 0.005, 0.01, 0.02)
SETTINGS = ((1, "centralised"), (2, "labsync_mean"), (4, "labsync_mean"), (8, "labsync_mean"))


def main() -> None:
    """Search, print and write."""
    data = Path(sys.argv[1])
    rows = []
    for seed in (101, 102):
        for parties, scenario in SETTINGS:
            for step in STEPS:
                charter = _charter(seed, parties, scenario, step)
                scores = _validation(charter, scenario, data)
                setting = {"seed": seed, "parties": parties, "scenario": scenario, "learning_rate": step}
                rows.append(setting | scores)
                print(rows[-1], file=sys.stderr, flush=True)
    RESULT.write_text(json.dumps(rows, indent=1) + "\n")


def _charter(seed: int, parties: int, scenario: str, step: float) -> Charter:
    trained = "labsync_mean" if scenario == "centralised" else scenario
    charter = fd004(parties=parties, seed=seed, algorithm=trained)
    training = replace(charter.training, learning_rate=step)
    return replace(charter, training=training, compare=("centralised",) if scenario == "centralised" else ())


def _validation(charter: Charter, scenario: str, data: Path) -> dict[str, float]:
    whole = open_world(charter, data).train
    assert whole is not None
    order = seeds.generator(charter.seed, "validation").permutation(len(whole.asset_names))
    cut = round(0.15 * len(order))
    # Validation histories end where they end: the last cycles of a failed engine are as good a test.
    world = World("FD004 validation", whole.take_assets(order[cut:]), whole.take_assets(order[:cut]))
    federation = Federation(charter, world=world)
    for unit in federation.train(lambda _: None, lambda: False):
        if unit == scenario:
            break
    found = federation.finished[scenario].all_cycle.filtered
    return {"rmse": round(found.rmse, 3), "mae": round(found.mae, 3)}


if __name__ == "__main__":
    main()
