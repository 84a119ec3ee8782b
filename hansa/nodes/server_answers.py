"""What a server beside the coordinator answers in protected sums; a sum that its process lost is made again.

Of the sum at work its questions are kept, each together with its answer, and what the server drew by chance:
after a restart they are gone through once more, and what comes of them is what came of them before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hansa.core import codec
from hansa.core.errors import FolderError, HansaError, RefusedError
from hansa.core.steps import Step
from hansa.nodes.shared_servers import shared_server
from hansa.nodes.stages import CUSTODIAN_STAGES
from hansa.protection import shared_messages as messages
from hansa.protection.enrolment import COORDINATOR, Channels
from hansa.protection.key_custodian import Custodian
from hansa.protection.occasion import Occasion, Past, past_of
from hansa.registry.node_store import NodeStore
from hansa.runtime.sums import Sums

_SUM, _PAST, _ASKED = "sum", "past", "asked"  # the names of what is kept


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the coordinator says of a sum that begins; what is not true of it opens no message of a party."""

    why: Mapping[str, Any]
    number: int  # of the parties' first step of the sum
    numbers: int  # of a party's term


class _Side(Protocol):
    """A server in one sum, at one level of secrecy."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Return the stages of the sum, in order."""

    @property
    def drawn(self) -> bytes:
        """Return what it drew by chance for this sum, to be kept while the sum is at work."""

    def said(self, stage: str, told: Mapping[str, bytes]) -> bytes:
        """Return its message of a stage; told: sealed messages by who sent them."""


@dataclass(slots=True)
class _AtWork:
    begins: Beginning
    side: _Side
    asked: int = 0  # stages so far
    told: bytes = b""  # what was told in the last of them, encoded
    failed: bool = False  # a stage did: whatever came of it, the sum is over here


class ServerAnswers:
    """The sums of a run, one after the other."""

    def __init__(self, sums: Sums, channels: Channels, store: NodeStore, secret: bytes) -> None:
        """Go on from what the store has; secret: of coins. Raises FolderError where that cannot be read."""
        self._sums, self._channels, self._store = sums, channels, store
        self._secret = secret
        self.go_back()

    def go_back(self) -> None:
        """Forget what is not kept: a message that did not leave was not made."""
        past, kept = self._store.state(_PAST), self._store.state(_SUM)
        try:
            self._past = Past() if past is None else past_of(codec.decode(past))
            self._before = self._past.value()  # of the sum at work
            self._now = self._again(codec.decode(kept)) if kept else None
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise FolderError(
                "what this server remembers of its sums cannot be read",
                do="put the folder back as it was; without it the server must not go on in this run",
                where="its store",
            ) from fault

    def began(self, step: Step, stage: str, begins: Beginning, told: Mapping[str, bytes]) -> bytes:
        """Return the first message of a sum; raises RefusedError for one that is not after all others."""
        self._before = self._past.value()
        now = self._now = _AtWork(begins, self._side(begins, b""))
        return self._said(now, step, stage, told)

    def went_on(self, step: Step, kind: str, stage: str, told: Mapping[str, bytes]) -> bytes:
        """Return a later message; raises RefusedError for a stage that is not the next of the sum at work."""
        if self._now is None or self._now.begins.why["kind"] != kind:
            raise _out_of_turn(step)
        return self._said(self._now, step, stage, told)

    @property
    def failed(self) -> bool:
        """Return whether a stage of the sum at work failed, for what it was told: no other is tried."""
        return self._now is not None and self._now.failed

    @property
    def idle(self) -> bool:
        """Return whether the last sum that began is over."""
        return self._now is None or self.failed or self._now.asked == len(self._now.side.stages)

    def states(self) -> dict[str, bytes]:
        """Return what is to be kept together with a message; of a sum that is over, that it was, alone."""
        now = self._now
        assert now is not None
        if self.idle:
            forgotten = {f"{_ASKED} {place}": b"" for place in range(now.asked)}
            return {_PAST: codec.encode(self._past.value()), _SUM: b""} | forgotten
        begins = now.begins
        kept = {
            "why": dict(begins.why),
            "number": begins.number,
            "numbers": begins.numbers,
            "drawn": now.side.drawn,
            "asked": now.asked,
        }
        asked = {f"{_ASKED} {now.asked - 1}": now.told}
        return {_PAST: codec.encode(self._before), _SUM: codec.encode(kept)} | asked

    def _said(self, now: _AtWork, step: Step, stage: str, told: Mapping[str, bytes]) -> bytes:
        if now.side.stages[now.asked :][:1] != (stage,):
            raise _out_of_turn(step)
        try:
            answer = now.side.said(stage, told)
        except HansaError:
            now.failed = True
            raise
        now.asked, now.told = now.asked + 1, codec.encode(dict(told))
        return answer

    def _again(self, kept: Mapping[str, Any]) -> _AtWork:
        """Return the sum at work, gone through from its first question to the last that was answered."""
        begins = Beginning(kept["why"], kept["number"], kept["numbers"])
        now = _AtWork(begins, self._side(begins, kept["drawn"]))
        for place in range(kept["asked"]):
            asked = self._store.state(f"{_ASKED} {place}")
            if asked is None:
                raise KeyError(place)
            now.side.said(now.side.stages[place], codec.decode(asked))
            now.asked, now.told = place + 1, asked
        return now

    def _side(self, begins: Beginning, drawn: bytes) -> _Side:
        roster = self._channels.roster.digest
        occasion = self._sums.occasion(roster, begins.why, begins.number, begins.numbers)
        if self._sums.charter.secrecy == "encrypted":
            return _Custody(self._channels, occasion, self._past, drawn)
        return _Shared(self._channels, occasion, self._past, self._secret)


class _Shared:
    drawn = b""  # its coin comes from the secret of the run

    def __init__(self, channels: Channels, occasion: Occasion, past: Past, secret: bytes) -> None:
        self._server = shared_server(channels, occasion, past, secret)
        self.stages: tuple[str, ...] = (*self._server.steps, messages.RESULT)

    def said(self, stage: str, told: Mapping[str, bytes]) -> bytes:
        place = self.stages.index(stage)
        for sender, message in told.items():
            if place:
                self._server.take(self.stages[place - 1], sender, message)
            else:
                self._server.take_share(sender, message)
        made = self._server.results() if stage == messages.RESULT else self._server.said(stage)
        return codec.encode(made)


class _Custody:
    stages: tuple[str, ...] = CUSTODIAN_STAGES

    def __init__(self, channels: Channels, occasion: Occasion, past: Past, drawn: bytes) -> None:
        self._custodian = Custodian(channels, occasion, past)
        if drawn:
            self._custodian.keep_keys(drawn)

    @property
    def drawn(self) -> bytes:
        return self._custodian.kept

    def said(self, stage: str, told: Mapping[str, bytes]) -> bytes:
        question = told.get(COORDINATOR, b"")
        if stage == CUSTODIAN_STAGES[0]:
            return self._custodian.key()
        return self._custodian.listed(question) if stage == "list" else self._custodian.total(question)


def _out_of_turn(step: Step) -> RefusedError:
    return RefusedError(f"it asks for {step.words} out of turn", do="ask its operator why", where=COORDINATOR)
