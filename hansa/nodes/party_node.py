"""A party of a run whose coordinator is elsewhere: what is asked is answered once, kept, and given again.

An answer is on the disk, together with what the party remembers after it, before it leaves; asked the same
again, the party gives the same bytes and computes nothing.
"""

from __future__ import annotations

import hashlib
from itertools import chain

from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest
from hansa.core.errors import FolderError, HansaError, MessageError, PartyError, RefusedError
from hansa.core.steps import Step, step_of
from hansa.nodes.party_answers import PartyAnswers, Ways
from hansa.nodes.preparing import Preparing
from hansa.nodes.schedule import schedule_of
from hansa.nodes.seats import PartySeat
from hansa.nodes.stages import PARTY_STAGES, split
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.membership import Membership
from hansa.registry.node_store import NodeStore

_FAULT = b""  # kept as the answer to a step that failed: no answer is empty
_SEALED = frozenset(chain(*PARTY_STAGES.values())) - {"keys", "share"}
"""Stages whose question is sealed anew each time that it is asked, so that its bytes differ."""

_BEGUN = ("scale", "start")  # what a newcomer may be asked again, and always the same
_TRIED = "tried "  # before a kind: the name of what it was asked where it failed


class PartyNode:
    """One party of one run."""

    def __init__(
        self, charter: Charter, preparing: Preparing, store: NodeStore, ways: Ways, seat: PartySeat
    ) -> None:
        """Take a party's records; store: where what it remembers of this run is kept.

        Raises FolderError where the store cannot be read, or is another's.
        """
        self._charter, self._name, self._store, self._leave = charter, preparing.name, store, ways.leave
        self._schedule = schedule_of(charter, preparing.keys)
        store.claim(f"{preparing.name} in {charter_digest(charter)}")
        self.over = self._schedule.ends(*store.last())  # whether the coordinator has ended the run
        self._failed: set[str] = set()  # steps that failed in this life
        self._answers = PartyAnswers(charter, preparing, store, ways, seat)

    @property
    def membership(self) -> Membership | None:
        """Return the list of members that counts; None: not all have signed one."""
        return self._answers.membership

    @property
    def renewal(self) -> str | None:
        """Return the invitation under whose key the party goes on; None: under that of the one before."""
        return self._answers.renewal

    @property
    def finished(self) -> bool:
        """Return whether the party has its model."""
        return self._store.last() >= (self._charter.rounds + 1, 0)

    def answer(self, text: str, question: bytes) -> bytes:
        """Return the answer to a step's question: the one that was given before, if one was.

        Raises RefusedError for what this party does not do, and MessageError for what is no question.
        """
        step, digest = step_of(text), hashlib.sha256(question).digest()
        if not question and step.kind == "training" and self._charter.lateness.rule == "stale":
            return self._late(step)
        if (known := self._given(step, digest)) is not None:
            return known
        go_back = self._answers.way_back()
        try:
            answer, states = self._answers.made(step, question)
            left = self._leave(step, answer)
            own = step.number < len(self._schedule.kinds(step.round))  # else it is about members
            self._store.keep({**states, **left}, step, digest, answer, goes_on=own)
        except HansaError as fault:  # what does not leave was not computed
            go_back()
            self._note_fault(step, digest, fault)
            raise
        self.over = self.over or step.kind == "bye"
        return answer

    def _given(self, step: Step, digest: bytes) -> bytes | None:
        """Return the answer that was given to a step, or None where the step may be answered now."""
        known = self._store.answer(step)
        if step.text in self._failed:  # whether the disk has it or not
            raise self._cannot(step)
        if known is not None:
            if known[1] == _FAULT:
                raise self._cannot(step)
            if known[0] != digest and split(step.kind)[1] not in _SEALED:  # these are sealed anew
                raise self._refused(f"it asks another thing than before, in {step.words}")
            return known[1]
        if (step.round, step.number) <= self._store.last():
            raise self._refused(f"it asks for {step.words}, which is over")
        if not self._schedule.allows(step, self._store.last(), self._answers.begins):
            raise self._refused(f"it asks for {step.words} out of turn, or the charter does not name it")
        if self._tried(step.kind) not in (b"", digest):
            raise self._refused(f"it asks another thing than before, in {step.words}")
        return None

    def _tried(self, kind: str) -> bytes:
        """Return the digest of what a newcomer was asked in a step that begins, as it may be asked again."""
        if kind not in _BEGUN:
            return b""
        known = self._store.state(kind)
        return self._store.state(_TRIED + kind) or b"" if known is None else hashlib.sha256(known).digest()

    def _late(self, step: Step) -> bytes:
        """Return the answer that the party has to an earlier question; empty: none, it was not computed."""
        known = self._store.answer(step)
        if known is None:
            return b""
        if known[1] == _FAULT:
            raise self._cannot(step)
        return known[1]

    def _note_fault(self, step: Step, digest: bytes, fault: HansaError) -> None:
        """Keep that a step failed for what the party's records are: asked otherwise, it is not tried again.

        What a coordinator could learn from many tries, each with another question, it does not learn.
        """
        if not isinstance(fault, RefusedError | MessageError | FolderError):
            tried = {_TRIED + step.kind: digest} if step.kind in _BEGUN else {}
            self._failed.add(step.text)
            self._store.keep(tried, step, digest, _FAULT)

    def _cannot(self, step: Step) -> PartyError:
        return PartyError(
            f"its own records kept it from {step.words}", do="see this node's log", where=self._name
        )

    def _refused(self, what: str) -> RefusedError:
        return RefusedError(what, do="ask the coordinator's operator why", where=COORDINATOR)
