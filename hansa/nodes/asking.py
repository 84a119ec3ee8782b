"""The steps of a run as its coordinator takes them: each asks all parties, and waits as the charter says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from hansa.core import codec
from hansa.core.charter import Charter
from hansa.core.errors import AbortedError, HansaError, LinkError, MessageError, PartyError
from hansa.core.steps import Step
from hansa.registry.node_store import NodeStore
from hansa.transport.seam import Body, Refusal, Transport

logger = logging.getLogger(__name__)

_FAREWELL_S = 5.0
_COUNTED = "counted"  # the name of who answered in time, by step, in the round at work
_MOST_SAID = 500  # characters of a refusal: it is others' text


class Asking:
    """Numbers the steps of a run, and remembers of the round at work who was counted in each."""

    def __init__(self, charter: Charter, transport: Transport, store: NodeStore) -> None:
        """Take the charter; store: where it is kept who was counted."""
        self.charter, self._transport, self._store = charter, transport, store
        self.expelled: Callable[[], Collection[str]] = tuple  # who shall be no member any more, by now
        self.names = tuple(party.name for party in charter.roster)
        self.round, self.number = 0, 0
        kept = store.state(_COUNTED)
        self._step: Step | None = None  # the one at work, if it may go on without somebody
        self._least = 0  # how many must be counted in it
        self._counted: dict[str, list[str]] = {} if kept is None else codec.decode(kept)

    @property
    def needed(self) -> int:
        """Return how many parties must answer in a round in time."""
        return self.charter.needed

    def has_settled(self, round_: int) -> bool:
        """Return whether a step of a round is settled: who counted in it has answered in that round."""
        return any(step.startswith(f"{round_}.") for step in self._counted)

    def step(self, kind: str) -> Step:
        """Return the next step of the round at work."""
        step = Step(self.round, self.number, kind)
        self.number += 1
        return step

    def begin(self, round_: int, number: int = 0) -> None:
        """Go on with a step of a round, by default its first."""
        self.round, self.number = round_, number
        self._counted = {
            step: names for step, names in self._counted.items() if step.startswith(f"{round_}.")
        }

    def ask(
        self,
        kind: str,
        questions: Mapping[str, bytes],
        *,
        all_of_them: bool = True,
        seconds: float | None = None,
        wrong: dict[str, MessageError] | None = None,
    ) -> Iterator[tuple[str, bytes]]:
        """Take a step; return each party and its answer, in the order of the roster, read one at a time.

        Questions may be as large as a model: nothing here holds them once all have answered.
        all_of_them: whether nobody may be left out, whatever the charter says of lateness. seconds: how long
        it waits; None: as the charter says. wrong: takes who answered what it did not sign; none: that ends
        the step, or counts as late.
        Raises PartyError for a refusal, and AbortedError where too few answer in time.
        """
        step = self.step(kind)
        late = self.charter.lateness
        before = self._counted.get(step.text)
        asked = questions if before is None else {name: questions[name] for name in before}
        found = self._transport.exchange(step.text, asked, seconds or late.seconds)
        if len(found) < len(asked) and not all_of_them and self.charter.changes_members:
            gone = self.expelled()
            asked = {name: one for name, one in asked.items() if name in found or name not in gone}
        refused = {name: one for name, one in found.items() if isinstance(one, Refusal)}
        here = [name for name in asked if name in found and name not in refused]
        may_lack = before is None and late.rule != "wait" and not all_of_them
        self._least = min(self.needed, len(asked)) if may_lack else len(asked)
        if len(here) < max(1, self._least):
            raise self.lacking(step, asked, found, refused)
        self._step = step if may_lack or len(asked) < len(before or questions) else None
        return self._read(here, found, wrong)

    def drops(self, name: str, fault: HansaError) -> bool:
        """Return whether the step at work goes on without a party whose answer is none; it counts as late."""
        may = self._step is not None and self.charter.lateness.rule != "wait"
        if may:
            logger.warning("counted as late party=%s why=%s", name, fault)
        return may

    def settle(self, names: Sequence[str]) -> None:
        """Keep whose answers counted in the step at work: after a restart these are asked, and no others.

        Raises AbortedError where they are too few.
        """
        if self._step is None:
            return
        if len(names) < self._least:
            raise self.too_few(self._step, len(names), self._least)
        self._counted[self._step.text] = list(names)
        self._store.keep({_COUNTED: codec.encode(self._counted)})

    def tell(self, kind: str, **told: Any) -> dict[str, dict[str, Any]]:
        """Take a step that asks all the same; return each one's answer, which is a map."""
        if not self.names:
            return {}
        return self.maps(kind, dict.fromkeys(self.names, codec.encode(told)))

    def tell_some(
        self, names: Sequence[str], kind: str, seconds: float | None, told: Mapping[str, Any]
    ) -> dict[str, dict[str, Any]]:
        """Take a step that asks some parties the same; seconds: how long it waits, or as the charter says."""
        answers = self.ask(kind, dict.fromkeys(names, codec.encode(dict(told))), seconds=seconds)
        return {name: as_map(body, name, kind) for name, body in answers}

    def maps(self, kind: str, questions: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
        """Take a step; return each party's answer, which is a map."""
        return {name: as_map(body, name, kind) for name, body in self.ask(kind, questions)}

    def farewell(self) -> None:
        """Tell all that the run is over; who does not hear it waits for nothing."""
        if not self.names:
            return
        step = Step(self.round, self.number, "bye")
        questions = dict.fromkeys(self.names, codec.encode({}))
        self._transport.exchange(step.text, questions, _FAREWELL_S)

    def too_few(self, step: Step, count: int, least: int) -> AbortedError:
        """Return what is said where too few answers are sound."""
        return AbortedError(
            f"{count} parties gave an answer, and {step.words} needs {least}",
            do="see what the log says of the others, and start the coordinator again: it goes on",
            where=self.charter.name,
        )

    def lacking(
        self,
        step: Step,
        asked: Mapping[str, bytes],
        found: Mapping[str, Body | Refusal],
        refused: Mapping[str, Refusal],
    ) -> PartyError | AbortedError:
        """Return what is said where a step cannot go on."""
        for name, refusal in refused.items():
            why = " ".join(refusal.why.split())[:_MOST_SAID].removeprefix(f"{name}: ").rstrip(".")
            return PartyError(f"refuses {step.words}: {why}", do="settle it with them", where=name)
        gone = [name for name in asked if name not in found and name in self.expelled()]
        if gone:
            return AbortedError(
                f"cannot go on without {', '.join(gone)}, no member under that key any more, in {step.words}",
                do="begin another run with the members of now, in another folder",
                where=self.charter.name,
            )
        absent = ", ".join(name for name in asked if name not in found)
        return AbortedError(
            f"within {self.charter.lateness.seconds:g} s there was no answer of {absent}, in {step.words}",
            do="see that their nodes run, and start the coordinator again: it goes on",
            where=self.charter.name,
        )

    def _read(
        self, names: Sequence[str], found: dict[str, Body | Refusal], wrong: dict[str, MessageError] | None
    ) -> Iterator[tuple[str, bytes]]:
        """Yield answers as they are read; each goes before the next is fetched."""
        for name in names:
            answer = found.pop(name)
            assert not isinstance(answer, Refusal)
            try:
                body = answer.read()
            except (MessageError, LinkError) as fault:
                if wrong is not None and isinstance(fault, MessageError):
                    wrong[name] = fault
                    continue
                if self.drops(name, fault):
                    continue
                raise
            yield name, body
            del answer, body  # as large as a model: it goes before the next comes


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
