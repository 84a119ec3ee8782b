"""Two works that measure the same pumps with sensors of their own, each under its own names."""

from pathlib import Path

import numpy as np
import pandas as pd

CHARTER = """\
name = "pumps"
consortium = "A maker and an operator"
seed = 3
rounds = 2
compare = {compare}

[data]
source = "table"
{file}
label_cap = 20
label_bin = 4
test_share = 0.3

[columns]
pump = {{ role = "asset" }}
hour = {{ role = "time", unit = "h" }}
heat = {{ role = "sensor" }}
flow = {{ role = "sensor" }}
shake = {{ role = "sensor" }}
left = {{ role = "target", unit = "h" }}

[partition]
kind = "{kind}"
{extra}

[network]
hidden = [4]

[algorithm]
name = "{algorithm}"

[protection]
secrecy = "open"

[party.maker]
sensors = ["heat", "flow"]
{maker}

[party.operator]
sensors = ["shake"]
{operator}
"""
OPERATOR = """\
data = "operator.csv"
columns = { pump = "machine", hour = "minute", left = "minutes_left", shake = "vibration" }
units = { hour = "min", left = "min" }
"""


def own_files(algorithm: str, compare: str = "[]") -> str:
    """Return the charter of two parties with files of their own."""
    return CHARTER.format(
        kind="given",
        algorithm=algorithm,
        compare=compare,
        file="",
        extra="",
        maker='data = "maker.csv"',
        operator=OPERATOR,
    )


def one_file(algorithm: str, kind: str, compare: str = "[]") -> str:
    """Return the charter of a simulation that deals the same table."""
    return CHARTER.format(
        kind=kind,
        algorithm=algorithm,
        compare=compare,
        file='file = "whole.csv"',
        extra="shared_assets = 0.5" if kind == "mixed" else "",
        maker="",
        operator="",
    )


def pumps(assets: int = 10) -> pd.DataFrame:
    """Return pumps that run until they fail, every hour a row."""
    rng = np.random.default_rng(2)
    frames = []
    for number in range(assets):
        rows = int(rng.integers(12, 24))
        left = np.arange(rows)[::-1].astype(float)
        wear = np.exp(-left / 8)
        frames.append(
            pd.DataFrame(
                {
                    "pump": f"P-{number}",
                    "hour": np.arange(rows) + 1,
                    "heat": (60 + 20 * wear + rng.normal(0, 1, rows)).round(2),
                    "flow": (9 - 4 * wear + rng.normal(0, 0.2, rows)).round(3),
                    "shake": (1 + wear + rng.normal(0, 0.1, rows)).round(3),
                    "left": left,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def write(folder: Path, maker: pd.DataFrame, operator: pd.DataFrame) -> None:
    """Write each party's file: the operator counts minutes, and calls its columns otherwise."""
    maker[["pump", "hour", "heat", "flow", "left"]].to_csv(folder / "maker.csv", index=False)
    theirs = operator[["pump", "hour", "shake", "left"]].assign(
        hour=operator["hour"] * 60, left=operator["left"] * 60
    )
    names = {"pump": "machine", "hour": "minute", "left": "minutes_left", "shake": "vibration"}
    theirs.rename(columns=names).to_csv(folder / "operator.csv", index=False)
