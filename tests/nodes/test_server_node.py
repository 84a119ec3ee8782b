"""A server beside the coordinator answers what is due, once; another occasion or question opens nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hansa.core import codec
from hansa.core.errors import FolderError, HansaError, RefusedError
from hansa.core.steps import Step, step_of
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.membership import Membership
from hansa.registry.node_store import NodeStore
from tests.nodes.node_world import Bytes, Network, NodeWorld, alike, charter_of, source_of

LONG = {"network": {"hidden": (160,)}}
WORLDS = {
    "shared": ("second-server", charter_of("fedavg", "shared")),
    "products": ("third-server", charter_of("fedavg", "shared", **LONG)),
    "encrypted": ("custodian", charter_of("fedavg", "encrypted")),
}
FIRST = {"shared": "present", "products": "present", "encrypted": "key"}
Asked = Callable[[Step, bytes], Iterator[tuple[str, bytes]]]


@dataclass
class Hostile:
    """Carries every question, and around those of one server whatever else a coordinator might ask it."""

    nodes: NodeWorld
    victim: str
    before: Asked = lambda step, question: iter(())
    after: Asked = lambda step, question: iter(())
    refused: list[str] = field(default_factory=list)

    def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
        """Ask the victim more than is due, and everybody what is due."""
        if self.victim not in questions:
            return self.nodes.exchange(step, questions, seconds)
        found, question = step_of(step), questions[self.victim]
        self.nodes.start(self.victim)
        for asked in self.before(found, question):
            self._is_refused(*asked)
        answers = self.nodes.exchange(step, questions, seconds)
        for asked in self.after(found, question):
            self._is_refused(*asked)
        return answers

    def _is_refused(self, step: str, question: bytes) -> None:
        kept, made = self._kept(), self.nodes.made.copy()
        with pytest.raises(HansaError) as fault:
            self.nodes.answer(self.victim, step, question)
        assert "\n" not in str(fault.value)
        assert (self.nodes.made, self._kept()) == (made, kept), "it left something behind"
        self.refused.append(str(fault.value))

    def _kept(self) -> list[Any]:
        base = self.nodes.alive[self.victim]._store._base
        return [base.execute(query).fetchall() for query in ("SELECT * FROM state", "SELECT * FROM answer")]


SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("products", "encrypted")]


@pytest.fixture(scope="module", params=["shared", *SLOW])
def honest(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Mapping[str, Network]]:
    """Return a kind of sum, and what a run finds in which nobody asks anything else."""
    nodes = NodeWorld(WORLDS[request.param][1], tmp_path_factory.mktemp("honest"))
    with closing(nodes):
        found = dict(nodes.run())
    products = {"reveal", "opened", "weights"} <= {step.rpartition("/")[2] for step, _ in nodes.made}
    assert products == (request.param == "products")
    return request.param, found


def _world(kind: str, folder: Path) -> tuple[NodeWorld, str]:
    victim, charter = WORLDS[kind]
    return NodeWorld(charter, folder), victim


def _check(hostile: Hostile, due: Mapping[str, Network], words: str) -> None:
    with closing(hostile.nodes):
        assert alike(hostile.nodes.run(hostile), due)
    assert any(words in told for told in hostile.refused)


def test_steps_that_are_not_due_are_refused_and_the_run_goes_on_to_the_same_bits(
    tmp_path: Path, honest: tuple[str, Mapping[str, Network]]
) -> None:
    (kind, due), kinds = honest, ["join", "meet", "bye", "finish", "training", "training/share", ""]
    nodes, victim = _world(kind, tmp_path)
    kinds += [f"{one}/{stage}" for one in ("training", "products") for stage in ("present", "key", "result")]

    def others(step: Step, question: bytes) -> Iterator[tuple[str, bytes]]:
        for other in kinds:
            for place in ((step.round, step.number), (step.round, step.number + 1), (step.round + 1, 0)):
                asked = Step(*place, other)
                if asked != step:
                    yield asked.text, question
        yield Step(step.round, step.number + 1, step.kind).text, question
        yield Step(10**8, 0, "training/present").text, question
        if step.round > 1:
            yield "0.0.join", question

    _check(Hostile(nodes, victim, others), due, "out of turn, or the charter does not name it")


def test_asked_again_it_gives_the_same_bytes_and_a_sum_begins_with_one_question_alone(
    tmp_path: Path, honest: tuple[str, Mapping[str, Network]]
) -> None:
    kind, due = honest
    nodes, victim = _world(kind, tmp_path)

    def again(step: Step, question: bytes) -> Iterator[tuple[str, bytes]]:
        nodes.answer(victim, step.text, question)
        stage = step.kind.partition("/")[2]
        if stage in ("", FIRST[kind]):
            yield step.text, question + b"\0"
        else:  # a coordinator that starts again seals anew what it says
            nodes.answer(victim, step.text, question + b"\0")
        assert len(nodes.sent[step.text, victim]) == 1

    _check(Hostile(nodes, victim, after=again), due, "asks another thing than before")


def test_what_is_no_question_is_refused_and_the_run_goes_on_to_the_same_bits(
    tmp_path: Path, honest: tuple[str, Mapping[str, Network]]
) -> None:
    (kind, due), chance = honest, np.random.default_rng(5)
    nodes, victim = _world(kind, tmp_path)

    def garbled(step: Step, question: bytes) -> Iterator[tuple[str, bytes]]:
        yield from ((step.text, one) for one in (b"", question[:-1], question + b"\0", chance.bytes(40)))
        if step.kind == "bye":
            return
        yield from (
            (step.text, codec.encode(one)) for one in ([], None, {}, {"told": None}, {"told": {"a": 1}})
        )
        told = codec.decode(question)
        for name in ("number", "numbers", "round", "model") if "model" in told else ():
            for other in (None, -1, 1 << 40, True, b"", 1.5):
                yield step.text, codec.encode(told | {name: other})

    _check(Hostile(nodes, victim, garbled), due, "its question is none")


def test_a_disk_that_fails_leaves_the_server_as_it_was(
    tmp_path: Path, honest: tuple[str, Mapping[str, Network]]
) -> None:
    kind, due = honest
    nodes, victim = _world(kind, tmp_path)
    held: list[str] = []

    def full(step: Step, party: str) -> None:
        if party == victim and step.text not in held:
            held.append(step.text)
            raise FolderError("is full", do="free space", where="its disk")

    nodes.leaving = full
    _check(Hostile(nodes, victim, lambda step, question: iter([(step.text, question)])), due, "is full")
    assert set(held) == {step for step, name in nodes.made if name == victim}


# --- another occasion, or another list ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["shared", SLOW[0]])
@pytest.mark.parametrize(
    ("name", "other"), [("number", 9), ("numbers", 700), ("model", "0" * 64), ("round", 7)]
)
def test_asked_for_another_occasion_no_share_opens_and_the_sum_is_over_there(
    tmp_path: Path, kind: str, name: str, other: Any
) -> None:
    nodes, victim = _world(kind, tmp_path)

    def changed(step: Step, question: bytes) -> Iterator[tuple[str, bytes]]:
        if step.text.startswith("1.0.training/"):
            bad = codec.encode(codec.decode(question) | {name: other})
            with pytest.raises(HansaError, match=r"does not open here|garbled"):
                nodes.answer(victim, step.text, bad)
        yield from ()

    with (
        closing(nodes),
        pytest.raises(HansaError, match="failed here before, and is not tried with anything"),
    ):
        nodes.run(Hostile(nodes, victim, changed))
    assert ("1.0.training/present", victim) not in nodes.made


def test_a_custodian_that_was_handed_what_no_party_signed_forgets_the_key_even_over_a_restart(
    tmp_path: Path,
) -> None:
    nodes, victim = _world("encrypted", tmp_path)

    def bent(step: Step, question: bytes) -> Iterator[tuple[str, bytes]]:
        if step.text.startswith("1.") and step.kind == "training/total":
            sealed = codec.decode(question)["told"][COORDINATOR]
            with pytest.raises(HansaError):
                nodes.answer(victim, step.text, codec.encode({"told": {COORDINATOR: sealed[:-1]}}))
            nodes.kill(victim)
            nodes.start(victim)
        yield from ()

    with closing(nodes), pytest.raises(HansaError, match="failed here before"):
        nodes.run(Hostile(nodes, victim, bent))
    with closing(nodes.store(victim)) as store:
        assert store.state("sum") == b"", "the key is still on the disk"


def test_a_custodian_whose_disk_is_full_when_a_sum_fails_tries_nothing_else_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, victim = _world("encrypted", tmp_path)

    def full(*_: Any, **__: Any) -> None:
        raise FolderError("cannot be written (disk is full)", do="free space", where="its store")

    def bent(step: Step, question: bytes) -> Iterator[tuple[str, bytes]]:
        if step.text.startswith("1.") and step.kind == "training/total":
            sealed = codec.decode(question)["told"][COORDINATOR]
            with monkeypatch.context() as patched:
                patched.setattr(NodeStore, "keep", full)
                with pytest.raises(FolderError):
                    nodes.answer(victim, step.text, codec.encode({"told": {COORDINATOR: sealed[:-1]}}))
        yield from ()

    with closing(nodes), pytest.raises(HansaError, match="failed here before"):
        nodes.run(Hostile(nodes, victim, bent))


@dataclass
class Bent:
    """Carries everything, but for one party's share for one server."""

    nodes: NodeWorld
    server: str

    def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
        """Bend the share of the first round."""
        answers = self.nodes.exchange(step, questions, seconds)
        if step.startswith("1.") and step.endswith("/share"):
            shares = codec.decode(bytes(answers["party-2"]))
            bent = shares | {self.server: shares[self.server][:-1]}
            answers["party-2"] = Bytes(codec.encode(bent))
        return answers


@pytest.mark.parametrize("server", [COORDINATOR, "second-server", "third-server"])
def test_a_party_whose_share_is_none_is_named_by_the_server_that_it_is_for(
    tmp_path: Path, server: str
) -> None:
    nodes, _ = _world("shared", tmp_path)
    said = r"^party-2: " if server == COORDINATOR else rf"^{server}: refuses training/present .*: party-2: "
    with closing(nodes), pytest.raises(HansaError, match=said + ".*does not open here"):
        nodes.run(Bent(nodes, server))


@pytest.mark.parametrize("kind", ["shared", "encrypted"])
def test_a_server_whose_store_is_lost_takes_no_part_any_more(tmp_path: Path, kind: str) -> None:
    nodes, victim = _world(kind, tmp_path)

    def lost(step: Step, question: bytes) -> Iterator[tuple[str, bytes]]:
        if step.round == 2 and step.number == 0 and not lost_once:
            lost_once.append(step)
            nodes.kill(victim)
            for file in tmp_path.glob(f"{victim}.db*"):
                file.unlink()
            nodes.start(victim)
        yield from ()

    lost_once: list[Step] = []
    with closing(nodes), pytest.raises(HansaError, match=f"{victim}: refuses training.* out of turn"):
        nodes.run(Hostile(nodes, victim, lost))


def _with_servers(nodes: NodeWorld, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Membership:
    return replace(nodes.membership, servers=tuple(change(dict(nodes.membership.servers)).items()))


def _another(keys: dict[str, bytes]) -> dict[str, bytes]:
    return keys | {"third-server": source_of("a stranger")(32)}


def _the_operators_twice(keys: dict[str, bytes]) -> dict[str, bytes]:
    return keys | {"third-server": keys[COORDINATOR]}


def _one_for_both(keys: dict[str, bytes]) -> dict[str, bytes]:
    return keys | {"third-server": keys["second-server"]}


def _one_less(keys: dict[str, bytes]) -> dict[str, bytes]:
    return {name: key for name, key in keys.items() if name != "third-server"}


def _one_more(keys: dict[str, bytes]) -> dict[str, bytes]:
    return keys | {"fourth-server": source_of("a stranger")(32)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_another, "another server than this node knows"),
        (_the_operators_twice, "gives two members one key"),
        (_one_for_both, "gives two members one key"),
        (_one_less, "another server than this node knows"),
        (_one_more, "another server than this node knows"),
    ],
)
@pytest.mark.parametrize("name", ["party-1", "second-server"])
def test_nobody_signs_a_list_with_other_servers_than_its_invitation_tells(
    tmp_path: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]], says: str, name: str
) -> None:
    nodes, _ = _world("shared", tmp_path)
    shown = codec.encode(_with_servers(nodes, change).value)
    with closing(nodes), pytest.raises(HansaError, match=says):
        nodes.answer(name, "0.0.join", codec.encode({"membership": shown}))
    assert not nodes.made


@pytest.mark.parametrize("kind", ["shared", "encrypted"])
def test_a_server_does_not_compute_before_all_have_signed(tmp_path: Path, kind: str) -> None:
    nodes, victim = _world(kind, tmp_path)

    def unsigned(step: Step, question: bytes) -> Iterator[tuple[str, bytes]]:
        if step.kind == "meet":
            value = codec.decode(question)
            signed = {name: one for name, one in value["approvals"].items() if name != "party-3"}
            yield step.text, codec.encode(value | {"approvals": signed})
            yield f"0.1.support of statistics/{FIRST[kind]}", question

    hostile = Hostile(nodes, victim, unsigned)
    with closing(nodes):
        nodes.run(hostile)
    assert "has not signed the list of members" in hostile.refused[0]
    assert "out of turn" in hostile.refused[1]


def test_a_store_of_another_server_is_refused(tmp_path: Path) -> None:
    nodes, _ = _world("shared", tmp_path)
    with closing(nodes):
        nodes.run()
        nodes.close()
        (tmp_path / "second-server.db").replace(tmp_path / "third-server.db")
        for rest in tmp_path.glob("third-server.db-*"):
            rest.unlink()
        with pytest.raises(FolderError, match=r"is not what third-server in .* keeps, but second-server in"):
            nodes.server("third-server")


def test_a_server_of_a_charter_that_it_did_not_sign_refuses(tmp_path: Path) -> None:
    nodes, victim = _world("shared", tmp_path)
    other = charter_of("fedavg", "shared", rounds=9)
    with closing(nodes), pytest.raises(RefusedError, match="another charter than this node knows"):
        nodes.start(victim)
        nodes.charter = other
        nodes.__dict__.pop("membership", None)
        nodes.answer(victim, "0.0.join", codec.encode({"membership": codec.encode(nodes.membership.value)}))
