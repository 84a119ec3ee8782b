"""The steps of a run as its coordinator takes them: each asks all parties, and waits for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hansa.core import codec
from hansa.core.errors import AbortedError, MessageError, PartyError
from hansa.core.steps import Step
from hansa.transport.seam import Refusal, Transport

PATIENCE_S = 3600.0
"""How long a step waits for its last party before the run ends."""


_MOST_SAID = 500  # characters of a refusal: it is others' text


class Asking:
    """Numbers the steps of a run."""

    def __init__(self, names: Sequence[str], transport: Transport, charter: str) -> None:
        """Take the parties in the order of the roster; charter: how errors call the run."""
        self.names, self._transport, self._charter = tuple(names), transport, charter
        self.round, self.number = 0, 0

    def begin(self, round_: int) -> None:
        """Go on with the first step of a round."""
        self.round, self.number = round_, 0

    def ask(self, kind: str, questions: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
        """Take a step; yield each party and its answer, in the order of the roster, one at a time.

        Raises PartyError for a refusal, and AbortedError where a party does not answer in time.
        """
        step = Step(self.round, self.number, kind)
        self.number += 1
        found = self._transport.exchange(step.text, questions, PATIENCE_S)
        for name in questions:
            if name not in found:
                raise AbortedError(
                    f"{name} did not answer within {PATIENCE_S:g} s, in {step.words}",
                    do="see that its node runs, and start the coordinator again: it goes on",
                    where=self._charter,
                )
            answer = found.pop(name)
            if isinstance(answer, Refusal):
                why = " ".join(answer.why.split())[:_MOST_SAID]
                raise PartyError(f"refuses {step.words}: {why}", do="settle it with them", where=name)
            yield name, answer.read()

    def tell(self, kind: str, **told: Any) -> dict[str, dict[str, Any]]:
        """Take a step that asks all the same; return each party's answer, which is a map."""
        return self.maps(kind, dict.fromkeys(self.names, codec.encode(told)))

    def maps(self, kind: str, questions: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
        """Take a step; return each party's answer, which is a map."""
        return {name: as_map(body, name, kind) for name, body in self.ask(kind, questions)}


def as_map(body: bytes, name: str, kind: str) -> dict[str, Any]:
    """Return an answer that is a map; raises MessageError for anything else."""
    try:
        value = codec.decode(body)
    except ValueError as fault:
        raise no_answer(name, kind) from fault
    if not isinstance(value, dict):
        raise no_answer(name, kind)
    return value


def no_answer(name: str, kind: str) -> MessageError:
    """Return what is said of an answer that is none."""
    return MessageError(f"its answer to {kind} is none", do="see which version of Hansa it runs", where=name)
