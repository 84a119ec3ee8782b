"""Members come and go within a run, one change at a time, and only as all others sign."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from hansa.core import codec
from hansa.core.charter import DefenceChoice, Gate, Party
from hansa.core.errors import AbortedError, PartyError, RefusedError
from hansa.core.steps import Step, step_of
from hansa.crypto.identities import succession
from hansa.nodes import amending
from hansa.nodes.amending import Members
from hansa.nodes.changes import MEMBERS, MEMBERSHIP
from hansa.nodes.coordinator_node import Beside, CoordinatorNode
from hansa.nodes.party_node import PartyNode
from hansa.nodes.renewal import Renewal
from hansa.nodes.seats import CoordinatorSeat
from hansa.protection.amendment import Amendment
from hansa.protection.enrolment import COORDINATOR, Credential, credential
from hansa.protection.membership import Membership, read_membership
from tests.nodes.node_world import NodeWorld, alike, charter_of, source_of

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
    wire: Any = None  # what carries steps in place of this
    site: Callable[[Amendment], None] = countersigned
    renewals: dict[bytes, Renewal] = field(default_factory=dict)

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

    def rekey(self, name: str) -> None:
        """Have the operator take a party's new key."""
        new = credential(name, source_of(f"new keys of {name} {len(self.renewed)}"))
        self.renewed.append(new)
        old, public = self.own(name).signing, new.signing.public
        self.renewals[old.public] = Renewal(succession(old, public), public.hex())
        self.wanted[name] = public

    def listed(self, name: str) -> Membership:
        """Return the list that counts for a node."""
        with closing(self.store(name)) as store:
            return read_membership(store.state(MEMBERS if name == COORDINATOR else MEMBERSHIP) or b"", name)

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
        later.renewed = self.renewed
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
            beside = Beside(watch, Members(self, lambda: dict(self.wanted), lambda: self.renewals))
            node = CoordinatorNode(self.charter, store, self.wire or self, seat, beside)
            self.found = node.run().judged


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Changing:
    monkeypatch.setattr(amending, "_AGAIN_S", 0.0)
    return Changing(charter_of("fedavg", rounds=4), tmp_path)


def _kinds(run: Changing, name: str) -> list[str]:
    return [step_of(step).kind for step, party in run.made if party == name]


def test_a_party_joins_a_run_at_work_and_all_others_sign(run: Changing) -> None:
    with closing(run):
        run.go(lambda done, _: run.let_in() if done == 1 else None)
    assert set(run.admitted) == {NEW}
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
            kept = run.listed(COORDINATOR).names  # the wire of a new process knows the list that is kept
            run.admitted = [name for name in run.admitted if name in kept]
            run.go(watch)
    assert set(run.networks) == {*run.names, NEW}
    assert set(run.made.values()) == {1}


def test_who_cannot_begin_now_begins_later_though_the_coordinator_was_started_again(run: Changing) -> None:
    def gate(step: Step, party: str) -> None:
        if party == NEW and step.kind == "start" and step.round < 3:
            raise RefusedError("its site says no", do="ask it", where=NEW)

    class StoppedError(Exception):
        pass

    def watch(done: int, _: int) -> None:
        if done == 1:
            run.let_in()
        elif done == 2 and not run.rounds:
            run.rounds.append(done)
            raise StoppedError

    run.leaving = gate
    with closing(run):
        with pytest.raises(StoppedError):
            run.go(watch)
        run.go(watch)
    assert _kinds(run, NEW).count("training") == 1
    assert NEW in run.networks


def test_who_has_begun_and_was_not_heard_is_taken_through_it_again(run: Changing) -> None:
    exchange = run.exchange

    def deaf(step: str, questions: Any, seconds: float) -> dict[str, Any]:
        found, now = exchange(step, questions, seconds), step_of(step)
        return {} if (now.kind, now.round) == ("start", 1) else found

    run.exchange = deaf  # type: ignore[method-assign]
    with closing(run):
        run.go(lambda done, _: run.let_in() if done == 1 else None)
    assert _kinds(run, NEW).count("start") == 2
    assert _kinds(run, NEW).count("training") == 2


def test_what_a_newcomer_failed_at_is_not_tried_with_another_question(run: Changing) -> None:
    def gate(step: Step, party: str) -> None:
        if (party, step.kind, step.round) == (NEW, "start", 1):
            raise PartyError("too few rows", do="add some", where=NEW)

    exchange, said = run.exchange, []

    def other(step: str, questions: Any, seconds: float) -> dict[str, Any]:
        now = step_of(step)
        if now.kind == "start" and now.round > 1:
            questions = {name: codec.encode({"keys": 2}) for name in questions}
        found = exchange(step, questions, seconds)
        said.extend(found.values() if now.kind == "start" and now.round > 1 else ())
        return found

    run.leaving, run.exchange = gate, other  # type: ignore[method-assign]
    with closing(run):
        run.go(lambda done, _: run.let_in() if done == 1 else None)
    assert NEW not in run.networks
    assert said
    assert all("another thing than before" in one.why for one in said)


def test_a_change_that_the_operator_takes_back_keeps_no_later_one_out(run: Changing) -> None:
    heard: list[str] = []

    def site(found: Amendment) -> None:
        heard.append(found.change.kind)
        if found.change.kind == "joins":
            raise RefusedError("a person has to approve", do="approve", where="the site")

    seat = run.seat

    def asking(name: str) -> Any:
        made = seat(name)
        if name == "party-3":
            made._countersign = site
        return made

    def watch(done: int, _: int) -> None:
        if done == 1:
            run.let_in()
        elif done == 2:  # two have signed the list with the newcomer
            run.wanted.pop(NEW)
            run.wanted.pop("party-1")

    run.seat = asking  # type: ignore[method-assign]
    with closing(run):
        run.go(watch)
    assert heard == ["joins", "leaves"]
    assert set(run.networks) == {"party-2", "party-3"}
    assert run.listed("party-2") == run.listed("party-3") == run.listed(COORDINATOR)
    assert run.listed(COORDINATOR).number == 2


def test_how_many_must_answer_in_time_follows_from_the_members_of_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four members three are a majority; of three, two were."""
    monkeypatch.setattr(amending, "_AGAIN_S", 0.0)
    run = Changing(charter_of("fedavg", rounds=5, lateness={"rule": "go_on"}), tmp_path)

    def watch(done: int, _: int) -> None:
        if done == 1:
            run.let_in()
        elif done == 3:
            run.asleep = {"party-1", "party-2"}

    with closing(run):
        with pytest.raises(AbortedError, match="no answer of party-1, party-2"):
            run.go(watch)
        run.asleep = {"party-1"}
        run.go(lambda done, _: None)
    assert set(run.networks) == {"party-2", "party-3", NEW}


def test_a_round_at_work_does_not_wait_for_whom_the_operator_expels(run: Changing) -> None:
    exchange = run.exchange

    def expelling(step: str, questions: Any, seconds: float) -> dict[str, Any]:
        if step_of(step) == Step(2, 0, "training"):
            run.wanted.pop("party-2", None)
            run.asleep = {"party-2"}  # it is put out
        return exchange(step, questions, seconds)

    run.exchange = expelling  # type: ignore[method-assign]
    with closing(run):
        run.go(lambda *_: None)
    assert set(run.networks) == {"party-1", "party-3"}
    assert _kinds(run, "party-1").count("training") == 4


def test_two_that_are_put_out_at_once_keep_each_other_in_no_list(tmp_path: Path) -> None:
    run = Changing(charter_of("fedavg", rounds=3), tmp_path)

    def watch(done: int, _: int) -> None:
        for name in ("party-1", "party-3") if done == 1 else ():
            run.wanted.pop(name)
            run.asleep.add(name)

    with closing(run):
        run.go(watch)
    assert set(run.networks) == {"party-2"}
    assert run.listed("party-2") == run.listed(COORDINATOR)
    assert run.listed(COORDINATOR).names == ("party-2",)


@pytest.mark.parametrize("kind", ["amend", "meet"])
def test_who_is_expelled_amid_another_change_keeps_it_not_from_being_made(run: Changing, kind: str) -> None:
    exchange = run.exchange

    def expelling(step: str, questions: Any, seconds: float) -> dict[str, Any]:
        place = step_of(step)
        if place.round == 1 and place.kind == kind:
            run.wanted.pop("party-2", None)
            run.asleep = {"party-2"}
        return exchange(step, questions, seconds)

    run.exchange = expelling  # type: ignore[method-assign]
    with closing(run):
        run.go(lambda done, _: run.rekey("party-1") if done == 1 else None)
    assert set(run.networks) == {"party-1", "party-3"}
    listed = run.listed(COORDINATOR)
    assert listed == run.listed("party-1") == run.listed("party-3")
    assert listed.identities["party-1"] == run.renewed[0].signing.public


def test_a_masked_round_ends_without_whom_the_operator_expels(tmp_path: Path) -> None:
    run = Changing(charter_of("fedavg", "masked", rounds=3), tmp_path)

    def watch(done: int, _: int) -> None:
        run.wanted.pop("party-2")
        run.asleep = {"party-2"}

    with (
        closing(run),
        pytest.raises(AbortedError, match="without party-2, no member under that key any more"),
    ):
        run.go(watch)


def test_who_has_lost_its_key_leaves_and_comes_again_with_another(run: Changing) -> None:
    expel = run.expel

    def forget(party: str) -> None:
        expel(party)
        for path in run.folder.glob(f"{party}.db*"):
            path.unlink()

    def watch(done: int, _: int) -> None:
        if done == 1:
            run.credentials["party-2"] = credential("party-2", source_of("another start"))
            run.wanted["party-2"] = run.credentials["party-2"].signing.public

    run.expel = forget  # type: ignore[method-assign]
    with closing(run):
        run.go(watch)
    assert _kinds(run, "party-2").count("join") == 2
    assert run.listed(COORDINATOR).names == ("party-1", "party-3", "party-2")
    assert run.listed(COORDINATOR).number == 2
    assert set(run.networks) == set(run.names)


@pytest.mark.parametrize("secrecy", ["open", "masked"])
def test_a_key_changes_in_a_run_at_work_and_nothing_else_does(
    tmp_path: Path, secrecy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(amending, "_AGAIN_S", 0.0)
    plain, run = (
        Changing(charter_of("fedavg", secrecy, rounds=4), tmp_path / name) for name in ("plain", "rekeyed")
    )
    for one in (plain, run):
        one.folder.mkdir()

    def watch(done: int, _: int) -> None:
        if done in (1, 2):  # and once more
            run.rekey("party-2")
        for name in run.names if done == 3 else ():  # they go on from their stores
            run.kill(name)

    with closing(plain), closing(run):
        plain.go(lambda *_: None)
        run.go(watch)
    assert alike(run.networks, plain.networks)
    assert set(run.made.values()) == {1}
    assert [_kinds(run, name).count("rekey") for name in run.names] == [0, 2, 0]
    assert [_kinds(run, name).count("amend") for name in run.names] == [2, 0, 2]
    assert {run.listed(name) for name in (*run.names, COORDINATOR)} == {run.listed("party-2")}
    assert run.listed(COORDINATOR).identities["party-2"] == run.renewed[-1].signing.public


@pytest.mark.parametrize("killed", range(3))
@pytest.mark.parametrize("secrecy", ["open", "masked"])
def test_killed_amid_a_change_of_keys_the_run_ends_under_the_new_one(
    tmp_path: Path, secrecy: str, killed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The coordinator dies before one of the steps after the first round, and the parties with it."""
    monkeypatch.setattr(amending, "_AGAIN_S", 0.0)
    run = Changing(charter_of("fedavg", secrecy, rounds=3), tmp_path)

    class DiedError(Exception):
        pass

    exchange, left = run.exchange, [killed]

    def mortal(step: str, questions: Any, seconds: float) -> dict[str, Any]:
        place = step_of(step)
        if (place.round, place.number) >= (1, 1) and place.kind in ("rekey", "amend", "meet") and left:
            if left[0] == 0:
                left.clear()
                raise DiedError
            left[0] -= 1
        if left == [] and place.kind == "meet" and place.round > 0:  # one of them has it, and then all die
            left.append(99)
            exchange(step, dict(list(questions.items())[:1]), seconds)
            raise DiedError
        return exchange(step, questions, seconds)

    run.exchange = mortal  # type: ignore[method-assign]
    watch = lambda done, _: run.rekey("party-2") if done == 1 and not run.renewed else None  # noqa: E731
    with closing(run):
        for _ in range(3):
            try:
                run.go(watch)
                break
            except DiedError:
                for name in run.names:
                    run.kill(name)
    assert set(run.networks) == set(run.names)
    assert {run.listed(name).identities["party-2"] for name in run.names} == {run.renewed[0].signing.public}


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
