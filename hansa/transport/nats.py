"""The coordinator's end of a run over NATS: it asks again until all have answered or the time is over.

Nothing on the wire is kept for it: a party gives a step's answer again, so that a lost message, a killed
server and a late answer cost time alone.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from hansa.core.errors import LinkError, MessageError
from hansa.crypto.signing import SigningKey
from hansa.transport import nats_objects as objects
from hansa.transport import subjects
from hansa.transport.bodies import Inside
from hansa.transport.envelope import (
    INLINE_BYTES,
    QUESTION,
    REFUSED,
    Head,
    Letter,
    digest_of,
    opened,
    refusal_words,
    signed,
)
from hansa.transport.nats_link import Link
from hansa.transport.seam import Body, Refusal
from hansa.transport.subjects import Bucket

logger = logging.getLogger(__name__)

COORDINATOR = "coordinator"
LARGEST_BODY = 1 << 30  # bytes
BUCKET_BODIES = 2  # of the largest size in one bucket
_FIRST_WAIT = 1.0  # seconds until who has not answered is asked again
_SLOWER = 1.6  # times as long each time
_LONGEST_WAIT = 10.0
READ_SECONDS = 60.0  # in which a body must be fetched, a server's restart included

Told = Callable[[str, Sequence[str]], None]
"""Hears, whenever some are asked again, the step and who has not answered."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of a run's wire."""

    link: Link
    run: str
    name: str
    key: SigningKey = field(repr=False)
    largest: int = LARGEST_BODY  # bytes of a body that is accepted

    def __post_init__(self) -> None:
        if not subjects.is_run(self.run):
            raise ValueError(f"{self.run!r} is no id of a run: 1 to 32 hexadecimal digits")


@dataclass(eq=False)
class _Step:
    """One exchange that is under way; the link's thread writes, the caller's waits."""

    missing: set[str]
    found: dict[str, Body | Refusal] = field(default_factory=dict)
    turn: threading.Event = field(
        default_factory=threading.Event
    )  # all are there, or it is time to ask again


class Elsewhere:
    """A body that lies in its party's bucket, until nobody holds this any more."""

    def __init__(self, link: Link, bucket: Bucket, head: Head) -> None:
        self._link, self._bucket, self._head = link, bucket, head
        weakref.finalize(self, objects.remove, link, bucket, head.place).atexit = False

    @property
    def size(self) -> int:
        """Return how many bytes it has."""
        return self._head.size

    def read(self) -> bytes:
        """Return its bytes, in memory once. Raises MessageError or LinkError."""
        return objects.fetch(self._link, self._bucket, self._head, READ_SECONDS)

    def pieces(self) -> Iterator[bytes]:
        """Yield its bytes in pieces, of which nothing may be believed before the last has come."""
        return objects.pieces(self._link, self._bucket, self._head, READ_SECONDS)


class NatsTransport:
    """The seam over NATS; parties may come and go while it works."""

    def __init__(self, end: End, keys: Mapping[str, bytes], told: Told) -> None:
        """Take the public key of each party. Raises LinkError where the server refuses the buckets."""
        self._end = end
        self._told = told
        self._keys: dict[str, bytes] = {}
        self._steps: dict[str, _Step] = {}
        self._shared = subjects.shared_bucket(end.run)
        objects.make_bucket(end.link, self._shared, end.largest * BUCKET_BODIES)
        for party, key in keys.items():
            self.admit(party, key)
        end.link.on_return(self._ask_again)
        end.link.hear(subjects.from_all(end.run), self._hear)

    def admit(self, party: str, key: bytes) -> None:
        """Count on a party from now on. Raises LinkError."""
        bucket = subjects.party_bucket(self._end.run, party)
        objects.make_bucket(self._end.link, bucket, self._end.largest * BUCKET_BODIES)
        self._keys[party] = key

    def forget(self, party: str) -> None:
        """Neither hear a party nor wait for it, until it is admitted again."""
        self._keys.pop(party, None)
        for step in tuple(self._steps.values()):
            if party in step.missing:  # of a step that began meanwhile, too
                step.missing.discard(party)
                step.turn.set()

    def expel(self, party: str) -> None:
        """Neither hear a party nor wait for it any more. Raises LinkError where its bucket stays."""
        self.forget(party)
        objects.drop_bucket(self._end.link, subjects.party_bucket(self._end.run, party))

    def exchange(
        self, step: str, questions: Mapping[str, bytes], seconds: float
    ) -> dict[str, Body | Refusal]:
        """Ask each party its question; return what came back in time, in the order of the questions."""
        ends = time.perf_counter() + seconds
        now = _Step({party for party in questions if party in self._keys})
        if self._steps.setdefault(step, now) is not now:
            raise ValueError(f"step {step} is under way already")
        try:
            with self._letters(step, questions, ends) as letters:
                self._wait(step, now, letters, ends)
        except LinkError as fault:
            logger.warning("step not asked step=%s why=%s", step, fault)
        finally:
            del self._steps[step]
        return {party: now.found[party] for party in questions if party in now.found}

    def close(self) -> None:
        """Hear nobody any more; the link stays."""
        self._end.link.hear(subjects.from_all(self._end.run), None)

    @contextmanager
    def _letters(
        self, step: str, questions: Mapping[str, bytes], ends: float
    ) -> Iterator[dict[str, tuple[str, bytes]]]:
        """Yield each party's subject and envelope; large bodies lie in the shared bucket meanwhile."""
        end, places = self._end, dict[bytes, tuple[str, bytes]]()
        digests = {id(body): digest_of(body) for body in questions.values()}
        try:
            letters = {}
            for party, body in questions.items():
                digest, inside = digests[id(body)], len(body) <= INLINE_BYTES
                if not inside and digest not in places:
                    left = max(0.0, ends - time.perf_counter())
                    places[digest] = objects.store(end.link, self._shared, body, left)
                lies = () if inside else places[digest]
                head = Head(end.run, step, end.name, party, QUESTION, len(body), digest, *lies)
                content = signed(head, body if inside else b"", end.key)
                letters[party] = subjects.to_party(end.run, party), content
            yield letters
        finally:
            for place, _ in places.values():
                objects.remove(end.link, self._shared, place)

    def _wait(self, step: str, now: _Step, letters: Mapping[str, tuple[str, bytes]], ends: float) -> None:
        """Ask, and ask again who is missing, until nobody is or the time is over."""
        wait, asked_again = _FIRST_WAIT, False
        while now.missing:
            missing = [party for party in letters if party in now.missing]
            if asked_again:
                logger.info("asked again step=%s missing=%d", step, len(missing))
                self._told(step, missing)
            self._end.link.publish([letters[party] for party in missing])
            returned = now.turn.wait(max(0.0, min(wait, ends - time.perf_counter())))
            now.turn.clear()
            if time.perf_counter() >= ends:
                return
            asked_again = True
            wait = _FIRST_WAIT if returned else min(wait * _SLOWER, _LONGEST_WAIT)

    def _ask_again(self) -> None:
        for step in tuple(self._steps.values()):
            step.turn.set()

    def _hear(self, data: bytes) -> None:
        """Take a party's message, in the link's thread, if it is an answer that is waited for."""
        end = self._end
        try:
            letter = opened(data, self._keys.get, end.run, end.name)
            answer = self._answer(letter)
        except MessageError as fault:
            logger.warning("message dropped why=%s", fault)
            return
        step = self._steps.get(letter.head.step)
        if step is None or letter.head.sender not in step.missing:
            logger.debug("late answer step=%s party=%s", letter.head.step, letter.head.sender)
            return
        step.found[letter.head.sender] = answer
        step.missing.discard(letter.head.sender)
        if not step.missing:
            step.turn.set()

    def _answer(self, letter: Letter) -> Body | Refusal:
        head = letter.head
        if head.kind == QUESTION or head.size > self._end.largest:
            raise MessageError("an answer of no lawful kind or size", do="drop it", where=head.sender)
        if head.kind == REFUSED:
            return Refusal(refusal_words(letter))
        if head.place:
            return Elsewhere(self._end.link, subjects.party_bucket(head.run, head.sender), head)
        return Inside(letter.body)
