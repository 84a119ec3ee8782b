"""What SMOTE before the split does to figures: a re-enactment of the paper's order, and not a result of ours.

    python -m benchmarks.smote_first TABLE

TABLE is a bosch.parquet that `hansa data bosch` wrote. The paper oversamples the whole table and splits it
60 / 20 / 20 afterwards: the test then holds made-up parts that lie between failures that were learnt from.
The same network is judged beside it on a test of real parts alone, split off before anything is made.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from hansa.core import seeds
from hansa.core.charter import Charter
from hansa.core.charter_reader import parse_charter
from hansa.core.tasks import TASKS
from hansa.data.fleet import Fleet, joined
from hansa.data.labels import split_test
from hansa.data.oversample import made_failures
from hansa.runtime.world import World, open_world
from hansa.simulation.federation import Federation

ORDERS = ("the paper's order: SMOTE, then split", "split, then SMOTE on the training rows")


def main() -> None:
    """Run both orders and print a table."""
    asked = argparse.ArgumentParser(description="SMOTE before and after the split.")
    asked.add_argument("table", type=Path, help="bosch.parquet with its charters beside it")
    asked.add_argument("--rounds", type=int, default=10)
    given = asked.parse_args()
    folder = given.table.parent
    charter = parse_charter((folder / "horizontal.toml").read_text(encoding="utf-8"), "horizontal.toml")
    names = TASKS["failure"].measures
    print("order".ljust(42), *(names[one].title.rjust(10) for one in names))
    for order, figures in figures_of(charter, folder, given.rounds).items():
        print(order.ljust(42), *(f"{figures[one]:10.3f}" for one in names))


def figures_of(charter: Charter, folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Return the centralised figures of each order."""
    data = replace(charter.data, test_share=0.4, validation_share=0.5)  # 60 / 20 / 20, as the paper
    charter = replace(charter, rounds=rounds, compare=("centralised",), data=data)
    plain = replace(charter.training, failure_weight=1.0)
    whole = open_world(charter, folder)
    assert whole.train is not None
    assert whole.test is not None
    leaked = _with_made(_both(whole), seeds.generator(charter.seed, "smote first"))
    split = split_test(leaked, 0.4, seeds.generator(charter.seed, "test"), classes=True)
    worlds = {
        ORDERS[0]: (replace(charter, training=plain), World("re-enacted", *split)),
        ORDERS[1]: (replace(charter, training=replace(plain, oversample="smote")), whole),
    }
    return {order: _centralised(*pair) for order, pair in worlds.items()}


def _centralised(charter: Charter, world: World) -> dict[str, float]:
    federation = Federation(charter, world=world)
    for unit in federation.train(lambda _: None, lambda: False):
        if unit == "centralised":
            break
    return dict(federation.finished["centralised"].scores["test"].figures)


def _both(world: World) -> Fleet:
    """Return the parts to learn from and those of the test as one table."""
    assert world.train is not None
    assert world.test is not None
    return joined([world.train, world.test])


def _with_made(fleet: Fleet, rng: np.random.Generator) -> Fleet:
    """Return the fleet with made-up failures behind it, as many as good parts; gaps are filled by means."""
    mean = np.nanmean(fleet.sensors, axis=0)  # (sensors,)
    filled = np.where(np.isnan(fleet.sensors), mean, fleet.sensors)  # (rows, sensors)
    made = made_failures(filled.astype(np.float32), fleet.remaining > 0, rng)
    rows = fleet.rows + len(made)
    return replace(
        fleet,
        asset_names=(*fleet.asset_names, *(f"made {number}" for number in range(len(made)))),
        asset=np.arange(rows, dtype=np.int32),
        time=np.zeros(rows),
        settings=np.zeros((rows, fleet.settings.shape[1])),
        sensors=np.concatenate([filled, made.astype(np.float64)]),
        remaining=np.concatenate([fleet.remaining, np.ones(len(made))]),
    )


if __name__ == "__main__":
    main()
