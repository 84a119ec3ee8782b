"""The coordinator's end of a run over Flower: it runs in a ServerApp and speaks through Flower's Grid.

Flower knows nodes by numbers; whose a node is it says in a signed roll call. Flower's own answer to a lost
message is silence or an error: in both cases the party is asked again, as over NATS.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from hansa.core.errors import MessageError
from hansa.transport.bodies import Inside
from hansa.transport.envelope import ANSWER, QUESTION, REFUSED, refusal_words
from hansa.transport.flower_letters import QUERY, WHO, Writer, roll_call
from hansa.transport.flower_quiet import quiet_flower
from hansa.transport.seam import Body, Refusal

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.05  # how often answers are looked for
_ROLL_SECONDS = 1.0  # how often new nodes are, while somebody is missing
_UNKNOWN_SECONDS = 30.0  # until one that has not said whose it is is asked again
_AGAIN_SECONDS = 5.0  # until a party whose node failed is asked again
_LOST_SECONDS = 120.0  # until one that is silent is; the same question waits there meanwhile


class Grid(Protocol):
    """What is used of Flower's."""

    def get_node_ids(self) -> Iterable[int]:
        """Return the nodes that are there."""

    def push_messages(self, messages: Iterable[Any]) -> Iterable[str | None]:
        """Return the messages' ids; None for what was not taken."""

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Any]:
        """Return the replies that are there."""


class FlowerTransport:
    """The seam over Flower; nodes may come and go while it works."""

    def __init__(self, grid: Grid, writer: Writer, keys: Mapping[str, bytes]) -> None:
        """Take the public key of each party. Raises LinkError where Flower would call home."""
        self._flower = quiet_flower()
        self._grid, self._writer, self._keys = grid, writer, dict(keys)
        self._seats: dict[str, int] = {}  # party: its node
        self._asked: dict[str, int] = {}  # message id of a roll call: node
        self._rolled: dict[int, float] = {}  # node: when it was asked whose it is
        self._next_roll = 0.0
        self._turn = threading.Lock()  # Flower's grid is used by one thread at a time

    def admit(self, party: str, key: bytes) -> None:
        """Count on a party from now on."""
        self._keys[party] = key

    def expel(self, party: str) -> None:
        """Neither hear a party nor wait for it any more."""
        self._keys.pop(party, None)
        self._seats.pop(party, None)

    def exchange(
        self, step: str, questions: Mapping[str, bytes], seconds: float
    ) -> dict[str, Body | Refusal]:
        """Ask each party its question; return what came back in time, in the order of the questions."""
        ends, found = time.perf_counter() + seconds, dict[str, Body | Refusal]()
        with self.asking(seconds) as asked:
            asked.ask(step, questions)
            while asked.missing and time.perf_counter() < ends:
                found |= asked.heard(ends - time.perf_counter())
        return {party: found[party] for party in questions if party in found}

    @contextmanager
    def asking(self, seconds: float) -> Iterator[_Asked]:
        """Yield a way to ask parties questions of several steps, for so many seconds."""
        yield _Asked(self, time.perf_counter() + seconds)

    def takes(self, party: str) -> bool:
        """Return whether a party is counted on."""
        return party in self._keys

    def turn(self, asked: _Asked) -> None:
        """Look once for new nodes and for answers, and ask whoever is due."""
        with self._turn:
            self._call_roll()
            self._ask(asked)
            self._hear(asked)

    def _call_roll(self) -> None:
        """Learn whose the nodes are that came since the last time."""
        if self._asked:
            self._hear_roll()
        if time.perf_counter() < self._next_roll:
            return
        self._next_roll = time.perf_counter() + _ROLL_SECONDS
        lately = time.perf_counter() - _UNKNOWN_SECONDS
        known = {*self._seats.values(), *(node for node, when in self._rolled.items() if when > lately)}
        new = set(self._grid.get_node_ids()) - known
        self._rolled |= dict.fromkeys(new, time.perf_counter())
        self._asked |= self._push({node: self._flower.RecordDict() for node in new}, WHO, _LOST_SECONDS)

    def _hear_roll(self) -> None:
        for message in self._grid.pull_messages(list(self._asked)):
            node = self._asked.pop(message.metadata.reply_to_message_id, None)
            if node is None or message.has_error():
                continue
            try:
                letter = self._writer.read(message.content, self._keys.get)
            except MessageError as fault:
                logger.warning("message dropped why=%s", fault)
                continue
            if (letter.head.step, letter.head.kind) == (roll_call(node), ANSWER):
                self._seats[letter.head.sender] = node

    def _ask(self, asked: _Asked) -> None:
        """Send its question to whoever is there and was not asked lately."""
        now = time.perf_counter()
        there = {self._seats[party]: party for party in asked.missing if party in self._seats}
        due = {node: party for node, party in there.items() if asked.again.get((party, node), 0.0) <= now}
        contents = {
            node: self._writer.content(asked.steps[party], party, QUESTION, asked.bodies[party])
            for node, party in due.items()
        }
        sent = self._push(contents, QUERY, max(1.0, asked.ends - now))
        asked.sent |= {number: (due[node], asked.steps[due[node]], node) for number, node in sent.items()}
        asked.again |= {(party, node): now + _LOST_SECONDS for node, party in due.items()}

    def _push(self, contents: Mapping[int, Any], kind: str, seconds: float) -> dict[str, int]:
        """Return the messages that Flower took, by their ids, with the node that each is to."""
        messages = [
            self._flower.Message(content, node, kind, ttl=seconds) for node, content in contents.items()
        ]
        numbers = self._grid.push_messages(messages) if messages else []
        return {number: node for number, node in zip(numbers, contents, strict=False) if number}

    def _hear(self, asked: _Asked) -> None:
        for message in self._grid.pull_messages(list(asked.sent)) if asked.sent else ():
            party, step, node = asked.sent.pop(message.metadata.reply_to_message_id, ("", "", 0))
            if asked.steps.get(party) != step:
                continue
            answer = self._answer(step, party, message)
            if answer is None:
                asked.again[party, node] = time.perf_counter() + _AGAIN_SECONDS
            else:
                asked.came.append((party, answer))
                del asked.steps[party]

    def _answer(self, step: str, party: str, message: Any) -> Body | Refusal | None:
        """Return a party's answer; None for what is none, and is logged."""
        if message.has_error():
            logger.warning("no answer step=%s party=%s code=%d", step, party, message.error.code)
            return None
        try:
            letter = self._writer.read(message.content, {party: self._keys.get(party)}.get)
            if letter.head.step != step or letter.head.kind == QUESTION:
                raise MessageError("an answer to another step", do="drop it", where=party)
            return Refusal(refusal_words(letter)) if letter.head.kind == REFUSED else Inside(letter.body)
        except MessageError as fault:
            logger.warning("message dropped why=%s", fault)
            return None


class _Asked:
    """Questions that are under way over Flower, one at a time to each party."""

    def __init__(self, flower: FlowerTransport, ends: float) -> None:
        self._flower, self.ends = flower, ends
        self.steps: dict[str, str] = {}  # of each party that has not answered
        self.bodies: dict[str, bytes] = {}
        self.came: list[tuple[str, Body | Refusal]] = []
        self.sent: dict[str, tuple[str, str, int]] = {}  # message id: party, step and the party's node
        self.again: dict[tuple[str, int], float] = {}  # a party at a node: when it may be asked again

    @property
    def missing(self) -> list[str]:
        """Return who has not answered."""
        return [party for party in self.steps if self._flower.takes(party)]

    def ask(self, step: str, questions: Mapping[str, bytes]) -> None:
        """Ask parties a step's questions, from the next turn on."""
        known = [party for party in questions if self._flower.takes(party)]
        self.bodies |= {party: questions[party] for party in known}
        self.steps |= dict.fromkeys(known, step)
        self.again = {seat: when for seat, when in self.again.items() if seat[0] not in known}

    def heard(self, seconds: float) -> list[tuple[str, Body | Refusal]]:
        """Return what has come, as soon as there is something; seconds: after which it returns anyway."""
        ends = time.perf_counter() + seconds
        while self.missing:
            self._flower.turn(self)
            left = ends - time.perf_counter()
            if self.came or left <= 0:
                break
            time.sleep(min(_LOOK_SECONDS, left))
        came, self.came = self.came, []
        return came
