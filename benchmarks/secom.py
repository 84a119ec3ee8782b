"""SECOM: its records as a world, and the charters of four parties that each have a block of its columns.

Published figures of SECOM are of one split; one split has a standard deviation of 0.05 in AUPRC.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hansa.core import seeds
from hansa.core.charter import Charter
from hansa.core.charter_reader import parse_charter
from hansa.data.columns import fleet_from_table
from hansa.data.fleet import Fleet
from hansa.data.labels import split_test
from hansa.runtime.world import World

PARTIES = 4
_HEAD = """
name = "secom"
consortium = "Four suppliers of one fab"
task = "failure"
seed = {seed}
rounds = {rounds}
compare = [{compare}]

[data]
source = "table"
file = "secom.csv"
missing = "hold"
test_share = 0.3
validation_share = 0.2

[partition]
kind = "{kind}"

[protection]
secrecy = "open"

[algorithm]
name = "{algorithm}"

[columns.row]
role = "asset"

[columns.outcome]
role = "target"
"""


@cache
def records(folder: Path) -> pd.DataFrame:
    """Return all units with their outcome, 1 for a failure; folder: holds the publisher's files."""
    frame = pd.read_csv(folder / "secom_431cols.csv.gz").copy()  # one block: it is read in many
    outcome = pd.read_csv(folder / "secom_labels.data.gz", sep=" ", header=None)[0]
    return frame.assign(outcome=(outcome == 1).astype(int))


def charter(
    folder: Path, seed: int, algorithm: str, compare: tuple[str, ...], recipe: dict[str, Any]
) -> Charter:
    """Return a charter; recipe: `rounds`, and for each other table the keys that differ from its default."""
    sensors = [name for name in records(folder).columns if name.startswith("V")]
    text = _HEAD.format(
        seed=seed,
        rounds=recipe["rounds"],
        compare=", ".join(f'"{name}"' for name in compare),
        kind={"vertical": "vertical"}.get(algorithm, "hybrid"),
        algorithm=algorithm,
    )
    text += "".join(f'[columns.{name}]\nrole = "sensor"\n' for name in sensors)
    for party, block in enumerate(np.array_split(sensors, PARTIES), 1):
        text += f"[party.block-{party}]\nsensors = {[str(name) for name in block]}\n"
    plain = parse_charter(text, "secom")
    changed = {
        table: replace(getattr(plain, table), **keys) for table, keys in recipe.items() if table != "rounds"
    }
    return replace(plain, **changed)


def world(charter: Charter, folder: Path) -> World:
    """Return the stratified split of the charter's seed."""
    return World("secom", *_split(fleet_from_table(records(folder), charter), charter, "test"))


def validation_world(charter: Charter, folder: Path, draw: int) -> World:
    """Return one of the splits of the rows that the charter's seed learns from; its test is not in them."""
    learnt = world(charter, folder).train
    assert learnt is not None
    return World("secom, validation", *_split(learnt, charter, f"validation {draw}"))


def _split(fleet: Fleet, charter: Charter, name: str) -> tuple[Fleet, Fleet]:
    rng = seeds.generator(charter.seed, name)
    return split_test(fleet, charter.data.test_share, rng, classes=True)
