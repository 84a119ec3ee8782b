"""What a party answers to each step of a run: it joins, begins, adds to sums, is judged, and takes its model.

Nothing is on the disk here but what was kept: what an answer leaves behind is returned with it, to be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.algorithms.contract import Algorithm
from hansa.core import arrays, codec
from hansa.core.charter import Charter
from hansa.core.errors import FolderError, RefusedError
from hansa.core.framing import frame, framed, laid, leaves
from hansa.core.messages import Ask, Terms
from hansa.core.methods import METHODS
from hansa.core.steps import Step
from hansa.models.parts import Partial
from hansa.models.rows import held
from hansa.nodes.changes import MEMBERSHIP
from hansa.nodes.judged_answers import KEPT, JudgedAnswers
from hansa.nodes.preparing import Preparing
from hansa.nodes.protected_answers import ProtectedAnswers
from hansa.nodes.questions import bytes_in, cells_in, is_later, map_of, no_question, numbers_in, text_in
from hansa.nodes.rehearsal import Exchange, rehearsed
from hansa.nodes.schedule import BESIDE, COMMIT, REVEAL
from hansa.nodes.seats import PartySeat
from hansa.nodes.stages import PARTY_STAGES, split
from hansa.protection.enrolment import COORDINATOR, Credential
from hansa.protection.membership import Membership, read_membership
from hansa.registry.node_store import NodeStore
from hansa.runtime.party import Member
from hansa.runtime.sums import ROWS, Sums, Term
from hansa.transport.memory import ask_of

_LOCAL = "local"  # the name of what its algorithm remembers
_AMEND = "amend"  # the name of a change of members that not all have signed yet
_REKEY = "rekey"  # and of this party's last new key
_BEFORE = ("join", "meet", "scale", "turn", "start")
"""Steps that tell the party what it goes on from: a node that starts again takes them from its store."""


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


class PartyAnswers:
    """One party's side of all steps."""

    def __init__(
        self, charter: Charter, preparing: Preparing, store: NodeStore, ways: Ways, seat: PartySeat
    ) -> None:
        """Go on from what the store has. Raises FolderError where that cannot be read."""
        self._charter, self._preparing, self._store, self._ways = charter, preparing, store, ways
        self._seat, self._stages = seat, PARTY_STAGES[charter.secrecy]
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

    @property
    def begins(self) -> str:
        """Return the step about members that a party waits for which has not begun; empty: it has."""
        if self._ready is not None:
            return ""
        if self._seat.signed is None:
            return "join"
        if not self._seat.met:
            return "meet"
        return "start" if self._preparing.scaled else "scale"

    def way_back(self) -> Callable[[], None]:
        """Return what takes the party back to where it stands now: what did not leave was not computed."""
        ready, standing, protected = self._ready, self._seat.standing, self._protected
        local = ready and ready.member.local

        def go_back() -> None:
            if ready is not None and local is not None:
                ready.member.local = local
            self._protected = protected
            if protected is not None:
                protected.go_back()
            self._seat.go_back(standing)

        return go_back

    def made(self, step: Step, question: bytes) -> tuple[bytes, dict[str, bytes]]:
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
