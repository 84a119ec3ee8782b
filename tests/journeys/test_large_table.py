"""A party's table is larger than memory: the same charter and commands, and no row is held."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from hansa.cli.notebook import run
from hansa.cli.report import report_of
from hansa.core.errors import FolderError
from hansa.runtime import spool
from hansa.runtime.world import STREAM_VARIABLE
from hansa.simulation.charter_file import read_charter_file
from hansa.simulation.launch import launch, relaunch
from tests.batteries import pumps
from tests.journeys.test_interruption import found_in

Hansa = Callable[..., Result]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two parties' tables, of which the big one counts as larger than memory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(STREAM_VARIABLE, "0.02")
    whole = spool.plan
    monkeypatch.setattr(spool, "plan", lambda rows, features: whole(rows, features, 4 * (features + 2) * 100))
    lengths = [int(rows) for rows in np.random.default_rng(5).integers(15, 40, 24)]
    pumps.write(tmp_path, pumps.table(lengths * 2))
    return tmp_path


def begin(started: Any) -> None:
    started.go(report_of("charter"), lambda _: None, lambda: False)


def figure(result: dict[str, Any], scenario: str) -> float:
    return result["scenarios"][scenario]["all_cycle"]["raw"]["rmse"]


@pytest.mark.slow  # two runs each
@pytest.mark.parametrize("algorithm", ["fedavg", "labsync_mean"])
def test_a_party_larger_than_memory_learns_as_well_as_one_in_memory(
    hansa: Hansa, here: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    text = pumps.text(algorithm, rounds=15, compare='["isolated"]')
    Path("charter.toml").write_text(text)
    done = hansa("run", "charter.toml", "--out", "out", "--json")
    assert done.exit_code == 0, done.stderr
    streamed = json.loads(done.stdout)
    assert streamed["streamed"] == ["big"]
    assert streamed["parties"]["big"]["rows"] > 800
    kept = {path.name for path in (here / "out").iterdir()}
    assert kept == {
        "charter.toml",
        "charter.digest",
        "run.json",
        "models",
        "result.json",
        "report.html",
    }

    monkeypatch.delenv(STREAM_VARIABLE)
    held = json.loads(hansa("run", "charter.toml", "--out", "held", "--json").stdout)
    assert "streamed" not in held
    assert streamed["parties"] == held["parties"]
    assert set(streamed["scenarios"]) == set(held["scenarios"]) == {algorithm, "isolated"}
    for scenario in held["scenarios"]:
        loss = streamed["scenarios"][scenario]["history"]["train_loss"]
        assert loss[-1] < loss[0]
        assert figure(streamed, scenario) == pytest.approx(figure(held, scenario), rel=0.1)

    pd.read_parquet("big.parquet").drop(columns="failed_at").to_csv("new.csv", index=False)
    scored = hansa("predict", "out", "new.csv")
    assert scored.exit_code == 0, scored.stderr
    assert len(scored.stdout.splitlines()) == 1 + len(pd.read_csv("new.csv"))


@pytest.mark.slow  # three runs
def test_a_stopped_run_goes_on_to_the_same_bits(here: Path) -> None:
    Path("charter.toml").write_text(pumps.text("fedavg", rounds=3, compare='["isolated"]'))
    file = read_charter_file(Path("charter.toml"))

    def go(started: Any, rounds: int = 99) -> None:
        seen: list[Any] = []
        started.go(report_of("charter"), seen.append, lambda: len(seen) >= rounds)

    go(launch(file, None, here / "whole"))
    go(launch(file, None, here / "stopped"), 2)
    go(relaunch(here / "stopped", None), 3)
    go(relaunch(here / "stopped", None))
    assert found_in(here / "stopped") == found_in(here / "whole")
    assert "spool" not in json.dumps(json.loads((here / "stopped" / "run.json").read_text()))


@pytest.mark.slow
def test_a_disk_that_fills_late_costs_no_scenario_that_was_trained(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("charter.toml").write_text(pumps.text("fedavg", rounds=2, compare='["isolated"]'))
    file = read_charter_file(Path("charter.toml"))
    begin(launch(file, None, here / "whole"))
    usage, asked = spool.shutil.disk_usage("/"), []

    def fills(folder: Path) -> Any:
        asked.append(folder)
        return usage._replace(free=100) if len(asked) > 1 else usage

    with monkeypatch.context() as disk:
        disk.setattr(spool.shutil, "disk_usage", fills)
        with pytest.raises(FolderError, match=r"has 0.0 GB left"):
            begin(launch(file, None, here / "out"))
    assert len(list((here / "out" / "models").iterdir())) == 1
    begin(relaunch(here / "out", None))
    assert found_in(here / "out") == found_in(here / "whole")


def test_a_disk_that_is_full_at_once_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("charter.toml").write_text(pumps.text())
    usage = spool.shutil.disk_usage("/")
    monkeypatch.setattr(spool.shutil, "disk_usage", lambda folder: usage._replace(free=100))
    with pytest.raises(FolderError, match=r"has 0.0 GB left"):
        begin(launch(read_charter_file(Path("charter.toml")), None, here / "out"))
    assert not (here / "out").exists()


def test_a_disk_that_loses_rows_is_named(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    Path("charter.toml").write_text(pumps.text(rounds=3))
    started = launch(read_charter_file(Path("charter.toml")), None, here / "out")

    def lose(_: object) -> None:
        os.truncate(started.federation.world.spools._made["big"][1]._file.fileno(), 100)

    with pytest.raises(FolderError, match="cannot give back the prepared rows of big"):
        started.go(report_of("charter"), lose, lambda: False)
    assert not caplog.records


def test_ctrl_c_while_rows_are_prepared_stops_before_the_next_piece(
    hansa: Hansa, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("charter.toml").write_text(pumps.text(rounds=2))
    whole, asked = spool.plan, []

    def interrupted(rows: int, features: int) -> spool.Plan:
        if not asked:
            asked.append(rows)
            os.kill(os.getpid(), signal.SIGINT)
        return whole(rows, features)

    monkeypatch.setattr(spool, "plan", interrupted)
    done = hansa("run", "charter.toml", "--out", "out")
    assert done.exit_code == 130
    assert "Stopped while rows were prepared. Go on with: hansa run --resume out" in done.stderr
    resumed = hansa("run", "--resume", "out")
    assert resumed.exit_code == 0, resumed.stderr


def test_a_run_from_python_shows_how_far_the_table_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("charter.toml").write_text(pumps.text(rounds=1))
    run("charter.toml", progress=True)
    assert "big: reading lives" in capsys.readouterr().err


def test_a_stopped_run_does_not_go_on_with_other_parties_in_pieces(
    hansa: Hansa, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("charter.toml").write_text(pumps.text())
    seen: list[Any] = []
    started = launch(read_charter_file(Path("charter.toml")), None, here / "out")
    started.go(report_of("charter"), seen.append, lambda: bool(seen))
    monkeypatch.setenv(STREAM_VARIABLE, "64")
    done = hansa("run", "--resume", "out")
    assert done.exit_code == 2
    assert done.stderr == (
        "out: the run began with big read in pieces, and now it would be no party; "
        "set HANSA_STREAM_ABOVE_MB as it was when the run began.\n"
    )


def test_a_table_that_is_not_sorted_by_asset_is_refused_and_nothing_is_written(
    hansa: Hansa, here: Path
) -> None:
    Path("charter.toml").write_text(pumps.text())
    pd.read_parquet("big.parquet").sort_values("hour").to_parquet("big.parquet", index=False)
    done = hansa("run", "charter.toml", "--out", "out")
    assert done.exit_code == 2
    assert "its asset stands further up already" in done.stderr
    assert done.stderr.endswith("sort the file by asset.\n")
    assert not Path("out").exists()


def test_labsync_is_refused_with_what_to_write(hansa: Hansa, here: Path) -> None:
    Path("charter.toml").write_text(pumps.text("labsync"))
    done = hansa("run", "charter.toml", "--out", "out")
    assert done.exit_code == 2
    assert done.stderr == (
        "big: its table is too large to be held in memory, and labsync needs all rows at hand; "
        'write name = "labsync_mean" under [algorithm], which is equal to it in expectation.\n'
    )
