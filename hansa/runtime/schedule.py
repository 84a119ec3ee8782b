"""Which steps a run has, in which order: its charter says so, and both sides know it before the first."""

from __future__ import annotations

from dataclasses import dataclass

from hansa.core.charter import Charter
from hansa.core.steps import Step
from hansa.runtime.learning import algorithm_of
from hansa.runtime.masked_answers import STAGES

_CHANGES, _BEGINNING = ("amend", "meet"), ("join", "meet", "scale", "start")


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps of one run."""

    before: tuple[str, ...]  # kinds of the steps before the first round
    each: tuple[str, ...]  # of those of each round
    rounds: int

    def allows(self, step: Step, last: tuple[int, int], ready: bool) -> bool:
        """Return whether a step may follow the last one; ready: whether the party has begun.

        It is the next, the first of a later round for who was late, or one about members after a round: those
        who have begun hear of changes, and who comes later begins.
        """
        kinds = self._kinds(step.round)
        if 0 < step.round < self.rounds and step.number >= len(kinds):
            return step.kind in (_CHANGES if ready else _BEGINNING)
        if step.number >= len(kinds) or kinds[step.number] != step.kind:
            return False
        return step.number == 0 or (step.round, step.number - 1) == last

    def _kinds(self, round_: int) -> tuple[str, ...]:
        if round_ == 0:
            return self.before
        if 1 <= round_ <= self.rounds:
            return self.each
        return ("finish", "bye") if round_ == self.rounds + 1 else ()


def schedule_of(charter: Charter, keys: int) -> Schedule:
    """Return the steps of a charter's run; keys: that predictions are shared under."""
    masked = charter.secrecy == "masked"
    algorithm = algorithm_of(charter, charter.algorithm.name, keys, protected=charter.secrecy != "open")

    def summed(*kinds: str) -> list[str]:
        return [f"{kind}/{stage}" for kind in kinds for stage in STAGES] if masked else list(kinds)

    def statistics(kind: str) -> list[str]:
        return summed(f"support of {kind}", kind) if masked else [kind]

    before = ["join", "meet"]
    before += [*statistics("statistics"), "scale"]
    if sums_products(charter):
        before += [*statistics("products"), "turn"]
    before += ["start", *summed(*algorithm.openings)]
    return Schedule(tuple(before), tuple(summed(*algorithm.preludes, "training")), charter.rounds)


def sums_products(charter: Charter) -> bool:
    """Return whether products of readings are summed."""
    preparation = charter.preparation
    aligned = charter.algorithm.name == "aligned" and preparation.lacking == "regression"
    return preparation.features == "pca" or aligned
