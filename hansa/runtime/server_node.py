"""A server beside the coordinator, of shared or encrypted sums: it holds no records and sees no term.

As a party does it answers each step once: its answer is on the disk, with what follows from it, before it
leaves, and asked the same again it gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from hansa.core import codec
from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest
from hansa.core.errors import HansaError, MessageError, RefusedError
from hansa.core.steps import Step, step_of
from hansa.protection.enrolment import COORDINATOR
from hansa.registry.node_store import NodeStore
from hansa.runtime.learning import algorithm_of
from hansa.runtime.schedule import sums_products
from hansa.runtime.seats import PartySeat
from hansa.runtime.server_answers import Beginning, ServerAnswers
from hansa.runtime.stages import split
from hansa.runtime.sums import Sums

Leave = Callable[[Step, bytes], None]
"""The log of every answer, before it leaves; raises FolderError."""

_BEFORE = ("join", "meet")
_FIRST = ("present", "key")  # the first stage of a sum, by secrecy
_FAULT = b""  # kept as the answer to a step that failed: no answer is empty
_DONE = "done"  # the name of what says that the last sum is over
_LARGEST = 1 << 31  # of a number that a question may name


class ServerNode:
    """One server of one run."""

    def __init__(self, charter: Charter, store: NodeStore, seat: PartySeat, leave: Leave) -> None:
        """Take the server's place; store: where what it remembers of this run is kept.

        Raises FolderError where the store cannot be read, or is another's.
        """
        self._charter, self._store, self._seat, self._leave = charter, store, seat, leave
        store.claim(f"{seat.name} in {charter_digest(charter)}")
        self._sums = Sums(charter, charter.algorithm.name, charter.parties)
        self._before, self._within = _kinds(charter)
        self._answers: ServerAnswers | None = None
        for kind in _BEFORE:
            if (known := store.state(kind)) is not None:
                self._go_on(kind, _map(known))
        self.over = store.last() == (charter.rounds + 1, 0)  # whether the coordinator has ended the run

    @property
    def finished(self) -> bool:
        """Return whether the last round's sums are over."""
        return self.over or self._store.state(_DONE) is not None

    def answer(self, text: str, question: bytes) -> bytes:
        """Return the answer to a step's question: the one that was given before, if one was.

        Raises RefusedError for what this server does not do, and MessageError for what is no question.
        """
        step, digest = step_of(text), hashlib.sha256(question).digest()
        if (known := self._given(step, digest)) is not None:
            return known
        signed, met = self._seat.signed, self._seat.met
        try:
            answer, states = self._made(step, _map(question), question)
            self._leave(step, answer)
            self._store.keep(states, step, digest, answer)
        except HansaError:  # what does not leave was not made
            if self._answers is not None:
                if self._answers.failed:
                    self._store.keep(self._answers.states(), step, digest, _FAULT)
                self._answers.go_back()
            self._seat.go_back(signed, met)
            raise
        self.over = self.over or step.kind == "bye"
        return answer

    def _given(self, step: Step, digest: bytes) -> bytes | None:
        """Return the answer that was given to a step, or None where the step may be answered now."""
        known, last = self._store.answer(step), self._store.last()
        if known is not None:
            stage = split(step.kind)[1]
            if known[1] == _FAULT:
                raise _refused(f"{step.words} failed here before, and is not tried with anything else")
            if known[0] != digest and (not stage or stage in _FIRST):  # later ones are sealed anew
                raise _refused(f"it asks another thing than before, in {step.words}")
            return known[1]
        if (step.round, step.number) <= last:
            raise _refused(f"it asks for {step.words}, which is over")
        if not self._allows(step, last):
            raise _refused(f"it asks for {step.words} out of turn, or the charter does not name it")
        return None

    def _allows(self, step: Step, last: tuple[int, int]) -> bool:
        """Return whether a step may follow the last one: it is the next, of a kind that is due."""
        here = (step.round, step.number)
        if here[0] == 0 and here[1] < len(_BEFORE):
            return step.kind == _BEFORE[here[1]] and (here == (0, 0) or here == (0, last[1] + 1))
        if self._answers is None or here not in ((last[0], last[1] + 1), (last[0] + 1, 0)):
            return False
        if step.round > self._charter.rounds:
            return (step.kind, step.number) == ("bye", 0)
        return split(step.kind)[0] in (self._within if step.round else self._before)

    def _made(self, step: Step, told: Mapping[str, Any], question: bytes) -> tuple[bytes, dict[str, bytes]]:
        """Return an answer, and what is to be kept together with it."""
        if step.kind in _BEFORE:
            return codec.encode(self._go_on(step.kind, told)), {step.kind: question}
        if step.kind == "bye":
            return codec.encode({}), {}
        (kind, stage), sealed, answers = split(step.kind), _sealed(told), self._answers
        assert answers is not None
        if stage in _FIRST:
            answer = answers.began(step, stage, self._beginning(kind, told), sealed)
        else:
            answer = answers.went_on(step, kind, stage, sealed)
        states = answers.states()
        if step.round == self._charter.rounds and kind == "training" and answers.idle:
            states |= {_DONE: b""}
        return answer, states

    def _go_on(self, kind: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """Take what the server goes on from; return what it answers."""
        if kind == "join":
            shown = told.get("membership")
            if type(shown) is not bytes:
                raise _no_question()
            return dict(self._seat.join(shown, later=False))
        channels = self._seat.meet(told)
        assert channels is not None  # the charter's secrecy has servers
        self._answers = ServerAnswers(self._sums, channels, self._store)
        return {}

    def _beginning(self, kind: str, told: Mapping[str, Any]) -> Beginning:
        """Return what a sum is for, as the charter says of its kind."""
        numbers = [told.get(name) for name in ("number", "numbers", "round")]
        model = told.get("model")
        if not all(type(one) is int and 0 <= one < _LARGEST for one in numbers) or type(model) is not str:
            raise _no_question()
        number, size, round_ = (int(one or 0) for one in numbers)
        statistic = kind in self._before and not model
        why = self._sums.of_kind(kind) if statistic else self._sums.of_model(kind, round_, model)
        return Beginning(why, number, size)


def _kinds(charter: Charter) -> tuple[frozenset[str], frozenset[str]]:
    """Return what is summed before the first round, and in rounds."""
    statistics = ["statistics", *(["products"] if sums_products(charter) else [])]
    algorithm = algorithm_of(charter, charter.algorithm.name, 1, protected=True)
    before = (*statistics, *(f"support of {one}" for one in statistics), *algorithm.openings)
    return frozenset(before), frozenset((*algorithm.preludes, "training"))


def _map(question: bytes) -> dict[str, Any]:
    try:
        value = codec.decode(question)
    except ValueError as fault:
        raise _no_question() from fault
    if not isinstance(value, dict):
        raise _no_question()
    return value


def _sealed(told: Mapping[str, Any]) -> dict[str, bytes]:
    value = told.get("told")
    if not isinstance(value, dict) or not all(type(one) is bytes for one in value.values()):
        raise _no_question()
    return value


def _refused(what: str) -> RefusedError:
    return RefusedError(what, do="ask the coordinator's operator why", where=COORDINATOR)


def _no_question() -> MessageError:
    return MessageError("its question is none", do="drop the message", where=COORDINATOR)
