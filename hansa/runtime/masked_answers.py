"""A party's side of the masked sums of a run: its secrets are on the disk before a message leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core import codec
from hansa.core.errors import FolderError, RefusedError
from hansa.core.steps import Step
from hansa.crypto.masks import Words
from hansa.protection.enrolment import COORDINATOR, Channels
from hansa.protection.masked_party import MaskedParty
from hansa.protection.occasion import Occasion, Past, past_of
from hansa.registry.node_store import NodeStore
from hansa.runtime.sums import Sums

STAGES = ("keys", "masked", "agreed", "revealed")
"""The messages of a party in one sum, in their order."""

_SUM, _PAST = "sum", "past"  # the names of what is kept


@dataclass(slots=True)
class _AtWork:
    """A sum that this party takes part in."""

    why: Mapping[str, Any]
    number: int
    party: MaskedParty
    words: Words


class MaskedAnswers:
    """What a party answers in masked sums."""

    def __init__(self, sums: Sums, channels: Channels, store: NodeStore) -> None:
        """Go on from what the store has; raises FolderError where that cannot be read."""
        self._sums, self._channels, self._store = sums, channels, store
        self.go_back()

    def go_back(self) -> None:
        """Forget what is not kept: a message that did not leave was not made."""
        known, kept = self._store.state(_PAST), self._store.state(_SUM)
        try:
            self._past = Past() if known is None else past_of(codec.decode(known))
            self._now = None if kept is None else self._resumed(codec.decode(kept))
        except (KeyError, TypeError, ValueError) as fault:
            raise FolderError(
                "what this party remembers of its sums cannot be read",
                do="put the folder back as it was; without it the party must not go on in this run",
                where="its store",
            ) from fault

    def began(self, step: Step, why: Mapping[str, Any], row: NDArray[np.float64]) -> bytes:
        """Return the first message of a sum; row: (numbers,) what the party adds."""
        words = self._sums.form_of(why).encoded(row)
        party = MaskedParty(self._channels, self._occasion(why, step.number, len(words)), self._past)
        self._now = _AtWork(why, step.number, party, words)
        return party.keys()

    def went_on(self, step: Step, kind: str, stage: str, question: bytes) -> bytes:
        """Return a later message; raises RefusedError for a stage of a sum that has not begun."""
        now = self._now
        if now is None or now.why["kind"] != kind or stage not in STAGES[1:]:
            raise RefusedError(
                f"it asks for {step.words} out of turn", do="ask its operator why", where=COORDINATOR
            )
        if stage == "masked":
            return now.party.masked(now.words.copy(), question)
        return now.party.agreed(question) if stage == "agreed" else now.party.revealed(question)

    def states(self) -> dict[str, bytes]:
        """Return what is to be kept together with a message."""
        now = self._now
        assert now is not None
        kept = {"why": dict(now.why), "number": now.number, "words": now.words, "party": now.party.value()}
        return {_SUM: codec.encode(kept), _PAST: codec.encode(self._past.value())}

    def _resumed(self, kept: Mapping[str, Any]) -> _AtWork:
        why, number, words = kept["why"], kept["number"], kept["words"].copy()
        occasion = self._occasion(why, number, len(words))
        party = MaskedParty.resumed(self._channels, occasion, self._past, kept["party"])
        return _AtWork(why, number, party, words)

    def _occasion(self, why: Mapping[str, Any], number: int, size: int) -> Occasion:
        return self._sums.occasion(self._channels.roster.digest, why, number, size)
