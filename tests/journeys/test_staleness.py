"""Real nodes whose rounds go on without a party that stands still, and count what it sends later."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.deployed_nodes import NAMES, Heard, Nodes, charter_text, digests, nodes, overheard, trial
from hansa.core.steps import step_of
from hansa.protection.enrolment import COORDINATOR
from tests.journeys.founding import logs

pytestmark = pytest.mark.slow
PATIENCE_S = 240.0
ROUNDS = 300
STALE = '[lateness]\nrule = "stale"\nquorum = 2\nrounds = 10\nseconds = 120\n'


def until(running: Nodes, happens: Callable[[], bool]) -> None:
    """Keep everybody running until something happens."""
    ends = time.monotonic() + PATIENCE_S
    while not happens():
        assert time.monotonic() < ends, logs(running.folder)
        running.look()
        time.sleep(0.001)


def last(heard: Heard, name: str) -> int:
    """Return the last round to which a party gave an answer."""
    return max((step_of(step).round for sender, step in tuple(heard.answers) if sender == name), default=0)


def test_a_party_that_stands_still_for_some_rounds_is_not_waited_for_and_counts_late(tmp_path: Path) -> None:
    home = trial(tmp_path, charter_text("open", ROUNDS, STALE))
    with nodes(tmp_path) as running, overheard(home) as heard:
        until(running, lambda: last(heard, "carl") >= 2)
        for stands in range(8):
            pid = running.running["carl"].pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            before = last(heard, "anna")
            until(running, lambda before=before: last(heard, "anna") >= before + 3)  # type: ignore[misc]
            os.kill(pid, signal.SIGCONT)
            if stands == 4:
                assert running.kill(COORDINATOR)
            until(running, lambda before=before: last(heard, "carl") > before)  # type: ignore[misc]
        assert running.finish(PATIENCE_S), logs(tmp_path)
    assert set(digests(tmp_path)) == set(NAMES)
    assert len(set(digests(tmp_path).values())) == 1
    assert heard.twofold == 0
    (path,) = (tmp_path / COORDINATOR).glob("runs/*/result.json")
    assert json.loads(path.read_text(encoding="utf-8"))["state"] == "finished"
    told = (tmp_path / COORDINATOR / "log").read_text(encoding="utf-8")
    ages = [int(age) for age in re.findall(r"late answer counts round=\d+ party=carl age=(\d+)", told)]
    assert ages
    assert all(1 <= age <= 10 for age in ages)
