"""Parties with Parquet tables of pumps, sorted by asset, and the charter that they agree on."""

from pathlib import Path

import numpy as np
import pandas as pd

from hansa.core.charter import Charter
from hansa.core.charter_reader import parse_charter

CHARTER = """
name = "pumps"
consortium = "Two works"
seed = 3
rounds = {rounds}
compare = {compare}

[data]
source = "table"
label_cap = 12
label_bin = 3
test_share = 0.3
missing = "hold"

[partition]
kind = "given"

[network]
hidden = [6]

[training]
learning_rate = 0.02
batch_size = 16

[algorithm]
name = "{algorithm}"

[label]
source = "failed_at"
column = "failed_at"

[regimes]
kind = "bins"
bins = {{ load = [1.5] }}

[columns.pump]
role = "asset"

[columns.hour]
role = "time"
unit = "h"

[columns.load]
role = "setting"

[columns.temp]
role = "sensor"
range = [-50, 500]

[columns.flow]
role = "sensor"

[columns.seal]
role = "category"
values = ["carbon"]

[columns.failed_at]
role = "target"
unit = "h"

[protection]
secrecy = "open"

[party.big]
data = "big.parquet"

[party.small]
data = "small.parquet"
"""


def text(algorithm: str = "fedavg", rounds: int = 3, compare: str = "[]") -> str:
    """Return the charter's text."""
    return CHARTER.format(algorithm=algorithm, rounds=rounds, compare=compare)


def charter(algorithm: str = "fedavg", rounds: int = 3, compare: str = "[]") -> Charter:
    """Return the charter of the parties `big` and `small`."""
    return parse_charter(text(algorithm, rounds, compare))


def table(lengths: list[int], seed: int = 0) -> pd.DataFrame:
    """Return pumps of these lengths, together and in order; every fourth one still runs.

    Rows of a pump are in no order of time. Some temperatures are missing.
    """
    rng = np.random.default_rng(seed)
    frames = []
    for number, rows in enumerate(lengths):
        hour = rng.permutation(rows) + 1.0
        wear = (hour / rows) ** 3
        temp = 60 + 20 * wear + rng.normal(0, 1, rows)
        frames.append(
            pd.DataFrame(
                {
                    "pump": f"P-{number:03}",
                    "hour": hour,
                    "load": rng.integers(1, 3, rows),
                    "temp": np.where(rng.random(rows) < 0.05, np.nan, temp),
                    "flow": 9 - 4 * wear + rng.normal(0, 0.2, rows),
                    "seal": rng.choice(["carbon", "ceramic"]),
                    "note": "x" * 20,
                    "failed_at": np.nan if number % 4 == 3 else rows + 0.0,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def write(folder: Path, big: pd.DataFrame | None = None, **settings: int) -> Path:
    """Write charter.toml's tables; return the folder. settings: of the big one's Parquet file."""
    rng = np.random.default_rng(5)
    lengths = [int(rows) for rows in rng.integers(15, 40, 24)]
    big = table(lengths) if big is None else big
    big.to_parquet(folder / "big.parquet", index=False, row_group_size=settings.get("row_group_size", 100))
    table(lengths[:10], seed=1).to_parquet(folder / "small.parquet", index=False)
    return folder
