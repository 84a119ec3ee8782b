"""Nodes whose rounds go on: late answers count in later ones, after any kill the same."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hansa.core.errors import MessageError, RefusedError
from hansa.core.steps import step_of
from tests.nodes.node_world import DiedError, NodeWorld, alike, charter_of

LATE = {"rule": "stale", "quorum": 2, "rounds": 2, "seconds": 60}
SLOW = {2: 1, 4: 2, 7: 3}  # party-3's answers to these rounds come so many rounds late
ROUNDS = 10


@dataclass
class Lagging:
    """A transport over which one party's answers come late, and in which nodes die by chance."""

    nodes: NodeWorld
    share: float = 0.0  # of moments in which somebody dies
    chance: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    deaths: int = 0
    round: int = 0
    came: list[tuple[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
        """Carry a step that asks all."""
        return self.nodes.exchange(step, questions, seconds)

    @contextmanager
    def asking(self, seconds: float) -> Iterator[Lagging]:
        """Open the questions of a round."""
        del seconds
        self.came, self.missing, self.round = [], [], 0
        yield self
        self._die("coordinator")

    def ask(self, step: str, questions: Mapping[str, bytes]) -> None:
        """Ask; what is asked late comes when it is due."""
        asked = step_of(step).round
        self.round = max(self.round, asked)
        for name, question in questions.items():
            self._die("coordinator")
            answer = self.nodes.reply(name, step, question)
            self._die(name)
            if name == "party-3" and asked + SLOW.get(asked, 0) > self.round:
                self.missing.append(name)
            else:
                self.came.append((name, answer))

    def heard(self, seconds: float) -> list[tuple[str, Any]]:
        """Return what is due."""
        del seconds
        came, self.came = self.came, []
        return came

    def run(self) -> dict[str, Any]:
        """Return each party's last network, however many coordinators it takes."""
        while True:
            try:
                return dict(self.nodes.run(self))
            except DiedError:
                continue

    def _die(self, name: str) -> None:
        if self.chance.random() >= self.share:
            return
        self.deaths += 1
        if name == "coordinator":
            raise DiedError
        self.nodes.kill(name)


def world(folder: Path) -> NodeWorld:
    """Return a run of three parties."""
    folder.mkdir(exist_ok=True)
    return NodeWorld(charter_of("fedavg", rounds=ROUNDS, lateness=LATE), folder)


def test_late_answers_count_and_after_kills_the_same_ones_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hansa.nodes.stale_gathering")
    with closing(world(tmp_path / "whole")) as nodes:
        due = Lagging(nodes).run()
        assert nodes.rounds == list(range(1, ROUNDS + 1))
        told = [one.getMessage() for one in caplog.records if "late answer" in one.message]
        assert told == [
            "late answer counts round=3 party=party-3 age=1",
            "late answer counts round=6 party=party-3 age=2",
        ]
        asked = [step_of(step).round for step, name in nodes.made if name == "party-3" and "training" in step]
        assert asked == [1, 2, 4, 7, 10]  # 7 was too old in round 10
        made = nodes.made.copy()
    with closing(world(tmp_path / "killed")) as nodes:
        mortal = Lagging(nodes, 0.15)
        assert alike(mortal.run(), due)
        assert mortal.deaths > 5
        assert nodes.made == made
        assert set(made.values()) == {1}
        assert all(len(answers - {b""}) == 1 for answers in nodes.sent.values())


def test_a_party_gives_what_it_has_and_computes_nothing_for_an_empty_question(tmp_path: Path) -> None:
    with closing(world(tmp_path)) as nodes:
        Lagging(nodes).run()
        party, last = nodes.alive["party-1"], f"{ROUNDS}.0.training"
        assert party.answer(last, b"") == b""  # it has answered the steps of the end since
        made = nodes.made.copy()
        with pytest.raises((RefusedError, MessageError)):
            party.answer(f"{ROUNDS + 1}.0.finish", b"")
        assert nodes.made == made


def test_where_rounds_wait_an_empty_question_is_none(tmp_path: Path) -> None:
    with closing(NodeWorld(charter_of("fedavg"), tmp_path)) as nodes:
        nodes.run()
        with pytest.raises((RefusedError, MessageError)):
            nodes.alive["party-1"].answer("2.0.training", b"")
