"""Members come and go within a run, one change at a time, and only as all others sign."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from hansa.core.charter import DefenceChoice, Gate, Party
from hansa.core.errors import RefusedError
from hansa.core.steps import Step, step_of
from hansa.protection.amendment import Amendment
from hansa.protection.enrolment import COORDINATOR, Credential, credential
from hansa.runtime import amending
from hansa.runtime.amending import Members
from hansa.runtime.coordinator_node import Beside, CoordinatorNode
from hansa.runtime.party_node import PartyNode
from hansa.runtime.seats import CoordinatorSeat
from tests.runtime.node_world import NodeWorld, charter_of, source_of

NEW = "party-4"


def countersigned(found: Amendment) -> None:
    """Sign every lawful change."""
    del found


@dataclass
class Changing(NodeWorld):
    """A run whose operator lets members in and out."""

    wanted: dict[str, bytes] = field(default_factory=dict)
    admitted: list[str] = field(default_factory=list)
    asleep: set[str] = field(default_factory=set)  # who was let in and does not run yet
    site: Callable[[Amendment], None] = countersigned

    def __post_init__(self) -> None:
        """Want those of the charter."""
        self.wanted = {name: self.credentials[name].signing.public for name in self.names}

    @cached_property
    def newcomer(self) -> Credential:
        """Return the keys of who comes later."""
        return credential(NEW, source_of("keys of the newcomer"))

    def let_in(self) -> None:
        """Let the newcomer in."""
        self.wanted[NEW] = self.newcomer.signing.public

    def admit(self, party: str, key: bytes) -> None:
        """Count on a party from now on."""
        assert key == self.wanted[party]
        self.admitted.append(party)

    def expel(self, party: str) -> None:
        """Count on a party no more."""
        self.kill(party)

    def party(self, name: str) -> PartyNode:
        """Return a party; the newcomer knows the roster with itself in it."""
        if name != NEW:
            return super().party(name)
        listed = (*self.charter.roster, Party(NEW))
        later = replace(self, charter=replace(self.charter, roster=listed), asleep=set())
        later.credentials[NEW] = self.newcomer
        later.made, later.networks, later.leaving = self.made, self.networks, self.leaving
        return NodeWorld.party(later, NEW)

    def exchange(self, step: str, questions: Any, seconds: float) -> dict[str, Any]:
        """Carry a step to those who run."""
        known = {*self.names, *self.admitted} - self.asleep  # who was not admitted is not heard
        awake = {name: one for name, one in questions.items() if name in known}
        return super().exchange(step, awake, seconds)

    def go(self, watch: Callable[[int, int], None]) -> None:
        """Run to the end."""
        with closing(self.store(COORDINATOR)) as store:
            own = self.credentials[COORDINATOR]
            seat = CoordinatorSeat(self.charter, self.membership, own, self.source(COORDINATOR))
            beside = Beside(watch, Members(self, lambda: dict(self.wanted)))
            CoordinatorNode(self.charter, store, self, seat, beside).run()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Changing:
    monkeypatch.setattr(amending, "_AGAIN_S", 0.0)
    return Changing(charter_of("fedavg", rounds=4), tmp_path)


def _kinds(run: Changing, name: str) -> list[str]:
    return [step_of(step).kind for step, party in run.made if party == name]


def test_a_party_joins_a_run_at_work_and_all_others_sign(run: Changing) -> None:
    with closing(run):
        run.go(lambda done, _: run.let_in() if done == 1 else None)
    assert run.admitted == [NEW]
    assert _kinds(run, NEW) == ["join", "meet", "scale", "start", *["training"] * 3, "finish", "bye"]
    for name in run.names:
        assert _kinds(run, name).count("amend") == 1
        assert _kinds(run, name).count("meet") == 2
    assert set(run.networks) == {*run.names, NEW}
    assert set(run.made.values()) == {1}


def test_who_was_let_in_and_does_not_run_yet_holds_nobody_up(run: Changing) -> None:
    run.asleep = {NEW}

    def watch(done: int, _: int) -> None:
        run.let_in()
        if done == 2:
            run.asleep = set()

    with closing(run):
        run.go(watch)
    assert _kinds(run, NEW).count("training") == 2


def test_a_party_that_is_expelled_takes_no_part_in_later_rounds(run: Changing) -> None:
    with closing(run):
        run.go(lambda done, _: run.wanted.pop("party-2", None) if done == 2 else None)
    assert _kinds(run, "party-2").count("training") == 2
    assert "finish" not in _kinds(run, "party-2")
    assert set(run.networks) == {"party-1", "party-3"}
    assert _kinds(run, "party-1").count("amend") == 1


def test_what_one_member_does_not_sign_does_not_happen(run: Changing) -> None:
    def asks(found: Amendment) -> None:
        raise RefusedError(f"{found.change.words}: a person has to approve", do="approve", where="the site")

    seat = run.seat

    def stubborn(name: str) -> Any:
        made = seat(name)
        if name == "party-3":
            made._countersign = asks
        return made

    run.seat = stubborn  # type: ignore[method-assign]
    with closing(run):
        run.go(lambda done, _: run.let_in() if done == 1 else None)
    assert "training" not in _kinds(run, NEW)
    assert set(run.networks) == set(run.names)


def test_a_newcomer_that_cannot_begin_takes_no_part_and_the_operator_can_take_it_out_again(
    run: Changing,
) -> None:
    def watch(done: int, _: int) -> None:
        if done == 1:
            run.let_in()
        elif done == 2:
            run.wanted.pop(NEW)

    def gate(step: Step, party: str) -> None:
        if (party, step.kind) == (NEW, "start"):
            raise RefusedError("its site says no", do="ask it", where=NEW)

    run.leaving = gate
    with closing(run):
        run.go(watch)
    assert "training" not in _kinds(run, NEW)
    assert set(run.networks) == set(run.names)
    assert [_kinds(run, name).count("amend") for name in run.names] == [2, 2, 2]


@pytest.mark.parametrize("killed", range(12))
def test_killed_amid_a_change_the_run_ends_with_the_same_members(run: Changing, killed: int) -> None:
    """The coordinator dies before one of the steps after the first round, and starts again."""

    class DiedError(Exception):
        pass

    exchange, left = run.exchange, [killed]

    def mortal(step: str, questions: Any, seconds: float) -> dict[str, Any]:
        if step_of(step).round >= 1 and left:
            if left[0] == 0:
                left.clear()
                raise DiedError
            left[0] -= 1
        return exchange(step, questions, seconds)

    run.exchange = mortal  # type: ignore[method-assign]
    watch = lambda done, _: run.let_in() if done == 1 else None  # noqa: E731
    with closing(run):
        try:
            run.go(watch)
        except DiedError:
            run.go(watch)
    assert set(run.networks) == {*run.names, NEW}
    assert set(run.made.values()) == {1}


@pytest.mark.parametrize(
    ("name", "secrecy", "may"),
    [("fedavg", "open", True), ("scaffold", "open", True), ("fedavg", "masked", False)]
    + [(name, "open", False) for name in ("labsync", "labsync_mean", "aligned", "clustered")],
)
def test_members_change_within_runs_of_open_averages_alone(name: str, secrecy: str, may: bool) -> None:
    assert charter_of(name, secrecy).changes_members == may


@pytest.mark.parametrize("judging", [{"defence": DefenceChoice("mean")}, {"gate": Gate(1)}])
def test_members_of_a_run_that_is_judged_or_voted_on_stay(judging: dict[str, Any]) -> None:
    assert not charter_of("fedavg", "open", **judging).changes_members
