"""Flower's deployment engine beside ours: the ratio is to its better way, and what cannot be had is said."""

import sys
from pathlib import Path

import pytest

from benchmarks import deployed_flower
from benchmarks.deployed_flower import PeerFailedError, Rounds, flowers_rounds, rows
from benchmarks.peers.environments import PEERS, CannotInstallError


@pytest.mark.parametrize(("shipped", "polled"), [(6.0, 4.0), (4.0, 6.0)])
def test_the_ratio_is_to_flowers_better_way(
    monkeypatch: pytest.MonkeyPatch, shipped: float, polled: float
) -> None:
    monkeypatch.setattr(deployed_flower, "flowers_rounds", lambda: Rounds(shipped, polled))
    found = list(rows(0.004))
    assert [row.value for row in found] == [shipped, polled, 1000.0]
    assert [row.goal for row in found] == ["shown", "shown", ">= 500"]
    assert not list(rows(0.009))[-1].holds


@pytest.mark.parametrize("why", [CannotInstallError("no index"), PeerFailedError("no index")])
def test_a_peer_that_is_missing_is_said_in_the_row(monkeypatch: pytest.MonkeyPatch, why: Exception) -> None:
    def fails() -> Rounds:
        raise why

    monkeypatch.setattr(deployed_flower, "flowers_rounds", fails)
    [row] = rows(0.004)
    assert not row.holds
    assert row.measure.endswith("(not measured: no index)")


def _peer(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    monkeypatch.setattr(deployed_flower, "PEERS", folder)
    monkeypatch.setattr(deployed_flower, "make_environment", lambda _: Path(sys.executable))
    (folder / "flower_deployment").mkdir()
    (folder / "flower_deployment" / "peer.py").write_text(script, encoding="utf-8")


def test_rounds_are_reported_by_their_medians(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    report = '{"shipped_s": [9.0, 6.0, 1.0], "polled_s": [3.0, 5.0, 4.0]}'
    _peer(monkeypatch, tmp_path, f"import sys\nopen(sys.argv[3], 'w').write('{report}')\n")
    assert flowers_rounds() == Rounds(6.0, 4.0)


def test_a_peer_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _peer(monkeypatch, tmp_path, "import sys\nsys.exit('no port is free')\n")
    with pytest.raises(PeerFailedError, match="Flower ended with 1: no port is free"):
        flowers_rounds()


def test_a_peer_that_is_late_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _peer(monkeypatch, tmp_path, "import time\ntime.sleep(60)\n")
    monkeypatch.setattr(deployed_flower, "_LIMIT_S", 0.5)
    with pytest.raises(PeerFailedError, match="did not end within"):
        flowers_rounds()


def test_the_peer_has_a_script_and_pinned_requirements() -> None:
    folder = PEERS / "flower_deployment"
    assert (folder / "peer.py").is_file()
    assert all("==" in line for line in (folder / "requirements.txt").read_text(encoding="utf-8").split())
