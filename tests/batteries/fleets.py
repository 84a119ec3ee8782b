"""Small fleets and charters, made in a line: assets that live for given numbers of rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hansa.core.charter import (
    AlgorithmChoice,
    Charter,
    Column,
    Data,
    Evaluation,
    Network,
    Partition,
    Party,
    Preparation,
    Protection,
    Regimes,
    Training,
)
from hansa.data.fleet import Fleet

SETTINGS = ("height", "speed")
CENTRES = ((0.0, 0.0), (10.0, 0.5), (40.0, 0.8))


def fleet(lengths: Sequence[int], sensors: int = 3, seed: int = 0, censored: Sequence[int] = ()) -> Fleet:
    """Return assets of these lengths; time counts from 1 and the last row has 0 cycles to live.

    Sensors wear with age and jump with the regime; the assets at `censored` have an unknown end.
    """
    rng = np.random.default_rng(seed)
    asset = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    time = np.concatenate([np.arange(1.0, n + 1) for n in lengths])
    remaining = np.asarray(lengths, float)[asset] - time
    regime = rng.integers(0, len(CENTRES), len(asset))
    wear = np.exp(-remaining / 20)[:, None] * rng.uniform(1, 2, sensors)  # (rows, sensors)
    readings = 10 * np.arange(1, sensors + 1) + 3 * regime[:, None] + wear + rng.normal(0, 0.3, wear.shape)
    remaining[np.isin(asset, censored)] = np.nan
    return Fleet(
        asset_names=tuple(f"asset-{i}" for i in range(len(lengths))),
        asset=asset,
        time=time,
        settings=np.array(CENTRES)[regime] + rng.normal(0, 0.01, (len(asset), 2)),
        sensors=readings,
        remaining=remaining,
        setting_names=SETTINGS,
        sensor_names=tuple(f"s{i}" for i in range(1, sensors + 1)),
    )


def charter(parties: int = 3, sensors: int = 3, **changes: Any) -> Charter:
    """Return a charter for such fleets; changes: any field, or a mapping of a record's fields."""
    columns = (
        *(Column(name, "setting") for name in SETTINGS),
        *(Column(f"s{i}", "sensor", low=0.0, high=100.0) for i in range(1, sensors + 1)),
    )
    base = Charter(
        name="small",
        consortium="tests",
        seed=7,
        rounds=3,
        data=Data(label_cap=12.0, columns=columns, regimes=Regimes("centres", CENTRES)),
        partition=Partition(),
        preparation=Preparation(),
        network=Network(hidden=(4,)),
        training=Training(learning_rate=0.02, batch_size=16),
        algorithm=AlgorithmChoice(),
        evaluation=Evaluation(),
        protection=Protection(
            "open"
        ),  # what learning finds is its own, to the bit; tests of secrecy change it
        roster=tuple(Party(f"party-{number}") for number in range(1, parties + 1)),
    )
    for name, change in changes.items():
        value = replace(getattr(base, name), **change) if isinstance(change, dict) else change
        base = replace(base, **{name: value})
    return base
