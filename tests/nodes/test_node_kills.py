"""Nodes that are killed at any moment end in the same bits, and answer everything once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hansa.core.charter import Charter
from hansa.core.steps import Step
from tests.nodes.node_world import DiedError, Network, NodeWorld, alike, charter_of

LEVELS = ("open", "masked", "shared", pytest.param("products", marks=pytest.mark.slow), "encrypted")
PRODUCTS = "products"  # secrecy "shared", of updates that are long enough for the servers to multiply them
VICTIMS = [
    ("open", "party-2"),
    ("masked", "party-2"),
    ("products", "party-2"),
    ("shared", "second-server"),
    ("products", "third-server"),
    ("encrypted", "party-2"),
    ("encrypted", "custodian"),
]
_LONG = pytest.param("masked", "party-2", marks=pytest.mark.slow)


def charter(name: str, level: str) -> Charter:
    """Return a charter of a level of secrecy."""
    if level == PRODUCTS:
        return charter_of(name, "shared", network={"hidden": (160,)})
    return charter_of(name, level)


Whole = Callable[[str, str], tuple[NodeWorld, Mapping[str, Network]]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Return a run that nobody interrupted, and what it found, by algorithm and secrecy."""
    known: dict[tuple[str, str], tuple[NodeWorld, Mapping[str, Network]]] = {}

    def run(name: str, secrecy: str) -> tuple[NodeWorld, Mapping[str, Network]]:
        if (name, secrecy) not in known:
            nodes = NodeWorld(charter(name, secrecy), tmp_path_factory.mktemp("whole"))
            with closing(nodes):
                known[name, secrecy] = nodes, dict(nodes.run())
        return known[name, secrecy]

    return run


@dataclass
class Mortal:
    """A transport in whose exchanges nodes die."""

    nodes: NodeWorld
    dies: Callable[[str], bool]  # whether somebody dies now; by moment
    deaths: int = 0
    later: list[bool] = field(default_factory=list)

    def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
        """Carry questions and answers while there is somebody to do it."""
        del seconds
        self._end(f"coordinator before {step}")
        found = {}
        for name, question in questions.items():
            if self._now(f"{name} before {step}"):
                self.nodes.kill(name)
            found[name] = self.nodes.reply(name, step, question)
            if self._now(f"{name} after {step}"):
                self.nodes.kill(name)
                again = self.nodes.reply(name, step, question)
                self.later.append(again == found[name])
        self._end(f"coordinator after {step}")
        return found

    def leaving(self, step: Step, party: str) -> None:
        """Kill a party that has made an answer which is not kept yet."""
        self._end(f"{party} in {step.text}")

    def run(self) -> dict[str, Network]:
        """Return each party's last network, however many coordinators it takes."""
        while True:
            try:
                return self.nodes.run(self)
            except DiedError:
                continue

    def _end(self, moment: str) -> None:
        if self._now(moment):
            raise DiedError

    def _now(self, moment: str) -> bool:
        dies = self.dies(moment)
        self.deaths += dies
        return dies


def _by_chance(seed: int, share: float) -> Callable[[str], bool]:
    chance = np.random.default_rng(seed)
    return lambda _: bool(chance.random() < share)


def _once_each(start: str, word: str) -> Callable[[str], bool]:
    """Return whether it is the first time at a moment that begins so and has the word."""
    seen: set[str] = set()

    def dies(moment: str) -> bool:
        first = moment.startswith(start) and f" {word} " in moment and moment not in seen
        seen.add(moment)
        return first

    return dies


def _check(mortal: Mortal, due: Mapping[str, Network]) -> None:
    nodes = mortal.nodes
    with closing(nodes):
        found = mortal.run()
    assert alike(found, due)
    assert mortal.deaths > 0
    assert all(mortal.later), "an answer came back as another one"
    assert all(len(answers) == 1 for answers in nodes.sent.values())


@pytest.mark.parametrize("secrecy", LEVELS)
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))])
def test_a_run_whose_nodes_are_killed_by_chance_ends_in_the_same_bits(
    tmp_path: Path, whole: Whole, secrecy: str, seed: int
) -> None:
    _, due = whole("fedavg", secrecy)
    nodes = NodeWorld(charter("fedavg", secrecy), tmp_path)
    mortal = Mortal(nodes, _by_chance(seed, 0.1))
    nodes.leaving = mortal.leaving
    _check(mortal, due)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "secrecy"),
    [
        ("fsvrg", "masked"),
        ("labsync_mean", "masked"),
        ("labsync_mean", "shared"),
        ("labsync_mean", "encrypted"),
        ("labsync", "open"),
        ("clustered", "open"),
        ("ditto", "open"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_so_does_one_of_another_algorithm(
    tmp_path: Path, whole: Whole, name: str, secrecy: str, seed: int
) -> None:
    _, due = whole(name, secrecy)
    nodes = NodeWorld(charter(name, secrecy), tmp_path)
    mortal = Mortal(nodes, _by_chance(seed, 0.1))
    nodes.leaving = mortal.leaving
    _check(mortal, due)


@pytest.mark.parametrize("secrecy", LEVELS)
def test_a_coordinator_that_is_killed_after_every_step_ends_in_the_same_bits(
    tmp_path: Path, whole: Whole, secrecy: str
) -> None:
    """Steps that it takes again are answered from what the parties keep: nobody computes anything twice."""
    before, due = whole("fedavg", secrecy)
    nodes = NodeWorld(charter("fedavg", secrecy), tmp_path)
    mortal = Mortal(nodes, _once_each("coordinator", "after"))
    _check(mortal, due)
    assert mortal.deaths == len({step for step, _ in before.made})
    assert nodes.made == before.made
    assert set(nodes.made.values()) == {1}


@pytest.mark.parametrize(("secrecy", "victim"), VICTIMS)
def test_a_node_that_is_killed_after_every_answer_gives_it_again_and_computes_none_twice(
    tmp_path: Path, whole: Whole, secrecy: str, victim: str
) -> None:
    before, due = whole("fedavg", secrecy)
    nodes = NodeWorld(charter("fedavg", secrecy), tmp_path)
    mortal = Mortal(nodes, _once_each(victim, "after"))
    _check(mortal, due)
    assert len(mortal.later) == mortal.deaths == len({step for step, name in before.made if name == victim})
    assert nodes.made == before.made


@pytest.mark.parametrize(("secrecy", "victim"), [*VICTIMS[:1], _LONG, *VICTIMS[2:]])
def test_a_node_that_is_killed_before_it_keeps_an_answer_makes_it_again_and_sends_one(
    tmp_path: Path, whole: Whole, secrecy: str, victim: str
) -> None:
    before, due = whole("fedavg", secrecy)
    nodes = NodeWorld(charter("fedavg", secrecy), tmp_path)
    mortal = Mortal(nodes, _once_each(victim, "in"))
    nodes.leaving = mortal.leaving
    _check(mortal, due)
    assert mortal.deaths == len({step for step, name in before.made if name == victim})


def test_a_run_that_is_over_ends_again_in_the_same_bits_and_nobody_computes(tmp_path: Path) -> None:
    nodes = NodeWorld(charter_of("fedavg"), tmp_path)
    with closing(nodes):
        first = dict(nodes.run())
        made, rounds = nodes.made.copy(), list(nodes.rounds)
        nodes.close()
        assert alike(nodes.run(), first)
    assert (nodes.made, nodes.rounds) == (made, rounds)
