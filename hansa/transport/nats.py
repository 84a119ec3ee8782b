"""The coordinator's end of a run over NATS: it asks again until all have answered or the time is over.

Nothing on the wire is kept for it: a party gives a step's answer again, so that a lost message, a killed
server and a late answer cost time alone.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

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
from hansa.transport.nats_underway import Told, Underway
from hansa.transport.seam import LARGEST_BODY, Body, Refusal
from hansa.transport.subjects import Bucket

logger = logging.getLogger(__name__)

COORDINATOR = "coordinator"
BUCKET_BODIES = 2  # of the largest size in one bucket
READ_SECONDS = 60.0  # in which a body must be fetched, a server's restart included


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


class Stored:
    """A large question, which lies in the shared bucket until nobody holds this any more."""

    def __init__(self, link: Link, bucket: Bucket, body: bytes, seconds: float) -> None:
        """Put it there. Raises LinkError after so many seconds."""
        self.lies = objects.store(link, bucket, body, seconds)  # its place and its key
        weakref.finalize(self, objects.remove, link, bucket, self.lies[0]).atexit = False


@dataclass(slots=True)
class _Lying:
    """The large questions of an exchange."""

    by: dict[bytes, Stored] = field(default_factory=dict)  # by their digests
    of: dict[str, Stored] = field(default_factory=dict)  # of each party


class NatsTransport:
    """The seam over NATS; parties may come and go while it works."""

    def __init__(self, end: End, keys: Mapping[str, bytes], told: Told) -> None:
        """Take the public key of each party. Raises LinkError where the server refuses the buckets."""
        self._end = end
        self._told = told
        self._keys: dict[str, bytes] = {}
        self._underway: set[Underway] = set()
        self._lying: dict[str, Stored] = {}  # to each party that had not answered when its exchange ended
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
        self._lying.pop(party, None)
        for underway in tuple(self._underway):
            underway.drop(party)

    def expel(self, party: str) -> None:
        """Neither hear a party nor wait for it any more. Raises LinkError where its bucket stays."""
        self.forget(party)
        objects.drop_bucket(self._end.link, subjects.party_bucket(self._end.run, party))

    def exchange(
        self, step: str, questions: Mapping[str, bytes], seconds: float
    ) -> dict[str, Body | Refusal]:
        """Ask each party its question; return what came back in time, in the order of the questions."""
        ends, found = time.perf_counter() + seconds, dict[str, Body | Refusal]()
        with self._asking(_Lying(), seconds) as underway:
            try:
                underway.ask(step, questions)
            except LinkError as fault:
                logger.warning("step not asked step=%s why=%s", step, fault)
            else:
                found |= underway.heard(ends - time.perf_counter(), each=False)
        return {party: found[party] for party in questions if party in found}

    @contextmanager
    def asking(self, seconds: float) -> Iterator[Underway]:
        """Yield a way to ask parties questions of several steps, for so many seconds.

        A large question to who has not answered then stays where it lies, until its party is asked another.
        """
        lying = _Lying()
        with self._asking(lying, seconds) as underway:
            yield underway
            self._lying |= {one: lying.of[one] for one in underway.missing if one in lying.of}

    @contextmanager
    def _asking(self, lying: _Lying, seconds: float) -> Iterator[Underway]:
        letters = partial(self._letters, lying, time.perf_counter() + seconds)
        underway = Underway(letters, self._end.link.publish, self._told)
        self._underway.add(underway)
        try:
            yield underway
        finally:
            self._underway.discard(underway)

    def close(self) -> None:
        """Hear nobody any more; the link stays."""
        self._lying.clear()
        self._end.link.hear(subjects.from_all(self._end.run), None)

    def _letters(
        self, lying: _Lying, ends: float, step: str, questions: Mapping[str, bytes]
    ) -> dict[str, tuple[str, bytes]]:
        """Return each party's subject and envelope; large bodies lie in the shared bucket from now on.

        ends: until when they may be put there, of `perf_counter`.
        """
        if any(one.awaits(step, party) for one in tuple(self._underway) for party in questions):
            raise ValueError(f"step {step} is under way already")
        end, letters = self._end, dict[str, tuple[str, bytes]]()
        digests = {id(body): digest_of(body) for body in questions.values()}
        for party, body in questions.items():
            if party not in self._keys:
                continue
            digest, lies = digests[id(body)], ("", b"")
            if body:
                self._lying.pop(party, None)
            if len(body) > INLINE_BYTES:
                if digest not in lying.by:
                    left = max(0.0, ends - time.perf_counter())
                    lying.by[digest] = Stored(end.link, self._shared, body, left)
                lying.of[party] = lying.by[digest]
                lies = lying.by[digest].lies
            head = Head(end.run, step, end.name, party, QUESTION, len(body), digest, *lies)
            content = signed(head, b"" if lies[0] else body, end.key)
            letters[party] = subjects.to_party(end.run, party), content
        return letters

    def _ask_again(self) -> None:
        for underway in tuple(self._underway):
            underway.come_back()

    def _hear(self, data: bytes) -> None:
        """Take a party's message, in the link's thread, if it is an answer that is waited for."""
        end = self._end
        try:
            letter = opened(data, self._keys.get, end.run, end.name)
            answer = self._answer(letter)
        except MessageError as fault:
            logger.warning("message dropped why=%s", fault)
            return
        step, party = letter.head.step, letter.head.sender
        for underway in tuple(self._underway):
            if underway.awaits(step, party):
                underway.take(party, answer)
                return
        logger.debug("late answer step=%s party=%s", step, party)

    def _answer(self, letter: Letter) -> Body | Refusal:
        head = letter.head
        if head.kind == QUESTION or head.size > self._end.largest:
            raise MessageError("an answer of no lawful kind or size", do="drop it", where=head.sender)
        if head.kind == REFUSED:
            return Refusal(refusal_words(letter))
        if head.place:
            return Elsewhere(self._end.link, subjects.party_bucket(head.run, head.sender), head)
        return Inside(letter.body)
