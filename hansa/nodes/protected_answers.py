"""A party's side of the protected sums of a run: its secrets are on the disk before a message leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hansa.core import codec
from hansa.core.errors import FolderError, RefusedError
from hansa.core.steps import Step
from hansa.crypto.masks import Words
from hansa.nodes.stages import PARTY_STAGES, sealed_by_name
from hansa.protection.encrypted_sum import EncryptedParty
from hansa.protection.enrolment import COORDINATOR, Channels
from hansa.protection.masked_party import MaskedParty
from hansa.protection.occasion import Occasion, Past, past_of
from hansa.protection.shared_party import SharedParty
from hansa.registry.node_store import NodeStore
from hansa.runtime.sums import Sums, Term

_SUM, _PAST = "sum", "past"  # the names of what is kept


class _Side(Protocol):
    """A party in one sum, at one level of secrecy."""

    def said(self, stage: str, question: bytes) -> bytes:
        """Return its message of a stage; question: what the coordinator sent for it."""

    def value(self) -> dict[str, Any]:
        """Return plain values from which it goes on; they hold this sum's secrets."""


@dataclass(slots=True)
class _AtWork:
    """A sum that this party takes part in."""

    why: Mapping[str, Any]
    number: int
    numbers: int
    side: _Side


class ProtectedAnswers:
    """What a party answers in protected sums."""

    def __init__(self, sums: Sums, channels: Channels, store: NodeStore) -> None:
        """Go on from what the store has; raises FolderError where that cannot be read."""
        self._sums, self._channels, self._store = sums, channels, store
        self._stages = PARTY_STAGES[sums.charter.secrecy]
        self.go_back()

    def go_back(self) -> None:
        """Forget what is not kept: a message that did not leave was not made."""
        known, kept = self._store.state(_PAST), self._store.state(_SUM)
        try:
            self._past = Past() if known is None else past_of(codec.decode(known))
            self._now = None if kept is None else self._resumed(codec.decode(kept))
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise FolderError(
                "what this party remembers of its sums cannot be read",
                do="put the folder back as it was; without it the party must not go on in this run",
                where="its store",
            ) from fault

    def began(self, step: Step, stage: str, why: Mapping[str, Any], term: Term, question: bytes) -> bytes:
        """Return the first message of a sum; term: what the party adds. question: beside what to add."""
        occasion = self._occasion(why, step.number, term.numbers)
        words = occasion.form.encoded(term.row)
        side = _SIDES[self._sums.charter.secrecy](self._channels, occasion, self._past, words, term.weight)
        self._now = _AtWork(why, step.number, term.numbers, side)
        return side.said(stage, question)

    def went_on(self, step: Step, kind: str, stage: str, question: bytes) -> bytes:
        """Return a later message; raises RefusedError for a stage of a sum that has not begun."""
        now = self._now
        if now is None or now.why["kind"] != kind or stage not in self._stages[1:]:
            raise RefusedError(
                f"it asks for {step.words} out of turn", do="ask its operator why", where=COORDINATOR
            )
        return now.side.said(stage, question)

    def states(self) -> dict[str, bytes]:
        """Return what is to be kept together with a message."""
        now = self._now
        assert now is not None
        kept = {"why": dict(now.why), "number": now.number, "numbers": now.numbers, "side": now.side.value()}
        return {_SUM: codec.encode(kept), _PAST: codec.encode(self._past.value())}

    def _resumed(self, kept: Mapping[str, Any]) -> _AtWork:
        why, number, numbers = kept["why"], kept["number"], kept["numbers"]
        side = _SIDES[self._sums.charter.secrecy].resumed(
            self._channels, self._occasion(why, number, numbers), self._past, kept["side"]
        )
        return _AtWork(why, number, numbers, side)

    def _occasion(self, why: Mapping[str, Any], number: int, numbers: int) -> Occasion:
        return self._sums.occasion(self._channels.roster.digest, why, number, numbers)


class _Masked:
    def __init__(self, channels: Channels, occasion: Occasion, past: Past, words: Words, weight: int) -> None:
        del weight  # it is in the words
        self._party, self._words = MaskedParty(channels, occasion, past), words

    @classmethod
    def resumed(cls, channels: Channels, occasion: Occasion, past: Past, kept: Mapping[str, Any]) -> _Masked:
        side = cls.__new__(cls)
        side._words = kept["words"].copy()
        side._party = MaskedParty.resumed(channels, occasion, past, kept["party"])
        return side

    def said(self, stage: str, question: bytes) -> bytes:
        if stage == "keys":
            return self._party.keys()
        if stage == "masked":
            return self._party.masked(self._words.copy(), question)
        return self._party.agreed(question) if stage == "agreed" else self._party.revealed(question)

    def value(self) -> dict[str, Any]:
        return {"words": self._words, "party": self._party.value()}


class _Shared:
    def __init__(self, channels: Channels, occasion: Occasion, past: Past, words: Words, weight: int) -> None:
        self._party = SharedParty(channels, occasion, past)
        self._words, self._weight = words, weight

    @classmethod
    def resumed(cls, channels: Channels, occasion: Occasion, past: Past, kept: Mapping[str, Any]) -> _Shared:
        side = cls.__new__(cls)
        side._party = SharedParty.resumed(channels, occasion, past, kept)
        return side

    def said(self, stage: str, question: bytes) -> bytes:
        if stage == PARTY_STAGES["shared"][0]:
            return codec.encode(self._party.shares(self._words, self._weight))
        self._party.result(sealed_by_name(question, COORDINATOR))
        return codec.encode({})

    def value(self) -> dict[str, Any]:
        return self._party.value()


class _Encrypted:
    def __init__(self, channels: Channels, occasion: Occasion, past: Past, words: Words, weight: int) -> None:
        del weight  # it is in the words
        self._party, self._words = EncryptedParty(channels, occasion, past), words

    @classmethod
    def resumed(
        cls, channels: Channels, occasion: Occasion, past: Past, kept: Mapping[str, Any]
    ) -> _Encrypted:
        side = cls.__new__(cls)
        side._party = EncryptedParty.resumed(channels, occasion, past, kept)
        return side

    def said(self, stage: str, question: bytes) -> bytes:
        if stage == PARTY_STAGES["encrypted"][0]:
            return self._party.committed(self._words, question)
        return self._party.encrypted(question)

    def value(self) -> dict[str, Any]:
        return self._party.value()


_SIDES: Mapping[str, type[_Masked] | type[_Shared] | type[_Encrypted]] = {
    "masked": _Masked,
    "shared": _Shared,
    "encrypted": _Encrypted,
}
