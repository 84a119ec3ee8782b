"""A data engineer brings a table of pumps: described, run unchanged, in the parties' own words too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from hansa.core.charter_reader import parse_charter

Hansa = Callable[..., Result]


def pumps(assets: int = 8, rows: int = 40) -> pd.DataFrame:
    """Return pumps that run until they fail."""
    rng = np.random.default_rng(1)
    pump, hour = np.repeat(np.arange(assets), rows), np.tile(np.arange(rows), assets)
    return pd.DataFrame(
        {
            "pump_id": [f"P{n}" for n in pump],
            "hour": hour,
            "temp_c": (60 + hour + rng.normal(size=len(hour))).round(2),
            "vibration": (1 + hour / 20 + rng.normal(0, 0.1, len(hour))).round(3),
            "pressure_bar": (9 - hour / 30 + rng.normal(0, 0.1, len(hour))).round(3),
            "rul": rows - 1 - hour,
        }
    )


def short(text: str) -> str:
    """Return the charter with two rounds and nothing to compare, for the test's sake."""
    lines = [line for line in text.splitlines() if not line.startswith("compare = ")]
    return "\n".join(lines).replace("rounds = 100", "rounds = 2") + "\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_description_of_a_table_is_a_charter_that_runs(hansa: Hansa, here: Path) -> None:
    pumps().to_csv("pumps.csv", sep=";", decimal=",", index=False)
    described = hansa("data", "describe", "pumps.csv")
    assert described.exit_code == 0, described.stderr
    assert described.stdout.startswith("# Found in pumps.csv: 320 rows, 8 assets.\n")
    assert "#   pump_id " in described.stdout
    charter = parse_charter(described.stdout)
    assert [(c.name, c.role) for c in charter.data.columns][:2] == [("pump_id", "asset"), ("hour", "time")]
    assert hansa("charter", "init", "--csv", "pumps.csv").stdout == described.stdout

    Path("pumps.toml").write_text(short(described.stdout))
    (here / "elsewhere").mkdir()
    done = hansa("run", "pumps.toml", "--out", "out")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("Aligned FedAvg on pumps.csv, 4 parties")
    scored = hansa("predict", "out", "pumps.csv")
    assert len(scored.stdout.splitlines()) == 321


def test_a_table_without_a_label_is_described_with_what_to_write_first(hansa: Hansa, here: Path) -> None:
    pumps().drop(columns="rul").to_csv("pumps.csv", index=False)
    described = hansa("data", "describe", "pumps.csv")
    assert described.exit_code == 0
    assert described.stderr.startswith('pumps.csv: no column tells the failure: add a column "failed_at"')
    first, second, *_ = described.stdout.splitlines()
    assert first == "# TO DO FIRST, or this charter cannot run or lacks a column:"
    assert "under [label]" in second
    assert described.stdout.count("no column tells the failure") == 1
    Path("pumps.toml").write_text(short(described.stdout))
    refused = hansa("run", "pumps.toml", "--out", "out")
    assert (refused.exit_code, "[party." in refused.stderr) == (2, False)
    assert 'there is no column "failed_at"' in refused.stderr


def test_paths_in_a_charter_start_at_the_charter(
    hansa: Hansa, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "project").mkdir()
    pumps().to_csv("project/pumps.csv", index=False)
    text = hansa("data", "describe", "project/pumps.csv").stdout.replace("project/pumps.csv", "pumps.csv")
    Path("project/pumps.toml").write_text(text.replace("rounds = 100", "rounds = 0"))
    done = hansa("run", "project/pumps.toml")
    assert "rounds is 0" in done.stderr
    Path("project/pumps.toml").write_text(text.replace("parties = 4", "parties = 30"))
    monkeypatch.setenv("HANSA_DATA", str(here / "nowhere"))  # it is the folder of C-MAPSS, not of tables
    assert "30 parties cannot share" in hansa("run", "project/pumps.toml").stderr
    refused = hansa("run", "project/pumps.toml", "--data", "elsewhere")
    assert "elsewhere/pumps.csv: there is no such file or folder" in refused.stderr


def test_a_party_with_other_names_and_units_is_scored_in_its_own_words(hansa: Hansa, here: Path) -> None:
    frame = pumps()
    frame[frame["pump_id"] < "P4"].to_csv("north.csv", index=False)
    south = frame[frame["pump_id"] >= "P4"].rename(columns={"temp_c": "heat"})
    south.assign(heat=south["heat"] * 1.8 + 32).to_csv("south.csv", index=False)
    Path("own.toml").write_text(OWN)
    done = hansa("run", "own.toml", "--out", "out")
    assert done.exit_code == 0, done.stderr

    assert hansa("predict", "out", "south.csv", "--party", "south").exit_code == 0
    refused = hansa("predict", "out", "north.csv", "--party", "south")
    assert 'north.csv: there is no column "heat", a sensor that the model of south reads' in refused.stderr


OWN = """\
name = "pumps"
consortium = "Two utilities"
rounds = 2
protection = { secrecy = "open" }

[data]
source = "table"
label_cap = 20

[columns]
pump_id = { role = "asset" }
hour = { role = "time", unit = "h" }
temp_c = { role = "sensor", unit = "degC", range = [0, 200] }
vibration = { role = "sensor" }
rul = { role = "target" }

[partition]
kind = "given"

[party.north]
data = "north.csv"

[party.south]
data = "south.csv"
columns = { temp_c = "heat" }
units = { temp_c = "degF" }
"""


def test_a_table_that_cannot_be_described_is_named(hansa: Hansa, here: Path) -> None:
    missing = hansa("data", "describe", "no.csv")
    assert (missing.exit_code, missing.stdout) == (2, "")
    assert missing.stderr.startswith("no.csv: there is no such file or folder")
    Path("empty.csv").write_text("")
    assert "empty.csv: the file is empty" in hansa("charter", "init", "--csv", "empty.csv").stderr


def test_fetching_without_a_network_says_what_to_do(
    hansa: Hansa, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    done = hansa("data", "fetch", "cmapss", "--data", "data")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "the download failed" in done.stderr
    assert "unpack 12 files" in done.stderr
    assert not Path("data").exists()
