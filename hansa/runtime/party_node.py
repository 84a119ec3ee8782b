"""A party of a run whose coordinator is elsewhere: what is asked is answered once, kept, and given again.

An answer is on the disk, together with what the party remembers after it, before it leaves; asked the same
again, the party gives the same bytes and computes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core import arrays, codec
from hansa.core.charter import Charter
from hansa.core.errors import FolderError, HansaError, MessageError, RefusedError
from hansa.core.framing import frame, framed
from hansa.core.messages import Ask
from hansa.core.methods import METHODS
from hansa.core.steps import Step, step_of
from hansa.models.network import Shape
from hansa.models.parts import Partial
from hansa.models.rows import held
from hansa.registry.node_store import NodeStore
from hansa.runtime.party import Member
from hansa.runtime.preparing import Preparing
from hansa.runtime.rehearsal import Exchange, rehearsed

_COORDINATOR = "coordinator"
_BEFORE = ("scale", "turn", "start")
"""Steps that tell the party what it goes on from: a node that starts again takes them from its store."""

Finish = Callable[[Any, Ask], Mapping[str, Any]]
"""Takes the network that the party predicts with after the last round, and returns what it says of it."""
Leave = Callable[[Step, bytes], None]
"""The gate that every answer leaves through; raises RefusedError for what may not."""


@dataclass(slots=True)
class _Ready:
    """A party that has begun."""

    member: Member
    due: Mapping[str, Exchange]


class PartyNode:
    """One party of one run."""

    def __init__(
        self, charter: Charter, preparing: Preparing, store: NodeStore, leave: Leave, finish: Finish
    ) -> None:
        """Take a party's records; store: where what it remembers of this run is kept.

        Raises FolderError where that cannot be read.
        """
        self._charter, self._preparing = charter, preparing
        self._store, self._leave, self._finish = store, leave, finish
        self._ready: _Ready | None = None
        for kind in _BEFORE:
            told = store.state(kind)
            if told is not None:
                self._go_on(kind, told)
        local = store.state("local")
        if local is not None and self._ready is not None:
            self._remember(self._ready.member, local)

    def answer(self, text: str, question: bytes) -> bytes:
        """Return the answer to a step's question: the one that was given before, if one was.

        Raises RefusedError for what this party does not do, and MessageError for what is no question.
        """
        step, digest = step_of(text), hashlib.sha256(question).digest()
        known = self._store.answer(step)
        if known is not None:
            if known[0] != digest:
                raise self._refused(f"it asks another thing than before, in {step.words}")
            return known[1]
        if (step.round, step.number) <= self._store.last():
            raise self._refused(f"it asks for {step.words}, which is over")
        before = self._ready and self._ready.member.local
        try:
            answer, states = self._made(step, question)
            self._leave(step, answer)
            self._store.keep(states, step, digest, answer)
        except HansaError:  # what does not leave was not computed
            if self._ready is not None and before is not None:
                self._ready.member.local = before
            raise
        return answer

    # --- what each step asks ---------------------------------------------------------------------------

    def _made(self, step: Step, question: bytes) -> tuple[bytes, dict[str, bytes]]:
        """Return an answer, and what is to be kept together with it."""
        if step.kind == "join":
            return codec.encode({"keys": self._preparing.keys}), {}
        if step.kind == "readings":
            return codec.encode({"sum": self._preparing.readings()}), {}
        if step.kind == "products":
            return codec.encode({"sum": self._preparing.products()}), {}
        if step.kind in _BEFORE:
            self._go_on(step.kind, question)
            return codec.encode(self._told(step.kind)), {step.kind: question}
        if step.kind == "finish":
            return self._finished(question), {}
        return self._trained(step, question)

    def _go_on(self, kind: str, question: bytes) -> None:
        told = _map(question)
        if kind == "scale":
            self._preparing.scale(_numbers(told, "totals"), told.get("enough"))
        elif kind == "turn":
            self._preparing.turn(_numbers(told, "totals"))
        else:
            self._ready = self._begun(told)

    def _begun(self, told: Mapping[str, Any]) -> _Ready:
        keys = told.get("keys")
        if type(keys) is not int or not 0 <= keys < 1 << 31:
            raise self._refused("it names no number of keys")
        member = self._preparing.member(keys)
        member.join()
        sizes = [self._rows(member)] * self._charter.parties
        inputs = Shape(*self._preparing.inputs.shape).inputs
        due, _ = rehearsed(member.algorithm, _plain(member.network), member.network, inputs, sizes)
        return _Ready(member, due)

    def _told(self, kind: str) -> dict[str, Any]:
        """Return what the party answers to a step that tells it what to go on from."""
        if kind != "start":
            return {}
        assert self._ready is not None
        return {"shape": self._preparing.inputs.shape, "rows": self._rows(self._ready.member)}

    def _rows(self, member: Member) -> int:
        """Return how many rows the party has, where its algorithm shows them one by one; else 1."""
        in_clear = METHODS[self._charter.algorithm.name].in_clear
        return int(held(member.rows).y.shape[0]) if in_clear else 1

    def _trained(self, step: Step, question: bytes) -> tuple[bytes, dict[str, bytes]]:
        ready = self._ready
        opening = "" if step.kind == "training" else step.kind
        if ready is None or opening not in ready.due:
            raise self._refused(f"it asks for {step.words}, which the charter does not name")
        ask = framed(ready.due[opening].ask, question, _COORDINATOR)
        answer = frame(ready.member.answer(ask))
        return answer, {"local": codec.encode(arrays.flatten(ready.member.local))}

    def _finished(self, question: bytes) -> bytes:
        if self._ready is None:
            raise self._refused("it ends a run that has not begun")
        opening = next(iter(self._ready.member.algorithm.preludes), "")
        ask = framed(self._ready.due[opening].ask, question, _COORDINATOR)
        network = self._ready.member.algorithm.network(self._ready.member.local, ask)
        return codec.encode(dict(self._finish(network, ask)))

    def _remember(self, member: Member, local: bytes) -> None:
        try:
            member.local = arrays.restore(member.local, codec.decode(local))
        except ValueError as fault:
            raise FolderError(
                "what this party remembers of the run cannot be read",
                do="put the folder back as it was; without it the party cannot go on in this run",
                where="its store",
            ) from fault

    def _refused(self, what: str) -> RefusedError:
        return RefusedError(what, do="ask the coordinator's operator why", where=_COORDINATOR)


def _plain(network: Any) -> Any:
    """Return the network as the coordinator has it: over all inputs."""
    return network.network if isinstance(network, Partial) else network


def _map(question: bytes) -> dict[str, Any]:
    try:
        value = codec.decode(question)
    except ValueError as fault:
        raise _no_question() from fault
    if not isinstance(value, dict):
        raise _no_question()
    return value


def _numbers(told: Mapping[str, Any], name: str) -> NDArray[np.float64]:
    value = told.get(name)
    if not isinstance(value, np.ndarray) or value.dtype != np.float64 or not np.isfinite(value).all():
        raise _no_question()
    return value


def _no_question() -> MessageError:
    return MessageError("its question is none", do="drop the message", where=_COORDINATOR)
