"""A newcomer runs a charter, reads the result, runs it again, and comes back later."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

Hansa = Callable[..., Result]
Tiny = Callable[..., str]


def untimed(value: Any) -> Any:
    """Return the result without what a clock or the machine says."""
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if k not in {"seconds", "peak_memory_mb"}}
    return [untimed(one) for one in value] if isinstance(value, list) else value


def test_a_run_ends_with_its_folder_on_the_last_line(finished: Path) -> None:
    assert (finished / "stdout.txt").read_text(encoding="utf-8").splitlines()[-1] == str(finished / "out")


def test_the_table_names_both_protocols_the_cap_and_every_scenario(finished: Path) -> None:
    shown = (finished / "stdout.txt").read_text(encoding="utf-8")
    for word in ("all-cycle", "last-cycle", "raw RMSE", "NASA", "cap is 120 cycles", "joined", "party-2"):
        assert word in shown
    for title in ("Isolated", "Mean of isolated models", "LabSync-Mean"):
        assert f"\n{title} " in shown


def test_the_table_shows_the_figures_of_the_result(finished: Path) -> None:
    shown = (finished / "stdout.txt").read_text(encoding="utf-8")
    scenario = json.loads((finished / "out" / "result.json").read_text())["scenarios"]["labsync_mean"]
    row = next(line for line in shown.splitlines() if line.startswith("LabSync-Mean  "))
    every = scenario["all_cycle"]
    assert f"{every['rmse']:.2f}" in row
    assert f"{every['mae']:.2f}" in row
    assert f"{every['raw']['rmse']:.2f}" in row
    assert f"{scenario['last_cycle']['rmse']:.2f}" in row
    assert f"{scenario['parties']['party-2']['all_cycle']['rmse']:.2f}" in shown


def test_a_run_that_is_no_terminal_says_how_far_it_is_in_a_line_a_scenario(finished: Path) -> None:
    lines = (finished / "stderr.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split(":")[0] for line in lines] == ["isolated", "labsync_mean"]
    assert lines[0].startswith("isolated: round 1 of 2, ")


def test_the_folder_holds_all_that_a_run_leaves(finished: Path) -> None:
    found = {
        str(path.relative_to(finished / "out")) for path in (finished / "out").rglob("*") if path.is_file()
    }
    models = [f"models/{name}" for name in ("isolated", "isolated_mean", "labsync_mean")]
    parts = [f"{model}/party-{n}" for model in models for n in (1, 2)]
    assert found == {
        *("charter.toml", "charter.digest", "run.json", "result.json", "report.html"),
        *(f"{model}/model.json" for model in models),
        *(f"{part}/{file}" for part in parts for file in ("model.json", "weights.npz")),
    }
    assert (finished / "out" / "charter.toml").read_text() == (finished / "tiny.toml").read_text()


def test_json_is_the_result_and_nothing_else(hansa: Hansa, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    done = hansa("run", finished / "tiny.toml", "--out", out, "--json")
    assert done.stdout == (out / "result.json").read_text()
    first = json.loads((finished / "out" / "result.json").read_text())
    assert untimed(json.loads(done.stdout)) == untimed(first)


def test_a_second_run_into_the_same_folder_gives_the_same_bytes(
    hansa: Hansa, finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished / "out", tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.npz")}
    value = json.loads((tmp_path / "out" / "result.json").read_text())
    done = hansa("run", finished / "tiny.toml", "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert before
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.npz")} == before
    assert untimed(json.loads((tmp_path / "out" / "result.json").read_text())) == untimed(value)


def test_without_out_the_folder_is_named_after_charter_and_digest(
    hansa: Hansa, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("charter.toml").write_text(tiny(rounds=1))
    digest = json.loads(hansa("charter", "check", "charter.toml", "--json").stdout)["charter_digest"]
    done = hansa("run")  # charter.toml of the folder we stand in
    assert done.stdout.splitlines()[-1] == f"runs/tiny-{digest[:8]}"
    assert (tmp_path / "runs" / f"tiny-{digest[:8]}" / "report.html").is_file()


def test_resuming_a_complete_run_says_so_and_trains_nothing(hansa: Hansa, finished: Path) -> None:
    before = (finished / "out" / "result.json").read_bytes()
    done = hansa("run", "--resume", finished / "out")
    assert done.exit_code == 0
    assert "is complete" in done.stderr
    assert done.stdout.splitlines()[-1] == str(finished / "out")
    assert (finished / "out" / "result.json").read_bytes() == before


def test_the_report_of_a_run_opens_with_its_answer(finished: Path) -> None:
    page = (finished / "out" / "report.html").read_text(encoding="utf-8")
    assert "Federating brings the joined error to" in page
    assert "LabSync-Mean" in page


def test_the_weights_are_plain_arrays(finished: Path) -> None:
    path = finished / "out" / "models" / "labsync_mean" / "party-1" / "weights.npz"
    with np.load(path, allow_pickle=False) as stored:
        assert all(stored[name].dtype.kind == "f" for name in stored.files)


def test_real_files_run_from_a_folder_that_the_variable_names(
    hansa: Hansa, tiny: Tiny, nasa: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANSA_DATA", str(nasa))
    (tmp_path / "c.toml").write_text(tiny('[data]\nsource = "cmapss"\nsubset = "FD001"', rounds=1))
    done = hansa("run", tmp_path / "c.toml", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("LabSync-Mean on C-MAPSS FD001, 2 parties")
