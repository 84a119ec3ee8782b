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
from hansa.core.errors import HansaError, RefusedError
from hansa.core.steps import Step, step_of
from hansa.nodes.questions import bytes_in, map_of, named_in, no_question
from hansa.nodes.schedule import sums_products
from hansa.nodes.seats import PartySeat
from hansa.nodes.server_answers import Beginning, ServerAnswers
from hansa.nodes.shared_servers import kept_secret
from hansa.nodes.stages import split
from hansa.protection.enrolment import COORDINATOR
from hansa.registry.node_store import NodeStore
from hansa.runtime.learning import algorithm_of
from hansa.runtime.sums import ROWS, Sums

Leave = Callable[[Step, bytes], Mapping[str, bytes]]
"""The log of every answer, before it leaves: returns what to keep with it; raises FolderError."""

_BEFORE = ("join", "meet")
_FIRST = ("present", "key")  # the first stage of a sum, by secrecy
_FAULT = b""  # kept as the answer to a step that failed: no answer is empty
_PLACE = "place"  # the name of what says how many sums of which round are over
_LARGEST = 1 << 31  # of a number that a question may name


class ServerNode:
    """One server of one run."""

    def __init__(self, charter: Charter, store: NodeStore, seat: PartySeat, leave: Leave) -> None:
        """Take the server's place; store: where what it remembers of this run is kept.

        Raises FolderError where the store cannot be read, or is another's.
        """
        self._charter, self._store, self._seat, self._leave = charter, store, seat, leave
        store.claim(f"{seat.name} in {charter_digest(charter)}")
        self._secret = kept_secret(store)
        self._sums = Sums(charter, charter.algorithm.name, charter.parties)
        self._before, self._each = _sums_of(charter)
        self._answers: ServerAnswers | None = None
        self._failed = ""  # the step that failed in this life
        for kind in _BEFORE:
            if (known := store.state(kind)) is not None:
                self._go_on(kind, map_of(known))
        self.over = store.last() == (charter.rounds + 1, 0)  # whether the coordinator has ended the run

    @property
    def finished(self) -> bool:
        """Return whether the last round's sums are over."""
        return self.over or self._place == (self._charter.rounds, len(self._each))

    @property
    def _place(self) -> tuple[int, int]:
        """Return the round at work, and how many of its sums are over."""
        kept = self._store.state(_PLACE)
        round_, over = (0, 0) if kept is None else codec.decode(kept)
        return round_, over

    def _due(self, round_: int) -> tuple[str, ...]:
        """Return what is summed in a round, in order; in round 0, before the first."""
        return self._each if round_ else self._before

    def answer(self, text: str, question: bytes) -> bytes:
        """Return the answer to a step's question: the one that was given before, if one was.

        Raises RefusedError for what this server does not do, and MessageError for what is no question.
        """
        step, digest = step_of(text), hashlib.sha256(question).digest()
        if (known := self._given(step, digest)) is not None:
            return known
        standing = self._seat.standing
        try:
            answer, states = self._made(step, map_of(question), question)
            left = self._leave(step, answer)
            self._store.keep({**states, **left}, step, digest, answer)
        except HansaError:  # what does not leave was not made
            try:
                if self._answers is not None and self._answers.failed:
                    self._failed = step.words
                    over = {_PLACE: codec.encode([self._charter.rounds + 1, len(self._each)])}
                    self._store.keep(self._answers.states() | over, step, digest, _FAULT)
            finally:
                if self._answers is not None:
                    self._answers.go_back()
                self._seat.go_back(standing)
            raise
        self.over = self.over or step.kind == "bye"
        return answer

    def _given(self, step: Step, digest: bytes) -> bytes | None:
        """Return the answer that was given to a step, or None where the step may be answered now."""
        known, last = self._store.answer(step), self._store.last()
        if self._failed:  # whether the disk has it or not
            raise _refused(f"{self._failed} failed here before, and is not tried with anything else")
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
        if self._answers is None:
            return False
        (kind, stage), (round_, over) = split(step.kind), self._place
        due, begins = self._due(round_), stage in _FIRST
        if here == (round_ + 1, 0) and over == len(due):
            if round_ == self._charter.rounds:
                return step.kind == "bye"
            return begins and kind == self._each[0]
        return here == (last[0], last[1] + 1) and due[over:][:1] == (kind,) and begins == self._answers.idle

    def _made(self, step: Step, told: Mapping[str, Any], question: bytes) -> tuple[bytes, dict[str, bytes]]:
        """Return an answer, and what is to be kept together with it."""
        if step.kind in _BEFORE:
            return codec.encode(self._go_on(step.kind, told)), {step.kind: question}
        if step.kind == "bye":
            return codec.encode({}), {}
        (kind, stage), sealed, answers = split(step.kind), named_in(told, "told"), self._answers
        assert answers is not None
        if stage in _FIRST:
            answer = answers.began(step, stage, self._beginning(kind, told), sealed)
        else:
            answer = answers.went_on(step, kind, stage, sealed)
        round_, over = self._place
        now = [step.round, (over if step.round == round_ else 0) + answers.idle]
        return answer, answers.states() | {_PLACE: codec.encode(now)}

    def _go_on(self, kind: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """Take what the server goes on from; return what it answers."""
        if kind == "join":
            return dict(self._seat.join(bytes_in(told, "membership"), later=False))
        channels = self._seat.meet(told)
        assert channels is not None  # the charter's secrecy has servers
        self._answers = ServerAnswers(self._sums, channels, self._store, self._secret)
        return {}

    def _beginning(self, kind: str, told: Mapping[str, Any]) -> Beginning:
        """Return what a sum is for, as the charter says of its kind."""
        numbers = [told.get(name) for name in ("number", "numbers", "round")]
        model = told.get("model")
        if not all(type(one) is int and 0 <= one < _LARGEST for one in numbers) or type(model) is not str:
            raise no_question()
        number, size, round_ = (int(one or 0) for one in numbers)
        statistic = kind.removeprefix("support of ") in ROWS
        if statistic == bool(model):
            raise no_question()
        why = self._sums.of_kind(kind) if statistic else self._sums.of_model(kind, round_, model)
        return Beginning(why, number, size)


def _sums_of(charter: Charter) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is summed before the first round, and in each, in order."""
    statistics = ["statistics", *(["products"] if sums_products(charter) else [])]
    algorithm = algorithm_of(charter, charter.algorithm.name, 1, protected=True)
    before = [kind for one in statistics for kind in (f"support of {one}", one)]
    return (*before, *algorithm.openings), (*algorithm.preludes, "training")


def _refused(what: str) -> RefusedError:
    return RefusedError(what, do="ask the coordinator's operator why", where=COORDINATOR)
