"""How far a run is: sparse lines where nobody watches, a bar that goes away on a terminal."""

from __future__ import annotations

import pytest

from hansa.cli import progress
from hansa.cli.progress import ProgressLine
from hansa.simulation.federation import Progress


def test_a_line_is_said_for_each_scenario_and_not_for_each_round(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine() as show:
        for scenario, start in (("isolated", 0.0), ("labsync", 0.5)):
            for round_ in range(1, 51):
                show(Progress(scenario, round_, 50, start + round_ / 100))
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert len(lines) == 2
    assert lines[0] == "isolated: round 1 of 50, 1% of the run"
    assert lines[1].startswith("labsync: round 1 of 50, 51% of the run, about ")
    assert lines[1].endswith(" left")


def test_a_resumed_run_does_not_count_what_it_did_before_as_its_speed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ProgressLine() as show:
        show(Progress("labsync", 90, 100, 0.9))
    assert "left" not in capsys.readouterr().err


def test_a_terminal_shows_a_bar_and_clears_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes stderr for a terminal
    with ProgressLine() as show:
        show(Progress("labsync", 1, 10, 0.1))
        show(Progress("labsync", 10, 10, 1.0))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "labsync: round 10 of 10" in shown.err
    assert "left" in shown.err


def test_the_pieces_of_a_large_table_are_said_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = iter([100.0, 101.0, 111.0, 112.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    with ProgressLine() as show:
        for rows in (10, 20, 30, 40):
            show.tell(f"big: checking, {rows} of 40 rows", rows / 40)
    said = capsys.readouterr().err.splitlines()
    assert said == ["big: checking, 10 of 40 rows", "big: checking, 30 of 40 rows, about 6 s left"]


def test_a_stage_that_begins_does_not_count_the_one_before_it_as_its_speed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = iter([100.0, 190.0, 201.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    with ProgressLine() as show:
        show.tell("drawing a fleet", 0.0)
        show.tell("fedavg: preparing, 1 of 4 parties", 0.25)
        show.tell("fedavg: preparing, 2 of 4 parties", 0.5)
    said = capsys.readouterr().err.splitlines()
    assert said[1] == "fedavg: preparing, 1 of 4 parties"
    assert said[2] == "fedavg: preparing, 2 of 4 parties, about 22 s left"


def test_the_bar_never_runs_backwards_once_rounds_have_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with ProgressLine() as show:
        assert show._bar is not None
        task, seen = show._bar.tasks[0], []
        show.tell("isolated: preparing, 512 of 1,024 parties", 0.5)
        for scenario, start in (("isolated", 0.0), ("fedavg", 0.5)):
            for done in (0.25, 0.5):
                show(Progress(scenario, int(4 * done), 2, start + done))
                seen.append(task.completed)
            for text in (f"{scenario}: scoring", "fedavg: preparing, 512 of 1,024 parties"):
                show.tell(text, 0.5)
                assert (task.description, task.fields["left"]) == (text, "")
                seen.append(task.completed)
    assert seen == [0.25, *[0.5] * 3, 0.75, *[0.99] * 3]


def test_a_run_whose_rounds_are_over_is_not_said_to_be_whole(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine() as show:
        show(Progress("fedavg", 2, 2, 1.0))
    assert capsys.readouterr().err == "fedavg: round 2 of 2, 99% of the run\n"
