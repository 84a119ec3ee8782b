"""Which steps a run has, in which order: its charter says so, and both sides know it before the first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hansa.core.charter import Charter
from hansa.core.steps import Step
from hansa.nodes.stages import PARTY_STAGES
from hansa.runtime.earnings import Earnings
from hansa.runtime.learning import algorithm_of

COMMIT, REVEAL = "commit", "reveal"
"""The messages of a party in one sum that is judged, in their order."""

VOTE, ADOPT, MARK, VERDICTS = "vote", "adopt", "mark", "verdicts"
"""What those who judge ask: test a model, go on from it or go back, value the others' parts; and tell."""

BESIDE = frozenset((VOTE, ADOPT, MARK, VERDICTS))

_BEGINNING = ("scale", "start")


def _nothing(_: int) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps of one run."""

    before: tuple[str, ...]  # kinds of the steps before the first round
    each: tuple[str, ...]  # of those that each round begins with
    rounds: int
    skips: bool = False  # whether a round may go on without a party
    changes: bool = False  # whether members may come and go, and not their keys alone
    beside: Callable[[int], tuple[str, ...]] = _nothing  # of those of a round after these
    told: tuple[str, ...] = ()  # of those between the last common numbers and the farewell

    def allows(self, step: Step, last: tuple[int, int], begins: str) -> bool:
        """Return whether a step may follow the last one; begins: what a party that has not begun waits for.

        It is the next one: what a party has forgotten, it must not answer twice. Where rounds go on without
        who is late, it may be the first of any later round. After a round there are steps about members.
        """
        kinds = self.kinds(step.round)
        if 0 < step.round < self.rounds and step.number >= len(kinds):
            return self._about_members(step, last, begins)
        if step.number >= len(kinds) or kinds[step.number] != step.kind:
            return False
        if step.number:
            return (step.round, step.number - 1) == last
        return self._is_over(step.round - 1, last) or (self.skips and step.round > last[0])

    def _about_members(self, step: Step, last: tuple[int, int], begins: str) -> bool:
        """Return whether a step after a round may follow: its members hear of changes.

        Where they may come and go, who comes later begins step by step, and may be taken through that again.
        """
        if begins in ("join", "meet"):
            return self.changes and step.kind in ("join", begins)
        if begins:
            due = _BEGINNING[: _BEGINNING.index(begins) + 1]
            return self.changes and step.kind in ("meet", "amend", *due)
        kinds = ("meet", "amend", "rekey", *(_BEGINNING if self.changes else ()))
        passed = 0 < last[0] < step.round and last[1] >= len(self.kinds(last[0]))  # by a round, unasked
        return step.kind in kinds and (self.skips or passed or self._is_over(step.round, last))

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
            return self.each + self.beside(round_)
        return ("finish", *self.told, "bye") if round_ == self.rounds + 1 else ()


def schedule_of(charter: Charter, keys: int) -> Schedule:
    """Return the steps of a charter's run; keys: that predictions are shared under."""
    stages = PARTY_STAGES[charter.secrecy]
    algorithm = algorithm_of(charter, charter.algorithm.name, keys, protected=charter.secrecy != "open")

    def summed(*kinds: str) -> list[str]:
        return [f"{kind}/{stage}" for kind in kinds for stage in stages] if stages else list(kinds)

    def learnt(*kinds: str) -> list[str]:
        if not charter.judges:
            return summed(*kinds)
        return [f"{kind}/{stage}" for kind in kinds for stage in (COMMIT, REVEAL)]

    def statistics(kind: str) -> list[str]:
        return summed(f"support of {kind}", kind) if stages else [kind]

    before = ["join", "meet"]
    before += [*statistics("statistics"), "scale"]
    if sums_products(charter):
        before += [*statistics("products"), "turn"]
    before += ["start", *learnt(*algorithm.openings), *[VOTE] * bool(charter.gate.every)]
    each = tuple(learnt(*algorithm.preludes, "training"))
    skips = charter.lateness.rule != "wait"
    told = (VERDICTS,) if charter.judges or charter.gate.every else ()
    beside = _judged(charter)
    return Schedule(tuple(before), each, charter.rounds, skips, charter.changes_members, beside, told)


def _judged(charter: Charter) -> Callable[[int], tuple[str, ...]]:
    """Return what tells which steps a round has for those who judge it."""
    earnings = Earnings(charter, charter.algorithm.name) if charter.reward.measure != "none" else None

    def steps(round_: int) -> tuple[str, ...]:
        marked = [MARK] if earnings is not None and earnings.due(round_) else []
        return (*marked, *([VOTE, ADOPT] if votes_after(charter, round_) else []))

    return steps


def votes_after(charter: Charter, round_: int) -> bool:
    """Return whether parties vote after a round; they do after the last."""
    every = charter.gate.every
    return bool(every) and (round_ % every == 0 or round_ == charter.rounds)


def sums_products(charter: Charter) -> bool:
    """Return whether products of readings are summed."""
    preparation = charter.preparation
    aligned = charter.algorithm.name == "aligned" and preparation.lacking == "regression"
    return preparation.features == "pca" or aligned
