"""A party's end of a run over NATS: it hears its coordinator alone, and works on one question at a time."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable

from hansa.core.errors import HansaError, LinkError, MessageError
from hansa.transport import nats_objects as objects
from hansa.transport import subjects
from hansa.transport.envelope import (
    ANSWER,
    INLINE_BYTES,
    QUESTION,
    REFUSED,
    Head,
    Letter,
    digest_of,
    opened,
    refusal_bytes,
    signed,
)
from hansa.transport.nats import COORDINATOR, READ_SECONDS, End
from hansa.transport.seam import Answer

logger = logging.getLogger(__name__)

_WAITING = 64  # questions; what comes on top is dropped, and asked again
_LOOK_SECONDS = 0.25  # how soon it is seen that the door is to close


class NatsDoor:
    """Where a party's questions come in and its answers go out."""

    def __init__(self, end: End, coordinator: bytes) -> None:
        """Take the coordinator's public key: who else speaks is not heard."""
        self._end = end
        self._keys = {COORDINATOR: coordinator}
        self._letters: queue.SimpleQueue[Letter] = queue.SimpleQueue()
        self._held: set[str] = set()  # steps that wait or are worked on

    def serve(self, answer: Answer, until: Callable[[], bool]) -> None:
        """Give each question to `answer`, in this thread, and send what it returns or refuses, until told.

        until: asked between questions, and a few times a second while there are none.
        """
        subject = subjects.to_party(self._end.run, self._end.name)
        self._end.link.hear(subject, self._hear)
        try:
            while not until():
                try:
                    letter = self._letters.get(timeout=_LOOK_SECONDS)
                except queue.Empty:
                    continue
                try:
                    self._serve_one(letter, answer)
                finally:
                    self._held.discard(letter.head.step)
        finally:
            self._end.link.hear(subject, None)

    def _hear(self, data: bytes) -> None:
        """Take a message, in the link's thread; what is not a question of the coordinator is dropped."""
        end = self._end
        try:
            letter = opened(data, self._keys.get, end.run, end.name)
            if letter.head.kind != QUESTION or letter.head.size > end.largest:
                raise MessageError("a question of no lawful kind or size", do="drop it", where=COORDINATOR)
        except MessageError as fault:
            logger.warning("message dropped why=%s", fault)
            return
        if letter.head.step in self._held or len(self._held) >= _WAITING:
            logger.debug("question heard already step=%s", letter.head.step)
            return
        self._held.add(letter.head.step)
        self._letters.put(letter)

    def _serve_one(self, letter: Letter, answer: Answer) -> None:
        """Answer one question; where the connection is lost the coordinator asks again."""
        step = letter.head.step
        try:
            question = self._question(letter)
        except (MessageError, LinkError) as fault:
            logger.warning("question not fetched step=%s why=%s", step, fault)
            return
        try:
            kind, body = ANSWER, answer(step, question)
        except HansaError as refusal:
            kind, body = REFUSED, refusal_bytes(str(refusal))
        try:
            self._send(step, kind, body)
        except LinkError as fault:
            logger.warning("answer not sent step=%s why=%s", step, fault)

    def _question(self, letter: Letter) -> bytes:
        if not letter.head.place:
            return letter.body
        shared = subjects.shared_bucket(self._end.run)
        return objects.fetch(self._end.link, shared, letter.head, READ_SECONDS)

    def _send(self, step: str, kind: str, body: bytes) -> None:
        end, inside = self._end, len(body) <= INLINE_BYTES
        own = subjects.party_bucket(end.run, end.name)
        lies = () if inside else objects.store(end.link, own, body, READ_SECONDS)
        head = Head(end.run, step, end.name, COORDINATOR, kind, len(body), digest_of(body), *lies)
        content = signed(head, body if inside else b"", end.key)
        end.link.publish([(subjects.from_party(end.run, end.name), content)])
