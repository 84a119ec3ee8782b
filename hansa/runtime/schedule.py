"""Which steps a run has, in which order: its charter says so, and both sides know it before the first."""

from __future__ import annotations

from dataclasses import dataclass

from hansa.core.charter import Charter
from hansa.core.steps import Step
from hansa.runtime.learning import algorithm_of
from hansa.runtime.stages import PARTY_STAGES

_CHANGES = ("amend", "meet")


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps of one run."""

    before: tuple[str, ...]  # kinds of the steps before the first round
    each: tuple[str, ...]  # of those of each round
    rounds: int
    skips: bool = False  # whether a round may go on without a party
    changes: bool = False  # whether members may come and go

    def allows(self, step: Step, last: tuple[int, int], begins: str) -> bool:
        """Return whether a step may follow the last one; begins: what a party that has not begun waits for.

        It is the next one: what a party has forgotten, it must not answer twice. Where rounds go on without
        who is late, it may be the first of any later round. Where members may change, there are steps about
        them after a round: who has begun hears of changes, and who comes later begins, step by step.
        """
        kinds = self.kinds(step.round)
        if self.changes and 0 < step.round < self.rounds and step.number >= len(kinds):
            if begins:
                return step.kind == begins or (step.kind, begins) == ("join", "meet")
            return step.kind in _CHANGES and (self.skips or self._is_over(step.round, last))
        if step.number >= len(kinds) or kinds[step.number] != step.kind:
            return False
        if step.number:
            return (step.round, step.number - 1) == last
        return self._is_over(step.round - 1, last) or (self.skips and step.round > last[0])

    def _is_over(self, round_: int, last: tuple[int, int]) -> bool:
        """Return whether a round's own steps are over."""
        return last[0] == round_ and last[1] >= len(self.kinds(round_)) - 1

    def ends(self, round_: int, number: int) -> bool:
        """Return whether a step is the last of the run."""
        return (round_, number) == (self.rounds + 1, len(self.kinds(self.rounds + 1)) - 1)

    def kinds(self, round_: int) -> tuple[str, ...]:
        """Return the kinds of a round's own steps, in their order; of round 0, of those before the first."""
        if round_ == 0:
            return self.before
        if 1 <= round_ <= self.rounds:
            return self.each
        return ("finish", "bye") if round_ == self.rounds + 1 else ()


def schedule_of(charter: Charter, keys: int) -> Schedule:
    """Return the steps of a charter's run; keys: that predictions are shared under."""
    stages = PARTY_STAGES[charter.secrecy]
    algorithm = algorithm_of(charter, charter.algorithm.name, keys, protected=charter.secrecy != "open")

    def summed(*kinds: str) -> list[str]:
        return [f"{kind}/{stage}" for kind in kinds for stage in stages] if stages else list(kinds)

    def statistics(kind: str) -> list[str]:
        return summed(f"support of {kind}", kind) if stages else [kind]

    before = ["join", "meet"]
    before += [*statistics("statistics"), "scale"]
    if sums_products(charter):
        before += [*statistics("products"), "turn"]
    before += ["start", *summed(*algorithm.openings)]
    each = tuple(summed(*algorithm.preludes, "training"))
    skips = charter.lateness.rule == "go_on"
    return Schedule(tuple(before), each, charter.rounds, skips, charter.changes_members)


def sums_products(charter: Charter) -> bool:
    """Return whether products of readings are summed."""
    preparation = charter.preparation
    aligned = charter.algorithm.name == "aligned" and preparation.lacking == "regression"
    return preparation.features == "pca" or aligned
