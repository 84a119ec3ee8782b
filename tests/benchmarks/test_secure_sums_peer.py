"""The masked sum beside Flower's workflow: what is measured is a sum, and what cannot be is said."""

from collections.abc import Callable

import pytest

from benchmarks import secure_sums_peer
from benchmarks.peers.environments import PEERS, CannotInstallError
from benchmarks.secure_sums_peer import PeerFailedError, Took, flowers_round, our_round, rows


@pytest.fixture(autouse=True)
def _few_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secure_sums_peer, "NUMBERS", 100)


def _flower_says(monkeypatch: pytest.MonkeyPatch, said: Callable[..., object]) -> None:
    monkeypatch.setattr(secure_sums_peer, "_flowers_report", said)


def test_a_round_of_ours_takes_time_and_sends_little_more_than_the_words() -> None:
    took = our_round(2000, repeats=1)
    assert took.wall_s > 0
    assert took.cpu_s > 0
    assert 4 * 2000 < took.sent_bytes < 4 * 2000 + 2000


def test_the_ratio_is_of_medians_and_of_the_smaller_of_both_times(monkeypatch: pytest.MonkeyPatch) -> None:
    report = {"wall_s": [9.0, 4.0, 1.0], "cpu_s": [8.0, 6.0, 2.0], "error": 1e-5, "sent_bytes": 7}
    _flower_says(monkeypatch, lambda *_: report)
    monkeypatch.setattr(secure_sums_peer, "our_round", lambda _: Took(0.1, 0.2, 5))
    found = list(rows())
    assert [row.value for row in found] == [0.1, 0.2, 5, 4.0, 6.0, 7, 30.0]
    assert [row.goal for row in found] == ["shown"] * 6 + [">= 20"]


def test_a_mean_that_is_wrong_is_no_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    _flower_says(monkeypatch, lambda *_: {"error": float("nan")})
    with pytest.raises(PeerFailedError, match="off by nan"):
        flowers_round(10, 1)


@pytest.mark.parametrize("why", [CannotInstallError("no index"), PeerFailedError("no index")])
def test_a_peer_that_is_missing_is_said_in_the_row(monkeypatch: pytest.MonkeyPatch, why: Exception) -> None:
    def fails(*_: object) -> object:
        raise why

    _flower_says(monkeypatch, fails)
    last = list(rows())[-1]
    assert not last.holds
    assert last.measure.endswith("(not measured: no index)")


def test_the_peer_has_a_script_and_pinned_requirements() -> None:
    assert (PEERS / "flower_sums" / "peer.py").is_file()
    lines = (PEERS / "flower_sums" / "requirements.txt").read_text(encoding="utf-8").split()
    assert all("==" in line for line in lines)
