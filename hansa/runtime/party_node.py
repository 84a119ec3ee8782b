"""A party of a run whose coordinator is elsewhere: what is asked is answered once, kept, and given again.

An answer is on the disk, together with what the party remembers after it, before it leaves; asked the same
again, the party gives the same bytes and computes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.algorithms.contract import Algorithm
from hansa.core import arrays, codec
from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest
from hansa.core.errors import FolderError, HansaError, MessageError, PartyError, RefusedError
from hansa.core.framing import frame, framed, laid, leaves
from hansa.core.messages import Ask, Terms
from hansa.core.methods import METHODS
from hansa.core.steps import Step, step_of
from hansa.models.parts import Partial
from hansa.models.rows import held
from hansa.protection.enrolment import COORDINATOR, Credential
from hansa.protection.membership import Membership, read_membership
from hansa.registry.node_store import NodeStore
from hansa.runtime.judged_answers import KEPT, JudgedAnswers
from hansa.runtime.party import Member
from hansa.runtime.preparing import Preparing
from hansa.runtime.protected_answers import ProtectedAnswers
from hansa.runtime.questions import bytes_in, cells_in, is_later, map_of, no_question, numbers_in, text_in
from hansa.runtime.rehearsal import Exchange, rehearsed
from hansa.runtime.schedule import BESIDE, COMMIT, REVEAL, schedule_of
from hansa.runtime.seats import PartySeat
from hansa.runtime.stages import PARTY_STAGES, split
from hansa.runtime.sums import ROWS, Sums, Term
from hansa.transport.memory import ask_of

_LOCAL = "local"  # the name of what its algorithm remembers
_FAULT = b""  # kept as the answer to a step that failed: no answer is empty
_AMEND = "amend"  # the name of a change of members that not all have signed yet
_REKEY = "rekey"  # and of this party's last new key
MEMBERSHIP = "membership"
"""The name of the list of members that all have signed, in a party's store."""

_SEALED = frozenset(chain(*PARTY_STAGES.values())) - {"keys", "share"}
"""Stages whose question is sealed anew each time that it is asked, so that its bytes differ."""

_BEFORE = ("join", "meet", "scale", "turn", "start")
"""Steps that tell the party what it goes on from: a node that starts again takes them from its store."""

_BEGUN = ("scale", "start")  # those which a newcomer may be asked again, and always the same
_TRIED = "tried "  # before a kind: the name of what it was asked where it failed


def _no_new_key(invitation: str) -> Credential:
    del invitation
    raise RefusedError("it knows a new key, and this party made none", do="ask why", where=COORDINATOR)


@dataclass(frozen=True, slots=True)
class Ways:
    """What a party's node does beside answering."""

    leave: Callable[[Step, bytes], Mapping[str, bytes]]  # every answer's gate; returns what to keep with it
    finish: Callable[[Algorithm, Any], None]  # takes the party's last network
    expect: Callable[[Mapping[str, Exchange]], None]  # told what the party's messages will be like
    judged: Callable[[Mapping[str, Any]], None]  # takes what was found of the party
    renewed: Callable[[str], Credential] = _no_new_key  # returns its new keys that an invitation is for


@dataclass(slots=True)
class _Ready:
    """A party that has begun."""

    member: Member
    due: Mapping[str, Exchange]


class PartyNode:
    """One party of one run."""

    def __init__(
        self, charter: Charter, preparing: Preparing, store: NodeStore, ways: Ways, seat: PartySeat
    ) -> None:
        """Take a party's records; store: where what it remembers of this run is kept.

        Raises FolderError where the store cannot be read, or is another's.
        """
        self._charter, self._preparing, self._store, self._ways = charter, preparing, store, ways
        self._seat, self._stages = seat, PARTY_STAGES[charter.secrecy]
        self._schedule = schedule_of(charter, preparing.keys)
        store.claim(f"{preparing.name} in {charter_digest(charter)}")
        self.over = self._schedule.ends(*store.last())  # whether the coordinator has ended the run
        self._sums = Sums(charter, charter.algorithm.name, charter.parties)
        self._protected: ProtectedAnswers | None = None
        self._judged = JudgedAnswers(charter, preparing, store, seat.source, ways.judged)
        self._ready: _Ready | None = None
        self._again()
        local = store.state(_LOCAL)
        if local is not None and self._ready is not None:
            self._remember(self._ready.member, local)

    def _again(self) -> None:
        """Take again what the party went on from before it was started anew."""
        told = {kind: self._store.state(kind) for kind in (*_BEFORE, _AMEND, _REKEY, MEMBERSHIP)}
        if signed := told[MEMBERSHIP]:
            self._seat.take_up(read_membership(signed, COORDINATOR))
        for kind in _BEFORE[1:] if signed else _BEFORE:
            if (known := told[kind]) is not None:
                self._go_on(kind, known, later=is_later(known) if kind == "join" else False)
        if amended := told[_AMEND]:
            self._seat.amend(amended, again=True)
        if (rekeyed := told[_REKEY]) and self.renewal is None:
            self._rekeyed(rekeyed)

    @property
    def membership(self) -> Membership | None:
        """Return the list of members that counts; None: not all have signed one."""
        return self._seat.signed if self._seat.met else None

    @property
    def renewal(self) -> str | None:
        """Return the invitation under whose key the party goes on; None: under that of the one before."""
        kept, listed = self._store.state(_REKEY), self.membership
        if not kept or listed is None:
            return None
        shown = read_membership(bytes_in(map_of(kept), "membership"), COORDINATOR)
        return text_in(map_of(kept), "invitation") if shown.number <= listed.number else None

    def answer(self, text: str, question: bytes) -> bytes:
        """Return the answer to a step's question: the one that was given before, if one was.

        Raises RefusedError for what this party does not do, and MessageError for what is no question.
        """
        step, digest = step_of(text), hashlib.sha256(question).digest()
        if not question and step.kind == "training" and self._charter.lateness.rule == "stale":
            return self._late(step)
        if (known := self._given(step, digest)) is not None:
            return known
        before = self._ready and self._ready.member.local
        standing, protected = self._seat.standing, self._protected
        try:
            answer, states = self._made(step, question)
            left = self._ways.leave(step, answer)
            self._store.keep({**states, **left}, step, digest, answer)
        except HansaError as fault:  # what does not leave was not computed
            if self._ready is not None and before is not None:
                self._ready.member.local = before
            self._protected = protected
            if protected is not None:
                protected.go_back()
            self._seat.go_back(standing)
            self._note_fault(step, digest, fault)
            raise
        self.over = self.over or step.kind == "bye"
        return answer

    def _given(self, step: Step, digest: bytes) -> bytes | None:
        """Return the answer that was given to a step, or None where the step may be answered now."""
        known = self._store.answer(step)
        if known is not None:
            if known[1] == _FAULT:
                raise self._cannot(step)
            if known[0] != digest and split(step.kind)[1] not in _SEALED:  # these are sealed anew
                raise self._refused(f"it asks another thing than before, in {step.words}")
            return known[1]
        if (step.round, step.number) <= self._store.last():
            raise self._refused(f"it asks for {step.words}, which is over")
        if not self._schedule.allows(step, self._store.last(), self._begins):
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

    @property
    def _begins(self) -> str:
        """Return the step about members that a party waits for which has not begun; empty: it has."""
        if self._ready is not None:
            return ""
        if self._seat.signed is None:
            return "join"
        if not self._seat.met:
            return "meet"
        return "start" if self._preparing.scaled else "scale"

    @property
    def finished(self) -> bool:
        """Return whether the party has its model."""
        return self._store.last() >= (self._charter.rounds + 1, 0)

    def _note_fault(self, step: Step, digest: bytes, fault: HansaError) -> None:
        """Keep that a step failed for what the party's records are: asked otherwise, it is not tried again.

        What a coordinator could learn from many tries, each with another question, it does not learn.
        """
        if not isinstance(fault, RefusedError | MessageError | FolderError):
            tried = {_TRIED + step.kind: digest} if step.kind in _BEGUN else {}
            self._store.keep(tried, step, digest, _FAULT)

    def _cannot(self, step: Step) -> PartyError:
        return PartyError(
            f"its own records kept it from {step.words}", do="see this node's log", where=self._preparing.name
        )

    # --- what each step asks ---------------------------------------------------------------------------

    def _made(self, step: Step, question: bytes) -> tuple[bytes, dict[str, bytes]]:
        """Return an answer, and what is to be kept together with it."""
        if step.kind in _BEFORE:
            told, states = self._go_on(step.kind, question, later=step.round > 0), {step.kind: question}
            if step.kind == "meet" and self._seat.signed is not None:
                states |= {MEMBERSHIP: codec.encode(self._seat.signed.value)}
                states |= {} if self._seat.standing.next else {_AMEND: b""}
            return codec.encode(told), states
        if step.kind == _AMEND:
            amended = bytes_in(map_of(question), "amendment")
            return codec.encode(self._seat.amend(amended)), {_AMEND: amended, _REKEY: b""}
        if step.kind == _REKEY:
            return codec.encode(self._rekeyed(question)), {_REKEY: question, _AMEND: b""}
        if step.kind == "finish":
            return self._finished(question), {}
        if step.kind == "bye":
            map_of(question)
            return codec.encode({}), {}
        if step.kind in BESIDE:
            return self._judging(step, question)
        return self._summed(step, question) if self._stages else self._in_clear(step, question)

    def _in_clear(self, step: Step, question: bytes) -> tuple[bytes, dict[str, bytes]]:
        """Return the party's numbers as they are."""
        if step.kind in ROWS:
            return codec.encode({"sum": self._statistic(step.kind, question)}), {}
        kind, _, stage = step.kind.partition("/")
        if stage == REVEAL:
            map_of(question)
            return self._judged.reveal(), {}
        terms, local = self._trained(kind, question)
        if stage != COMMIT:
            return frame(terms), local
        told, states = self._judged.commit(self._ask(kind, question), question, terms)
        return codec.encode(told), local | states

    def _summed(self, step: Step, question: bytes) -> tuple[bytes, dict[str, bytes]]:
        """Return the message of a stage of a protected sum."""
        (kind, stage), protected = split(step.kind), self._protected
        if protected is None or stage not in self._stages:
            raise self._refused(f"it asks for {step.words}, and the charter says {self._charter.secrecy}")
        if stage != self._stages[0]:
            answer = protected.went_on(step, kind, stage, question)
            return answer, protected.states()
        told, local = map_of(question), dict[str, bytes]()
        asked = bytes_in(told, "of")
        if kind.removeprefix("support of ") in ROWS:
            row, why = self._statistic(kind, asked), self._sums.of_kind(kind)
            term = Term(row, len(row))
        else:
            terms, local = self._trained(kind, asked)
            why = self._sums.of_ask(self._ask(kind, asked))
            term = self._sums.term_of(why, terms, "this party")
        beside = bytes_in(told, "beside") if "beside" in told else b""
        answer = protected.began(step, stage, why, term, beside)
        return answer, local | protected.states()

    def _statistic(self, kind: str, question: bytes) -> NDArray[np.float64]:
        """Return (rows x numbers,) what the party adds to a sum of statistics, or which cells it has."""
        plain = kind.removeprefix("support of ")
        own = self._preparing.readings() if plain == "statistics" else self._preparing.products()
        if plain != kind:
            has = self._preparing.has_readings() if plain == "statistics" else own[0] > 0
            return has.reshape(-1).astype(np.float64)
        enough = map_of(question).get("enough")
        rows = own.reshape(len(own), -1)  # (rows, numbers)
        if self._stages:
            rows = rows * cells_in(enough, rows.shape[1])
        return rows.reshape(-1)

    def _rekeyed(self, question: bytes) -> dict[str, bytes]:
        """Return the word of this party's new key for the list that has it."""
        told = map_of(question)
        renewed = self._ways.renewed(text_in(told, "invitation"))
        return self._seat.rekey(bytes_in(told, "membership"), renewed)

    def _go_on(self, kind: str, question: bytes, later: bool) -> dict[str, Any]:
        """Take what the party goes on from; return what it answers. later: it comes into a run at work."""
        told = map_of(question)
        if kind not in ("join", "meet") and not self._seat.met:
            raise self._refused("it goes on before all have signed the list of members")
        if kind == "join":
            return self._seat.join(bytes_in(told, "membership"), later=later) | {
                "keys": self._preparing.keys,
                "readings": self._preparing.readings()[0].size,
            }
        if kind == "meet":
            known = self._seat.meet(told)
            self._protected = None if known is None else ProtectedAnswers(self._sums, known, self._store)
        elif kind == "scale":
            if self._ready is None:
                self._scale(told)
            return {"pairs": self._preparing.pairs}
        elif kind == "turn":
            self._preparing.turn(numbers_in(told, "totals", ROWS["products"] * self._preparing.pairs))
        else:
            self._ready = self._ready or self._begun(told)
            told = {"shape": self._preparing.shape.plain, "rows": self._rows(self._ready.member)}
            return told | ({"keeps": self._judged.keeps} if self._charter.validation.share else {})
        return {}

    def _scale(self, told: Mapping[str, Any]) -> None:
        cells, enough = self._preparing.readings()[0].size, told.get("enough")
        if (enough is None) == bool(self._stages):
            raise no_question()
        if enough is not None:
            enough = cells_in(enough, cells)
        self._preparing.scale(numbers_in(told, "totals", ROWS["statistics"] * cells), enough)

    def _begun(self, told: Mapping[str, Any]) -> _Ready:
        keys = told.get("keys")
        if type(keys) is not int or keys not in self._preparing.possible_keys:
            raise self._refused("it names another number of keys than the charter")
        member = self._preparing.member(keys)
        member.join()
        sizes = [self._rows(member)] * self._charter.parties
        inputs = self._preparing.shape.inputs
        due, _ = rehearsed(member.algorithm, _plain(member.network), member.network, inputs, sizes)
        for exchange in due.values():
            member.rehearse(ask_of(exchange.ask, 0))
        self._ways.expect(due)
        return _Ready(member, due)

    def _rows(self, member: Member) -> int:
        """Return how many rows the party has, where its algorithm shows them one by one; else 1."""
        in_clear = METHODS[self._charter.algorithm.name].in_clear
        return int(held(member.rows).y.shape[0]) if in_clear else 1

    def _trained(self, kind: str, question: bytes) -> tuple[Terms, dict[str, bytes]]:
        """Return the party's terms, and what it remembers after them."""
        ask = self._ask(kind, question)
        assert self._ready is not None
        terms = self._ready.member.answer(ask, judged=self._charter.judges)
        return terms, {_LOCAL: laid(KEPT, self._ready.member.local)}

    def _ask(self, kind: str, question: bytes) -> Ask:
        opening = "" if kind == "training" else kind
        if self._ready is None or opening not in self._ready.due:
            raise self._refused(f"it asks for {kind}, which the charter does not name")
        return framed(ask_of(self._ready.due[opening].ask, 0), question, COORDINATOR)

    def _judging(self, step: Step, question: bytes) -> tuple[bytes, dict[str, bytes]]:
        """Return what those who judge are told, beside updates."""
        if self._ready is None:
            raise self._refused(f"it asks for {step.words} before the party has begun")
        member = self._ready.member
        told, states, back = self._judged.beside(step.kind, map_of(question), member, self._ask)
        if back is not None:
            self._remember(member, back)
            states |= {_LOCAL: back}
        return codec.encode(told), states

    def _finished(self, question: bytes) -> bytes:
        if self._ready is None:
            raise self._refused("it ends a run that has not begun")
        algorithm = self._ready.member.algorithm
        ask = self._ask(next(iter(algorithm.preludes), "training"), question)
        self._ways.finish(algorithm, algorithm.network(self._ready.member.local, ask))
        return codec.encode({})

    def _remember(self, member: Member, local: bytes) -> None:
        try:
            member.local = arrays.restore(member.local, leaves(KEPT, member.local, local))
        except ValueError as fault:
            raise FolderError(
                "what this party remembers of the run cannot be read",
                do="put the folder back as it was; without it the party cannot go on in this run",
                where="its store",
            ) from fault

    def _refused(self, what: str) -> RefusedError:
        return RefusedError(what, do="ask the coordinator's operator why", where=COORDINATOR)


def _plain(network: Any) -> Any:
    """Return the network as the coordinator has it: over all inputs."""
    return network.network if isinstance(network, Partial) else network
