"""The steps of a run are numbered within rounds, and each asks all."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hansa.core import codec
from hansa.core.charter import Lateness, Party
from hansa.core.errors import AbortedError, LinkError, MessageError, PartyError
from hansa.nodes.asking import Asking, as_map
from hansa.registry.node_store import NodeStore
from hansa.transport.seam import Refusal
from tests.nodes.node_world import Bytes, charter_of

NAMES = ["b", "a"]


def _asking(transport: Any, late: Lateness | None = None, store: NodeStore | None = None) -> Asking:
    roster = tuple(Party(name) for name in NAMES)
    charter = replace(charter_of("fedavg"), name="a run", roster=roster, lateness=late or Lateness())
    return Asking(charter, transport, store or NodeStore(Path(tempfile.mkdtemp()) / "node.db"))


class Noted:
    """A transport that notes what it carries, and answers what a test says."""

    def __init__(self, answers: Mapping[str, bytes | Refusal]) -> None:
        self.answers, self.carried = answers, list[tuple[str, dict[str, bytes], float]]()

    def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
        """Note a step."""
        self.carried.append((step, dict(questions), seconds))
        return {
            name: Bytes(one) if isinstance(one, bytes) else one for name, one in sorted(self.answers.items())
        }


def test_steps_count_within_a_round_and_begin_again_with_the_next() -> None:
    transport = Noted(dict.fromkeys(NAMES, codec.encode({})))
    asking = _asking(transport)
    asking.tell("join")
    asking.tell("start")
    asking.begin(3)
    asking.tell("training")
    assert [step for step, _, _ in transport.carried] == ["0.0.join", "0.1.start", "3.0.training"]
    assert {seconds for _, _, seconds in transport.carried} == {3600.0}


def test_answers_come_in_the_order_of_the_roster_however_they_arrive() -> None:
    transport = Noted({"a": b"1", "b": b"2"})
    asking = _asking(transport)
    assert list(asking.ask("x", {"b": b"to b", "a": b"to a"})) == [("b", b"2"), ("a", b"1")]
    assert transport.carried[0][1] == {"b": b"to b", "a": b"to a"}


def test_who_is_told_is_told_the_same_and_answers_with_a_map() -> None:
    transport = Noted({"a": codec.encode({"n": 1}), "b": codec.encode({})})
    assert _asking(transport).tell("join", keys=5) == {"a": {"n": 1}, "b": {}}
    assert transport.carried[0][1] == dict.fromkeys(NAMES, codec.encode({"keys": 5}))


def test_who_does_not_answer_ends_the_run_which_is_named() -> None:
    asking = _asking(Noted({"b": codec.encode({})}))
    asking.begin(2)
    with pytest.raises(AbortedError, match="within 3600 s there was no answer of a, in training of round 2"):
        asking.tell("training")


def test_a_refusal_is_told_in_one_line_that_ends() -> None:
    why = "we do not\n\x0b like it" + " at all" * 500
    with pytest.raises(PartyError, match=r"^b: refuses join: we do not like it at all") as fault:
        _asking(Noted({"b": Refusal(why), "a": b""})).tell("join")
    assert len(str(fault.value)) < 600
    said = Refusal("b: a person has to approve; run hansa party approve there.")
    with pytest.raises(PartyError) as fault:
        _asking(Noted({"b": said, "a": b""})).tell("amend")
    assert str(fault.value) == (
        "b: refuses amend: a person has to approve; run hansa party approve there; settle it with them."
    )


@pytest.mark.parametrize("body", [b"", b"\xff", codec.encode([]), codec.encode(1), codec.encode({}) + b"\0"])
def test_an_answer_that_is_no_map_names_its_party(body: bytes) -> None:
    with pytest.raises(MessageError, match=r"^a: its answer to join is none"):
        as_map(body, "a", "join")


def test_a_round_goes_on_without_who_is_late_and_after_a_restart_without_the_same() -> None:
    late, store = Lateness("go_on", 5.0, quorum=1), NodeStore(Path(tempfile.mkdtemp()) / "node.db")
    asking = _asking(Noted({"b": b"2"}), late, store)
    asking.begin(4)
    questions = {"b": b"?", "a": b"?"}
    assert list(asking.ask("training", questions, all_of_them=False)) == [("b", b"2")]
    asking.settle(["b"])
    again = Noted({"b": b"2", "a": b"1"})
    asking = _asking(again, late, store)
    asking.begin(4)
    assert list(asking.ask("training", questions, all_of_them=False)) == [("b", b"2")]
    assert again.carried[0][1:] == ({"b": b"?"}, 5.0)
    asking.begin(5)
    assert len(list(asking.ask("training", questions, all_of_them=False))) == 2


def test_a_step_that_needs_all_and_one_with_too_few_end_the_run() -> None:
    asking = _asking(Noted({"b": b"2"}), Lateness("go_on", 5.0, quorum=1))
    with pytest.raises(AbortedError, match="within 5 s there was no answer of a"):
        list(asking.ask("start", {"b": b"?", "a": b"?"}))
    asking = _asking(Noted({"b": b"2"}), Lateness("go_on", 5.0, quorum=2))
    with pytest.raises(AbortedError, match="no answer of a"):
        list(asking.ask("training", {"b": b"?", "a": b"?"}, all_of_them=False))


class Lost:
    """An answer that cannot be fetched."""

    size = 5

    def read(self) -> bytes:
        """Fail."""
        raise LinkError("it is gone", do="ask again", where="the store")


def test_an_answer_that_cannot_be_fetched_counts_as_late_where_rounds_go_on() -> None:
    questions = {"b": b"?", "a": b"?"}
    for late, falls in ((Lateness("go_on", 5.0, quorum=1), False), (Lateness(), True)):
        asking = _asking(Noted({"b": b"2", "a": Lost()}), late)  # type: ignore[dict-item]
        found = asking.ask("training", questions, all_of_them=False)
        assert next(found) == ("b", b"2")
        if falls:
            with pytest.raises(LinkError):
                list(found)
        else:
            assert list(found) == []
            asking.settle(["b"])


def test_too_few_sound_answers_end_the_run_and_are_not_counted() -> None:
    store, questions = NodeStore(Path(tempfile.mkdtemp()) / "node.db"), {"b": b"?", "a": b"?"}
    asking = _asking(Noted({"b": b"2", "a": b"1"}), Lateness("go_on", 5.0, quorum=2), store)
    list(asking.ask("training", questions, all_of_them=False))
    with pytest.raises(AbortedError, match="1 parties gave an answer, and training needs 2"):
        asking.settle(["b"])
    again = Noted({"b": b"2", "a": b"1"})
    asking = _asking(again, Lateness("go_on", 5.0, quorum=2), store)
    list(asking.ask("training", questions, all_of_them=False))
    assert set(again.carried[0][1]) == {"a", "b"}


@pytest.mark.parametrize("late", [Lateness(), Lateness("go_on", quorum=2)])
def test_a_round_goes_on_without_whom_the_operator_expelled_and_no_other_step_does(late: Lateness) -> None:
    asking = _asking(Noted({"b": b"1"}), late)
    asking.expelled = lambda: ["a"]
    asking.begin(1)
    asked = dict.fromkeys(NAMES, b"")
    assert list(asking.ask("training", asked, all_of_them=False)) == [("b", b"1")]
    asking.settle(["b"])
    with pytest.raises(AbortedError, match="cannot go on without a, no member under that key any more"):
        asking.ask("finish", asked)
    asking.expelled = lambda: ["b"]  # whose answer came, and counts
    with pytest.raises(AbortedError, match="no answer of a"):
        asking.ask("training", asked, all_of_them=False)
