"""Every goal of `make measure TOPIC=speed` has a row, also where nothing could be measured."""

from typing import Any

import pytest

from benchmarks import speed
from benchmarks.bench import JobFailedError
from benchmarks.speed import GOALS, of_peers


def _pair(size: str, peer: str, same_work: bool = True) -> dict[str, Any]:
    ratio = {"median": 99.0, "least": 98.0, "most": 100.0}
    return {
        "size": size, "peer": peer, "cpu": ratio, "wall": ratio, "same_work": same_work, "note": "did other"
    }  # fmt: skip


def test_a_goal_beside_a_peer_that_is_left_out_stays_as_missed() -> None:
    pairs = [_pair(size, peer) for size, peer in GOALS if peer != "flower"]
    rows = list(of_peers({"pairs": pairs, "left_out": {"flower": "it ended with 1: no workers"}}))
    (missed,) = [row for row in rows if not row.holds]
    assert missed.measure == (
        "flower beside Hansa, 8x4000: wall of a round (not measured: it ended with 1: no workers)"
    )
    assert (missed.value, missed.goal, missed.unit) == (0.0, ">= 10", "times")


def test_without_any_pair_every_goal_is_missed() -> None:
    rows = list(of_peers({"pairs": [], "left_out": {}}))
    assert len(rows) == len(GOALS)
    assert not any(row.holds for row in rows)
    assert all("(not measured: it was not run)" in row.measure for row in rows)


def test_a_peer_that_did_other_work_is_missed_once_a_figure() -> None:
    rows = list(of_peers({"pairs": [_pair("8x4000", "plain", same_work=False)], "left_out": {}}))
    assert [row.goal for row in rows[:2]] == ["the same work", "the same work"]
    assert not any(row.holds for row in rows)


def test_without_the_records_the_row_on_fd004_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANSA_DATA", raising=False)
    (row,) = speed._fedlabsync()
    assert "(not measured: HANSA_DATA is not set: C-MAPSS is missing)" in row.measure
    assert (row.value, row.goal, row.holds) == (0.0, "<= 15", False)


def test_a_job_that_fails_leaves_a_missed_row_for_each_goal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> None:
        raise JobFailedError("it did not end within 300 s")

    monkeypatch.setattr(speed, "run", fails)
    rows = [*speed._limit(), *speed._start(), *speed._growth()]
    assert [row.goal for row in rows] == [">= 60", "measured", "measured", "<= 1.5", *["<= 11.5"] * 3]
    assert not any(row.holds for row in rows)
    assert all(row.measure.endswith("(not measured: it did not end within 300 s)") for row in rows)


def test_ten_times_the_rows_may_cost_eleven_and_a_half_times_the_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {"peak_mb": 800.0, "memory_ratio": 1.0, "row_seconds_ratio": 1.2}
    monkeypatch.setattr(speed.streaming, "measure", lambda _: found)
    row = list(speed._streaming())[-1]
    assert (row.value, row.goal, row.holds) == (1.2, "<= 1.15", False)
