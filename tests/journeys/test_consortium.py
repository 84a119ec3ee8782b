"""A consortium on machines of its own: founded, joined, run, and killed all over."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.deployed_kills import run
from benchmarks.deployed_nodes import (
    NAMES,
    SERVER,
    Nodes,
    charter_text,
    digests,
    nodes,
    overheard,
    started,
    trial,
)
from hansa.protection.enrolment import COORDINATOR
from tests.journeys.founding import ROUNDS, Hansa, founded, logs, operator

PATIENCE_S = 240.0  # for a run that takes some seconds on an idle machine
REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_consortium_that_is_killed_all_over_learns_what_an_unharmed_one_does(
    tmp_path: Path, hansa: Hansa
) -> None:
    hub = operator(hansa, tmp_path)
    founded(hansa, hub)
    with nodes(tmp_path) as unharmed:
        assert unharmed.finish(PATIENCE_S), logs(tmp_path)
        assert unharmed.kills == 0
    result = json.loads(next(hub.glob("runs/*/result.json")).read_text(encoding="utf-8"))
    assert (result["state"], result["rounds"], result["parties"]) == ("finished", ROUNDS, list(NAMES))
    models = digests(tmp_path)
    assert set(models) == set(NAMES)
    assert "rmse" in next((tmp_path / "anna").glob("runs/*/result.json")).read_text(encoding="utf-8")

    other = tmp_path / "killed"
    home = trial(other, charter_text("masked", ROUNDS))
    with nodes(other) as killed, overheard(home) as heard:
        for victim in (COORDINATOR, "bert", SERVER):
            _kill_after_some_answers(killed, lambda: len(heard.answers), victim)
        assert killed.finish(PATIENCE_S), logs(other)
        assert killed.kills == 3
    assert digests(other) == models
    assert heard.twofold == 0
    _is_over_for_all(other)


def _kill_after_some_answers(killed: Nodes, count: Callable[[], int], victim: str) -> None:
    before, ends = count(), time.monotonic() + PATIENCE_S
    while count() < before + 7 and time.monotonic() < ends:
        killed.look()
        time.sleep(0.01)
    assert killed.kill(victim), f"{victim} was not there"


def _is_over_for_all(folder: Path) -> None:
    """Pass if nodes that are started again after the end see it, though nobody is there to talk to."""
    for name in ("bert", COORDINATOR):
        again = started(folder, name)
        again.join(PATIENCE_S)
        assert again.exitcode == 0, logs(folder)


@pytest.mark.slow
@pytest.mark.parametrize("secrecy", ["open", "masked", "shared", "encrypted"])
def test_killed_at_random_moments_a_run_ends_in_the_same_bytes(tmp_path: Path, secrecy: str) -> None:
    plain = run(tmp_path / "plain", secrecy)
    assert plain.finished
    for seed in range(4):
        found = run(tmp_path / str(seed), secrecy, seed, plain.seconds)
        assert found.finished, logs(tmp_path / str(seed))
        assert (found.models, found.twofold) == (plain.models, 0)


def _command(*words: object) -> list[str]:
    return [sys.executable, "-m", "hansa.cli.start", *map(str, words)]


def _said(*words: object) -> str:
    """Return what a command in a process of its own says on stdout."""
    done = subprocess.run(_command(*words), capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_each_command_is_a_process_as_on_machines_far_apart(tmp_path: Path) -> None:
    hub, charter = tmp_path / COORDINATOR, tmp_path / "charter.toml"
    charter.write_text(charter_text("open", ROUNDS), encoding="utf-8")
    _said("coordinator", "init", hub, charter)
    for name in NAMES:
        line = _said("party", "init", tmp_path / name, "--name", name).split()
        (tmp_path / f"{name}.invitation").write_text(_said("coordinator", "invite", hub, *line))
        _said("party", "join", tmp_path / name, tmp_path / f"{name}.invitation", "--yes")
    parties = []
    for name in NAMES:
        with (tmp_path / name / "log").open("wb") as log:
            words = _command("party", "run", tmp_path / name)
            parties.append(subprocess.Popen(words, cwd=REPOSITORY, stderr=log))
    try:
        told: dict[str, Any] = json.loads(_said("coordinator", "run", hub, "--json"))
        assert told["state"] == "finished"
        assert [party.wait(PATIENCE_S) for party in parties] == [0] * len(NAMES)
    finally:
        for party in parties:
            party.kill()
    assert len(set(digests(tmp_path).values())) == 1
    for name in NAMES:
        said = (tmp_path / name / "log").read_text(encoding="utf-8")
        assert f"round {ROUNDS} of {ROUNDS} answered" in said
    again = subprocess.run(
        _command("party", "run", tmp_path / NAMES[0]), capture_output=True, text=True, check=True
    )
    assert again.stdout.startswith("The run is over.")
    assert again.stderr == ""
    late = subprocess.run(
        _command("party", "approve", tmp_path / NAMES[0]), capture_output=True, text=True, check=False
    )
    assert (late.returncode, late.stderr) == (2, f"{NAMES[0]}: the run is over; nothing waits.\n")


@pytest.mark.slow
def test_up_starts_who_is_killed_and_ends_as_it_would_have(tmp_path: Path) -> None:
    charter = tmp_path / "charter.toml"
    charter.write_text(charter_text("masked", ROUNDS), encoding="utf-8")
    plain = json.loads(_said("up", charter, "--out", tmp_path / "plain", "--json"))
    assert set(plain["figures"]) == set(NAMES)
    with subprocess.Popen(
        _command("up", charter, "--out", tmp_path / "killed", "--json"),
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
    ) as up:
        log = tmp_path / "killed" / "anna" / "log"
        while up.poll() is None and not (log.exists() and "answers its" in log.read_text(encoding="utf-8")):
            time.sleep(0.1)
        os.kill(_child(up.pid, "anna"), signal.SIGKILL)
        assert up.stdout is not None
        told = json.loads(up.stdout.read())
    assert up.returncode == 0
    assert log.read_text(encoding="utf-8").count("answers its coordinator") == 2
    assert told["figures"] == plain["figures"]
    assert digests(tmp_path / "killed") == digests(tmp_path / "plain")


def _child(parent: int, name: str) -> int:
    """Return the number of the process that is a party of a parent's."""
    for one in Path(f"/proc/{parent}/task").glob("*/children"):
        for pid in map(int, one.read_text().split()):
            if f"/{name}\0" in Path(f"/proc/{pid}/cmdline").read_text():
                return pid
    raise AssertionError(f"{name} does not run")
