"""The library from Python: the same names, refusals and figures as the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hansa
from hansa.core.charter_digest import charter_digest
from hansa.core.errors import CharterError, DataError
from hansa.data.simulated import simulate_fleet

TINY = """\
name = "tiny"
consortium = "Four makers"
parties = 2
rounds = 2

[data]
source = "simulated"
engines = 8
test_engines = 4

[partition]
kind = "hybrid"
sensors_per_party = 13

[protection]
secrecy = "open"
"""


@pytest.fixture(scope="module")
def result() -> object:
    return hansa.run(TINY)


def test_importing_the_library_loads_nothing_heavy() -> None:
    code = "import sys, hansa; print('jax' in sys.modules or 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_public_name_is_there_and_described() -> None:
    assert all(getattr(hansa, name).__doc__ for name in hansa.__all__)
    with pytest.raises(AttributeError, match="no attribute 'federate'"):
        _ = hansa.federate


def test_the_public_names_are_offered_before_anything_is_loaded() -> None:
    code = "import sys, hansa; print(*dir(hansa)); print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["__version__", *sorted(hansa.__all__), "False"]


def test_a_charter_is_read_from_a_path_and_from_its_text(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    assert hansa.read_charter(path) == hansa.read_charter(str(path)) == hansa.read_charter(TINY)


def test_a_charter_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CharterError, match=r"no\.toml: the charter cannot be read"):
        hansa.read_charter(tmp_path / "no.toml")
    with pytest.raises(CharterError, match=r"cannot be read \(Is a directory\)"):
        hansa.read_charter(tmp_path)


def test_what_each_party_holds_is_shown_in_a_line() -> None:
    shares = hansa.partition(TINY)
    assert [share.party for share in shares] == ["party-1", "party-2"]
    assert all(len(share.fleet.sensor_names) == 13 for share in shares)
    assert all(len(share.fleet.asset_names) == 4 for share in shares)
    assert repr(shares[0]).startswith("Share(party-1: Fleet(4 assets, ")


def test_records_of_ones_own_are_dealt_as_the_charter_says() -> None:
    dataset = simulate_fleet(6, 2, np.random.default_rng(1))
    shares = hansa.partition(TINY, dataset)
    assert sorted(name for share in shares for name in share.fleet.asset_names) == sorted(
        dataset.train.asset_names
    )


def test_records_that_do_not_fit_the_charter_are_refused() -> None:
    dataset = simulate_fleet(6, 2, np.random.default_rng(1))
    with pytest.raises(CharterError, match="7 parties cannot share 6 assets"):
        hansa.partition(TINY.replace("parties = 2", "parties = 7"), dataset)


def test_a_folder_without_the_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train_FD004\.txt, test_FD004\.txt, RUL_FD004\.txt are missing"):
        hansa.read_cmapss(tmp_path)


def test_a_call_without_a_folder_reads_the_one_of_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANSA_DATA", str(tmp_path / "nasa"))
    with pytest.raises(DataError, match="nasa"):
        hansa.read_cmapss(subset="FD001")
    monkeypatch.delenv("HANSA_DATA")
    with pytest.raises(DataError, match=r'set HANSA_DATA, or call read_cmapss\(FOLDER, "FD001"\)'):
        hansa.read_cmapss(subset="FD001")


def test_a_subset_in_place_of_the_folder_is_answered_with_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r'"FD001" is a subset.*read_cmapss\(FOLDER, "FD001"\)'):
        hansa.read_cmapss("FD001")
    (tmp_path / "FD001").mkdir()
    with pytest.raises(DataError, match=r"train_FD004\.txt, .* are missing"):
        hansa.read_cmapss("FD001")


def test_the_real_set_is_read(cmapss_folder: Path) -> None:
    dataset = hansa.read_cmapss(cmapss_folder, "FD004")
    assert (len(dataset.train.asset_names), len(dataset.test.asset_names)) == (249, 248)


def test_a_result_shows_itself_as_a_table(result: hansa.runtime.result.RunResult) -> None:
    text = repr(result)
    assert text.startswith("tiny: simulated, 2 parties; filtered, in cycles")
    figure = f"{result.scenarios['labsync_mean'].all_cycle.filtered.rmse:.2f}"
    assert any(line.startswith("labsync_mean") and figure in line for line in text.splitlines())
    page = result._repr_html_()
    assert page.startswith("<table>")
    assert f"<td>{figure}</td>" in page


def test_a_result_brings_its_models(result: hansa.runtime.result.RunResult) -> None:
    assert list(result.models) == ["labsync_mean"]
    assert list(result.models["labsync_mean"].parts) == ["party-1", "party-2"]


def test_a_loaded_model_shows_itself_in_a_line(
    result: hansa.runtime.result.RunResult,
) -> None:
    joined, digest = result.models["labsync_mean"], charter_digest(hansa.read_charter(TINY))[:8]
    tail = f"remaining life in cycles up to 120, charter tiny, {digest})"
    sensors = len({name for part in joined.parts.values() for name in part.inputs.sensors})
    assert repr(joined) == f"Joined(labsync_mean: the mean of 2 models, {sensors} sensors; {tail}"
    assert repr(joined.parts["party-1"]) == f"Model(party-1: 13 sensors, network 13-10-1; {tail}"


def test_a_run_with_a_folder_gives_the_same_models_as_one_without(
    result: hansa.runtime.result.RunResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = hansa.run(hansa.read_charter(TINY), out=tmp_path / "out", progress=True)
    assert (tmp_path / "out" / "report.html").is_file()
    assert "labsync_mean: round 1 of 2" in capsys.readouterr().err
    stored = hansa.load(tmp_path / "out")
    for name, part in result.models["labsync_mean"].parts.items():
        for there in (again.models["labsync_mean"].parts[name], stored.parts[name]):
            for one, other in zip(part.network.weights, there.network.weights, strict=True):
                np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_nothing_is_shown_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    hansa.partition(TINY)
    assert capsys.readouterr() == ("", "")
