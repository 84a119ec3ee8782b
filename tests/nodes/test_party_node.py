"""A party answers what its charter names, in its turn, once; whatever else it is asked changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hansa.core import codec
from hansa.core.errors import HansaError, MessageError, PartyError, RefusedError
from hansa.core.steps import Step, step_of
from hansa.protection.enrolment import COORDINATOR
from tests.nodes.frames import closed, opened
from tests.nodes.node_world import ALL, Network, NodeWorld, alike, charter_of

VICTIM = "party-2"
LEVELS = ("open", "masked", "shared", pytest.param("encrypted", marks=pytest.mark.slow))
FIRST = {"open": "training", "masked": "training/keys", "shared": "training/share"}
FIRST |= {"encrypted": "training/committed"}
ALONE = ("masked", "agreed", "revealed", "result", "encrypted")  # stages whose questions are sealed whole
KINDS = ["join", "meet", "statistics", "products", "scale", "turn", "start", "training", "finish"]
KINDS += ["predictions", "training/keys", "amend", "bye"]
KINDS += ["training/revealed", "support of statistics/keys", "support of products/keys", "products/keys", ""]
KINDS += ["training/share", "training/result", "training/committed", "training/present", "statistics/key"]


@pytest.fixture(scope="module", params=LEVELS)
def honest(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Mapping[str, Network]]:
    """Return a level of secrecy, and what a run finds in which nobody asks anything else."""
    nodes = NodeWorld(charter_of("fedavg", request.param), tmp_path_factory.mktemp("honest"))
    with closing(nodes):
        return request.param, dict(nodes.run())


@dataclass
class Hostile:
    """Carries every question, and before and after it whatever else a coordinator might ask the victim."""

    nodes: NodeWorld
    before: Callable[[Step, bytes], Iterator[tuple[str, bytes]]]
    after: Callable[[Step, bytes], Iterator[tuple[str, bytes]]] = lambda step, question: iter(())
    refused: list[tuple[str, HansaError]] = field(default_factory=list)

    def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
        """Ask the victim more than is due, and all what is due."""
        if VICTIM not in questions:
            return self.nodes.exchange(step, questions, seconds)
        self.nodes.start(VICTIM)
        found, question = step_of(step), questions[VICTIM]
        for asked in self.before(found, question):
            self._is_refused(*asked)
        answers = self.nodes.exchange(step, questions, seconds)
        for asked in self.after(found, question):
            self._is_refused(*asked)
        return answers

    def _is_refused(self, step: str, question: bytes) -> None:
        kept, made = self._kept(), self.nodes.made.copy()
        with pytest.raises((RefusedError, MessageError, HansaError)) as fault:
            self.nodes.answer(VICTIM, step, question)
        assert "\n" not in str(fault.value)
        assert len(str(fault.value)) < 700
        assert self.nodes.made == made, "an answer was made of it"
        assert self._kept() == kept, "it is in the store"
        self.refused.append((step, fault.value))

    def _kept(self) -> list[Any]:
        base = self.nodes.alive[VICTIM]._store._base
        return [base.execute(query).fetchall() for query in ("SELECT * FROM state", "SELECT * FROM answer")]


def _check(hostile: Hostile, due: Mapping[str, Network], words: str) -> None:
    with closing(hostile.nodes):
        assert alike(hostile.nodes.run(hostile), due)
    assert hostile.refused
    assert any(words in str(fault) for _, fault in hostile.refused)


def _world(folder: Path, secrecy: str) -> NodeWorld:
    return NodeWorld(charter_of("fedavg", secrecy), folder)


def test_steps_that_are_not_due_are_refused_and_the_run_goes_on_to_the_same_bits(
    tmp_path: Path, honest: tuple[str, Mapping[str, Network]]
) -> None:
    secrecy, due = honest

    def others(step: Step, question: bytes) -> Iterator[tuple[str, bytes]]:
        for kind in KINDS:
            for place in ((step.round, step.number), (step.round, step.number + 1), (step.round + 1, 0)):
                asked = Step(*place, kind)
                if asked != step:
                    yield asked.text, question
        yield Step(step.round, step.number + 1, step.kind).text, question
        yield Step(10**8, 0, "training").text, question
        yield "nonsense", question
        if step.round > 1:
            yield Step(step.round - 1, 0, "training").text, question
            yield "0.0.join", question

    _check(Hostile(_world(tmp_path, secrecy), others), due, "out of turn, or the charter does not name it")


def test_another_question_under_a_known_step_is_refused_and_a_later_stage_gets_what_was_sent(
    tmp_path: Path, honest: tuple[str, Mapping[str, Network]]
) -> None:
    secrecy, due = honest
    nodes = _world(tmp_path, secrecy)

    def again(step: Step, question: bytes) -> Iterator[tuple[str, bytes]]:
        assert nodes.answer(VICTIM, step.text, question) in nodes.sent[step.text, VICTIM]
        if step.kind.partition("/")[2] in ("", "keys", "share"):
            yield step.text, question + b"\0"
            yield step.text, b""
        else:  # a coordinator that starts again seals anew what it says
            nodes.answer(VICTIM, step.text, question + b"\0")
        assert len(nodes.sent[step.text, VICTIM]) == 1

    _check(Hostile(nodes, lambda step, question: iter(()), again), due, "asks another thing than before")


def test_garbage_under_the_due_step_is_refused_and_the_run_goes_on_to_the_same_bits(
    tmp_path: Path, honest: tuple[str, Mapping[str, Network]]
) -> None:
    secrecy, due = honest
    chance = np.random.default_rng(11)

    def garbled(step: Step, question: bytes) -> Iterator[tuple[str, bytes]]:
        if step.kind in ("statistics", "bye"):  # nothing is told that could be wrong
            return
        for _ in range(3):
            yield step.text, chance.bytes(40)
        if not step.kind.startswith("support of statistics/") or step.kind.split("/")[1] in ALONE:
            for wrong in _wrong(step, question):
                yield step.text, wrong

    _check(Hostile(_world(tmp_path, secrecy), garbled), due, "its question is none")


def _wrong(step: Step, question: bytes) -> Iterator[bytes]:
    """Yield questions that are nearly the one that is due."""
    yield from (b"", question[:-1], question + b"\0", question[: len(question) // 2])
    if step.kind.partition("/")[2] in ALONE:
        yield bytes([question[0] ^ 1]) + question[1:]  # sealed: any bit counts
        return
    framed = "/" not in step.kind and step.kind in ("training", "finish")
    value = {} if framed else codec.decode(question)
    yield from (codec.encode(one) for one in ([], None, {}, {"of": None}, {"of": b""}, {1: 2}))
    if step.kind in ("join", "meet"):
        yield from _wrong_members(step.kind, value)
    elif step.kind == "scale":
        yield from _with(value, "totals", _wrong_numbers(value["totals"]))
        cells = len(value["totals"]) // 3
        flags: list[Any] = [np.ones(cells + 1, bool), np.ones(cells), True, [], np.ones((cells, 1), bool)]
        flags.append(np.ones(cells, bool) if value["enough"] is None else None)
        yield from (codec.encode(value | {"enough": one}) for one in flags)
    elif step.kind == "start":
        yield from _with(
            value, "keys", [-1, value["keys"] + 1, value["keys"] - 1, 2**31, 2**70, True, 1.0, None]
        )
    elif step.kind.partition("/")[0] in ("training", "finish"):
        for changed in _wrong_frames(value.get("of", question)):
            yield codec.encode({"of": changed}) if "of" in value else changed


def _with(value: dict[str, Any], name: str, others: list[Any]) -> Iterator[bytes]:
    yield codec.encode({key: one for key, one in value.items() if key != name})
    yield from (codec.encode(value | {name: other}) for other in others)


def _wrong_members(kind: str, value: dict[str, Any]) -> Iterator[bytes]:
    if kind == "join":
        yield from _with(value, "membership", _wrong_lists(value["membership"]))
        return
    for name in ("approvals", "adverts") if value["adverts"] else ("approvals",):
        yield from _with(value, name, _wrong_adverts(value[name]))


def _wrong_lists(shown: bytes) -> list[Any]:
    listed = codec.decode(shown)
    parties = listed["parties"]
    wrong = [
        listed | {"charter": "0" * 64},
        listed | {"run": "f" * 16},
        listed | {"number": -1},
        listed | {"parties": parties[::-1]},
        listed | {"parties": parties[:-1]},
        listed | {"parties": [*parties[:-1], [parties[-1][0], parties[0][1]]]},
        listed | {"servers": [[COORDINATOR, bytes(32)]]},
    ]
    return [None, 5, b"", shown[:-1], shown + b"\0", *(codec.encode(one) for one in wrong)]


def _wrong_adverts(adverts: dict[str, bytes]) -> list[Any]:
    swapped = adverts | {ALL[0]: adverts[ALL[2]], ALL[2]: adverts[ALL[0]]}
    missing = {name: one for name, one in adverts.items() if name != COORDINATOR}
    cut = {name: one[:-1] for name, one in adverts.items()}
    return [None, [], {}, swapped, missing, cut, adverts | {ALL[0]: 5}, adverts | {ALL[0]: b"\xff" * 300}]


def _wrong_numbers(totals: np.ndarray) -> list[Any]:
    bad = totals.copy()
    bad[0] = np.nan
    huge = totals.copy()
    huge[-1] = np.inf
    return [bad, huge, totals[:-1], np.append(totals, 0.0), totals.astype("f4"), totals[None], 1.0, None, []]


def _wrong_frames(frame: bytes) -> Iterator[bytes]:
    head, leaves = opened(frame)
    name = max(leaves, key=lambda one: leaves[one].size)
    own = leaves[name]
    wrong = [own.astype("f8"), own[..., None], own.reshape(-1)[:0]]
    yield from (closed(head, leaves | {name: one}) for one in wrong)
    yield closed(head, {key: one for key, one in leaves.items() if key != name})
    yield from (
        closed(head | other, leaves) for other in ({"opening": "support"}, {"kind": "terms"}, {"a": 1})
    )
    yield from (b"", frame[:-1], frame + b"\0", b"\xff" * 4 + frame[4:], codec.encode({}))


def test_a_gate_that_holds_an_answer_back_leaves_the_party_as_it_was(
    tmp_path: Path, honest: tuple[str, Mapping[str, Network]]
) -> None:
    secrecy, due = honest
    nodes = _world(tmp_path, secrecy)
    held: list[str] = []

    def gate(step: Step, party: str) -> None:
        if party == VICTIM and step.text not in held:
            held.append(step.text)
            raise RefusedError("nobody has agreed to it", do="ask the operator", where="the gate")

    nodes.leaving = gate
    _check(
        Hostile(nodes, lambda step, question: iter([(step.text, question)])), due, "nobody has agreed to it"
    )
    assert set(held) == {step for step, party in nodes.made if party == VICTIM}


# --- what was signed ----------------------------------------------------------------------------------


def test_a_charter_that_it_did_not_sign_is_refused_at_the_door(tmp_path: Path) -> None:
    nodes = _world(tmp_path, "open")
    other = charter_of("fedavg", rounds=9)
    with closing(nodes), pytest.raises(HansaError) as fault:
        for name in nodes.names:
            nodes.alive[name] = nodes.party(name)
        nodes.charter = other
        nodes.run()
    assert "refuses join: coordinator: its list of members has another charter" in str(fault.value)
    assert (fault.value.where, nodes.made) == ("party-1", {})


def test_a_list_that_not_all_have_signed_is_refused_when_signatures_are_told(tmp_path: Path) -> None:
    nodes = _world(tmp_path, "masked")

    def other(step: Step, question: bytes) -> Iterator[tuple[str, bytes]]:
        if step.kind == "meet":
            value = codec.decode(question)
            signed = {name: one for name, one in value["approvals"].items() if name != ALL[2]}
            yield step.text, codec.encode(value | {"approvals": signed})

    hostile = Hostile(nodes, other)
    with closing(nodes):
        nodes.run(hostile)
    assert "has not signed the list of members" in str(hostile.refused[0][1])


@pytest.mark.parametrize("secrecy", LEVELS)
def test_a_step_that_failed_for_its_records_is_not_tried_with_another_question(
    tmp_path: Path, secrecy: str
) -> None:
    """What a party says of a model that it cannot train, or that it can, tells of its rows: once."""
    nodes, failed = _world(tmp_path, secrecy), list[str]()

    def strange(step: Step, question: bytes) -> Iterator[tuple[str, bytes]]:
        if step.round == 2 and step.kind == FIRST[secrecy]:
            told = {} if secrecy == "open" else codec.decode(question)
            frame = told.get("of", question)
            head, leaves = opened(frame)
            name = max(leaves, key=lambda one: leaves[one].size)
            bad = closed(head, leaves | {name: np.full_like(leaves[name], np.nan)})
            with pytest.raises(PartyError):
                nodes.answer(VICTIM, step.text, codec.encode(told | {"of": bad}) if told else bad)
            failed.append(step.text)
        yield from ()

    made = nodes.made
    with closing(nodes), pytest.raises(PartyError, match="its own records kept it from training"):
        nodes.run(Hostile(nodes, strange))
    assert failed
    assert (failed[0], VICTIM) not in made
