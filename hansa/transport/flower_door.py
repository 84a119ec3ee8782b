"""A party's end of a run over Flower: the ClientApp that gives a party's answers.

Flower starts a process for every message. What a party remembers lies on its own disk, not in Flower's
context; a message that is lost is asked again, and answered with the bytes that were kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from hansa.core.errors import HansaError, LinkError, MessageError
from hansa.transport.envelope import ANSWER, QUESTION, REFUSED, refusal_bytes
from hansa.transport.flower_letters import COORDINATOR, QUERY, WHO, Writer, roll_call
from hansa.transport.flower_quiet import quiet_flower
from hansa.transport.seam import Answer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a party answers: its name and key in the run, its coordinator's public key, and what it knows."""

    writer: Writer
    coordinator: bytes
    opened: Callable[[], AbstractContextManager[Answer]]  # for one question: a roll call needs no records


DeskOf = Callable[[Any], Desk]
"""Returns a party's desk, from Flower's Context."""


def client_app(desk_of: DeskOf) -> Any:
    """Return the ClientApp of a party. Raises LinkError where Flower is missing or would call home."""
    quiet_flower()
    from flwr.clientapp import ClientApp

    def hansa(message: Any, context: Any) -> Any:
        return _safely(_answered, desk_of, message, context)

    def who(message: Any, context: Any) -> Any:
        return _safely(_named, desk_of, message, context)

    app = ClientApp()
    app.query(QUERY.partition(".")[2])(hansa)
    app.query(WHO.partition(".")[2])(who)
    return app


def _safely(act: Callable[[Desk, Any, Any], Any], desk_of: DeskOf, message: Any, context: Any) -> Any:
    """Return the reply; of a failure the reason stays in the party's log: Flower would send its words."""
    try:
        content = act(desk_of(context), message, context)
        return quiet_flower().Message(content, reply_to=message)
    except MessageError as fault:
        logger.warning("message dropped why=%s", fault)
    except Exception:
        logger.exception("no answer")
    raise LinkError(
        "gives no answer to this message", do="read the party's own log", where="a party"
    ) from None


def _answered(desk: Desk, message: Any, context: Any) -> Any:
    writer = desk.writer
    letter = writer.read(message.content, {COORDINATOR: desk.coordinator}.get)
    if letter.head.kind != QUESTION:
        raise MessageError("an answer, where a question is due", do="drop it", where=COORDINATOR)
    step = letter.head.step
    with desk.opened() as answer:  # what hinders this stays at home, as a failure
        try:
            kind, body = ANSWER, answer(step, letter.body)
        except HansaError as refusal:
            kind, body = REFUSED, refusal_bytes(str(refusal))
    return writer.content(step, COORDINATOR, kind, body)


def _named(desk: Desk, message: Any, context: Any) -> Any:
    return desk.writer.content(roll_call(context.node_id), COORDINATOR, ANSWER, b"")
