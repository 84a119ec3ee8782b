"""A party's side of being judged: it commits to its update, shows it, votes, and values the others' parts.

Nothing is remembered here: what a later step needs is kept in the store, with the answer that leaves it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core import arrays, codec
from hansa.core.charter import Charter
from hansa.core.errors import FolderError, MessageError, PartyError, RefusedError
from hansa.core.framing import frame, laid
from hansa.core.messages import Ask, Terms
from hansa.crypto.signing import Source
from hansa.judging.arrival import SALT_BYTES, commitment, digest_of
from hansa.judging.gate import agrees
from hansa.models.rows import Rows
from hansa.nodes.preparing import Preparing
from hansa.nodes.schedule import ADOPT, MARK, VOTE
from hansa.protection.enrolment import COORDINATOR
from hansa.registry.node_store import NodeStore
from hansa.runtime.judged import task_of
from hansa.runtime.kept_back import loss_of
from hansa.runtime.learning import output_scale
from hansa.runtime.marks import marks, size_of
from hansa.runtime.party import Member
from hansa.runtime.validators import Validators, validators_of

_ASKED = "asked"  # the name of the digest of the last ask
_COMMITTED, _TRIED, _ADOPTED, _LOSS = "committed", "tried", "adopted", "adopted loss"

_DEEPEST = 8  # levels of what a party is told of itself

KEPT = {"kind": "local"}
"""The head of what an algorithm remembers, in a store."""

Take = Callable[[Mapping[str, Any]], None]
Asked = Callable[[str, bytes], Ask]
Answered = tuple[dict[str, Any], dict[str, bytes]]
"""What a step tells, and what is to be kept together with it."""

Stepped = tuple[dict[str, Any], dict[str, bytes], bytes | None]
"""The same, and what the party's algorithm goes back to; None: it goes on."""


class JudgedAnswers:
    """What a party answers to those who judge."""

    def __init__(
        self, charter: Charter, preparing: Preparing, store: NodeStore, source: Source, take: Take
    ) -> None:
        """Take the party's records; source: of what hides an update until all have committed.

        take: takes what was found of the party.
        """
        self._take = take
        self._charter, self._preparing, self._store, self._source = charter, preparing, store, source
        self._task = task_of(charter, charter.algorithm.name)

    @property
    def keeps(self) -> bool:
        """Return whether the party keeps back a row with a label."""
        return len(self._rows.y) > 0

    def beside(self, kind: str, told: Mapping[str, Any], member: Member, asked: Asked) -> Stepped:
        """Return what is answered to a step beside updates, what to keep with it, and what to go back to.

        asked: reads an ask. Raises MessageError for what is no question.
        """
        if kind == ADOPT:
            states, back = self._adopt(told, laid(KEPT, member.local))
            return {}, states, back
        if kind == VOTE:
            newest = asked(next(iter(member.algorithm.preludes), "training"), _frame(told))
            return *self._vote(member, newest, laid(KEPT, member.local)), None
        if kind == MARK:
            terms = told.get("terms")
            if terms is None:
                return {"marks": None}, {}, None
            if _digest(_frame(told)) != _kept(self._store, _ASKED):
                raise RefusedError("it shows another model than the round's", do="ask why", where=COORDINATOR)
            return {"marks": self._mark(asked("training", _frame(told)), terms)}, {}, None
        self._take(verdicts_of(told))
        return {}, {}, None

    # --- updates ---------------------------------------------------------------------------------------

    def commit(self, ask: Ask, question: bytes, terms: Terms) -> Answered:
        """Return what fixes an update and tells nothing of it; question: as it came."""
        salt = self._source(SALT_BYTES)
        digest = digest_of(arrays.flatten(terms))
        fixed = commitment(self._task, int(ask.round), self._preparing.name, salt, digest)
        return {"commitment": fixed}, {_COMMITTED: frame(terms) + salt, _ASKED: _digest(question)}

    def reveal(self) -> bytes:
        """Return the update that was committed to, and what it was hidden by."""
        return _kept(self._store, _COMMITTED)

    # --- the vote --------------------------------------------------------------------------------------

    def _vote(self, member: Member, ask: Ask, local: bytes) -> Answered:
        """Return whether the party adopts a model, by its own assets; none: it has none to test it on.

        local: what the party's algorithm remembers. What comes before anybody has trained is adopted.
        """
        found = self._loss(member, ask)
        known = self._store.state(_LOSS)
        tried = codec.encode(found)
        if known is None:
            return {"aye": None if found is None else True}, {_ADOPTED: local, _LOSS: tried}
        adopted = codec.decode(known)
        aye = None if found is None else agrees(self._charter, found, adopted)
        return {"aye": aye}, {_TRIED: tried}

    def _adopt(self, told: Mapping[str, Any], local: bytes) -> tuple[dict[str, bytes], bytes | None]:
        """Return what is to be kept of a vote, and what the party goes back to; none: it goes on."""
        promoted = told.get("promoted")
        if type(promoted) is not bool:
            raise _no_question()
        if promoted:
            return {_ADOPTED: local, _LOSS: _kept(self._store, _TRIED)}, None
        return {}, _kept(self._store, _ADOPTED)

    def _loss(self, member: Member, ask: Ask) -> float | None:
        """Return what the party's model loses on what it keeps back; none: it keeps nothing."""
        if not self.keeps:
            return None
        scale = np.float32(output_scale(member.algorithm, self._charter.parties))
        outputs = member.predict(ask, self._rows.x)
        found = loss_of(scale * outputs, self._rows, self._charter.task)
        return found if math.isfinite(found) else math.inf

    # --- what the others brought -----------------------------------------------------------------------

    def _mark(self, ask: Ask, terms: Any) -> NDArray[np.float64] | None:
        """Return what the party's own rows say of (parties, dim) parts of a step; none: they say nothing."""
        self._check_terms(terms, size_of(ask))
        if not self.keeps:
            return None
        try:
            (found,) = marks(self._charter, self._validators, ask, terms)  # (parties,)
        except PartyError:  # a coalition's model has no finite loss
            return None
        return np.asarray(found, np.float64)

    def _check_terms(self, terms: Any, size: int) -> None:
        """Raise MessageError for anything but the parts of some parties of this model."""
        if not isinstance(terms, np.ndarray) or terms.dtype != np.float32 or terms.ndim != 2:
            raise _no_question()
        if terms.shape[1] != size or not 0 < len(terms) <= self._charter.parties:
            raise _no_question()

    @cached_property
    def _rows(self) -> Rows:
        return self._preparing.kept_back()

    @cached_property
    def _validators(self) -> Validators:
        charter = self._charter
        return validators_of(charter, charter.algorithm.name, {self._preparing.name: self._rows})


def _digest(question: bytes) -> bytes:
    return hashlib.sha256(question).digest()


def _frame(told: Mapping[str, Any]) -> bytes:
    value = told.get("ask")
    if type(value) is not bytes:
        raise _no_question()
    return value


def verdicts_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a party is told of itself; raises MessageError for what no file of JSON holds."""
    if not _is_plain(dict(told), _DEEPEST):
        raise _no_question()
    return dict(told)


def _is_plain(value: Any, deepest: int) -> bool:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        named = not isinstance(value, dict) or all(isinstance(name, str) for name in value)
        return named and deepest > 0 and all(_is_plain(one, deepest - 1) for one in inner)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | bool | int)


def _kept(store: NodeStore, name: str) -> bytes:
    known = store.state(name)
    if known is None:
        raise FolderError(
            "what this party keeps of the round at work cannot be read",
            do="put the folder back as it was; without it the party cannot go on in this run",
            where="its store",
        )
    return known


def _no_question() -> MessageError:
    return MessageError("its question is none", do="drop the message", where=COORDINATOR)
