"""The steps of a run are numbered within rounds, and each asks all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hansa.core import codec
from hansa.core.errors import AbortedError, MessageError, PartyError
from hansa.runtime.asking import PATIENCE_S, Asking, as_map
from hansa.transport.seam import Refusal
from tests.runtime.node_world import Bytes

NAMES = ["b", "a"]


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
    asking = Asking(NAMES, transport, "a run")
    asking.tell("join")
    asking.tell("start")
    asking.begin(3)
    asking.tell("training")
    assert [step for step, _, _ in transport.carried] == ["0.0.join", "0.1.start", "3.0.training"]
    assert {seconds for _, _, seconds in transport.carried} == {PATIENCE_S}


def test_answers_come_in_the_order_of_the_roster_however_they_arrive() -> None:
    transport = Noted({"a": b"1", "b": b"2"})
    asking = Asking(NAMES, transport, "a run")
    assert list(asking.ask("x", {"b": b"to b", "a": b"to a"})) == [("b", b"2"), ("a", b"1")]
    assert transport.carried[0][1] == {"b": b"to b", "a": b"to a"}


def test_who_is_told_is_told_the_same_and_answers_with_a_map() -> None:
    transport = Noted({"a": codec.encode({"n": 1}), "b": codec.encode({})})
    assert Asking(NAMES, transport, "a run").tell("join", keys=5) == {"a": {"n": 1}, "b": {}}
    assert transport.carried[0][1] == dict.fromkeys(NAMES, codec.encode({"keys": 5}))


def test_who_does_not_answer_ends_the_run_which_is_named() -> None:
    asking = Asking(NAMES, Noted({"b": codec.encode({})}), "a run")
    asking.begin(2)
    with pytest.raises(AbortedError, match=r"^a run: a did not answer within 3600 s, in training of round 2"):
        asking.tell("training")


def test_a_refusal_is_told_in_one_line_that_ends() -> None:
    why = "we do not\n\x0b like it" + " at all" * 500
    with pytest.raises(PartyError, match=r"^b: refuses join: we do not like it at all") as fault:
        Asking(NAMES, Noted({"b": Refusal(why), "a": b""}), "a run").tell("join")
    assert len(str(fault.value)) < 600


@pytest.mark.parametrize("body", [b"", b"\xff", codec.encode([]), codec.encode(1), codec.encode({}) + b"\0"])
def test_an_answer_that_is_no_map_names_its_party(body: bytes) -> None:
    with pytest.raises(MessageError, match=r"^a: its answer to join is none"):
        as_map(body, "a", "join")
