"""The steps of a run, one after the other: each is one exchange, asked of every party."""

from __future__ import annotations

from dataclasses import dataclass

from hansa.core.errors import MessageError

_MOST_KIND = 100  # characters


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One exchange of a run."""

    round: int  # of training, from 1; 0: before it
    number: int  # of the exchange within the round, from 0
    kind: str  # what is exchanged

    @property
    def text(self) -> str:
        """Return how messages name it."""
        return f"{self.round}.{self.number}.{self.kind}"

    @property
    def words(self) -> str:
        """Return how people call it."""
        return f"{self.kind} of round {self.round}" if self.round else self.kind


def step_of(text: str) -> Step:
    """Return the step of a text; raises MessageError for what names none."""
    parts = text.split(".", 2)
    if len(parts) == 3 and all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts[:2]):
        step = Step(int(parts[0]), int(parts[1]), parts[2])
        if step.text == text and step.kind.isprintable() and len(step.kind) <= _MOST_KIND:
            return step
    raise MessageError(f"its step {text[:40]!r} is none", do="drop the message", where="coordinator")
