"""Which steps a run has, in which order: its charter says so, and both sides know it before the first."""

from __future__ import annotations

from dataclasses import dataclass

from hansa.core.charter import Charter
from hansa.core.steps import Step
from hansa.runtime.learning import algorithm_of
from hansa.runtime.masked_answers import STAGES


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps of one run."""

    before: tuple[str, ...]  # kinds of the steps before the first round
    each: tuple[str, ...]  # of those of each round
    rounds: int

    def after(self, round_: int, number: int) -> Step | None:
        """Return the step after another one, (-1, -1) before the first; None after the last."""
        kinds = self._kinds(round_)
        round_, number = (round_, number + 1) if number + 1 < len(kinds) else (round_ + 1, 0)
        kinds = self._kinds(round_)
        return Step(round_, number, kinds[number]) if kinds else None

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
