"""What a journey needs: the command line in this process, a tiny charter, a tiny C-MAPSS folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hansa.cli.main import cli
from hansa.data.fleet import Fleet
from hansa.data.simulated import simulate_fleet

TINY = """\
name = "tiny"
consortium = "Four makers"
parties = {parties}
seed = 7
rounds = {rounds}
compare = {compare}

{data}

[partition]
kind = "hybrid"
sensors_per_party = 13

[protection]
secrecy = "open"
"""
SIMULATED = '[data]\nsource = "simulated"\nengines = 8\ntest_engines = 4'


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANSA_DATA", raising=False)


@pytest.fixture(scope="session")
def hansa() -> Callable[..., Result]:
    """Return the command line: `hansa("run", path)`; an exception that is our bug is raised here."""

    def call(*words: object) -> Result:
        return CliRunner(catch_exceptions=False).invoke(cli, [str(word) for word in words])

    return call


@pytest.fixture(scope="session")
def tiny() -> Callable[..., str]:
    """Return the text of a charter that trains in seconds; data: its [data] table."""

    def write(
        data: str = SIMULATED, parties: int = 2, rounds: int = 2, compare: str = "[]", **more: Any
    ) -> str:
        text = TINY.format(data=data, parties=parties, rounds=rounds, compare=compare)
        for old, new in more.items():
            text = text.replace(old, str(new))
        return text

    return write


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, hansa: Any, tiny: Any) -> Path:
    """Return a folder with tiny.toml, the complete run of it in `out`, and its table in stdout.txt."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.toml").write_text(tiny(compare='["isolated", "isolated_mean"]'), encoding="utf-8")
    done = hansa("run", folder / "tiny.toml", "--out", folder / "out")
    assert done.exit_code == 0, done.stderr
    (folder / "stdout.txt").write_text(done.stdout, encoding="utf-8")
    (folder / "stderr.txt").write_text(done.stderr, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def new_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a CSV with the rows of three engines that nobody has seen."""
    fleet = simulate_fleet(1, 3, np.random.default_rng(3)).test
    path = tmp_path_factory.mktemp("rows") / "new.csv"
    header = ",".join(("asset", "time", *fleet.setting_names, *fleet.sensor_names))
    rows = [",".join([fleet.asset_names[int(row[0]) - 1], *map(repr, row[1:])]) for row in _numbers(fleet)]
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def nasa(tmp_path: Path) -> Path:
    """Return a folder with the three files of FD001: 8 simulated engines to learn from, 4 for the test."""
    dataset = simulate_fleet(8, 4, np.random.default_rng(5))
    folder = tmp_path / "nasa"
    folder.mkdir()
    for part, fleet in (("train", dataset.train), ("test", dataset.test)):
        lines = [" ".join(f"{value:g}" for value in row) for row in _numbers(fleet)]
        (folder / f"{part}_FD001.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
    last = np.flatnonzero(np.diff(dataset.test.asset, append=-1))
    left = [f"{value:g}" for value in dataset.test.remaining[last]]
    (folder / "RUL_FD001.txt").write_text("\n".join(left) + "\n", encoding="ascii")
    return folder


def _numbers(fleet: Fleet) -> list[list[float]]:
    """Return each row as engine, cycle, settings, sensors."""
    table = np.column_stack([fleet.asset + 1, fleet.time, fleet.settings, fleet.sensors])
    return [[float(value) for value in row] for row in table]
