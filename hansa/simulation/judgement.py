"""All that judges one scenario: the rule and its verdicts, the gate and its votes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from hansa.core.methods import METHODS
from hansa.runtime.judged_value import judged_value
from hansa.simulation.batched import BatchedParties
from hansa.simulation.cohort import Cohort
from hansa.simulation.contributions import Contributions
from hansa.simulation.gate import Gate


class Judgement:
    """What is judged of a scenario, round by round; nothing where its charter asks for none."""

    def __init__(self, cohort: Cohort, parties: BatchedParties) -> None:
        """Take the parties."""
        self._judge = cohort.judge
        self._names = [member.name for member in cohort.members]
        votes = cohort.charter.gate.every and METHODS[cohort.scenario].exchanges != "nothing"
        self._gate = Gate(cohort, parties) if votes else None
        pays = cohort.charter.reward.measure != "none" and cohort.judge is not None
        self._brought = Contributions(cohort, parties) if pays else None

    def open(self, state: Any) -> None:
        """Take note of what there is before anybody has trained."""
        if self._gate is not None:
            self._gate.open(state)

    def passed(self, done: int, rounds: int, state: Any) -> Any:
        """Return the state to go on from after a round."""
        if self._brought is not None and self._judge is not None:
            self._brought.measure(done, state, self._judge)
        if self._gate is None or not self._gate.due(done, rounds):
            return state
        following = self._gate.passed(done, state)
        if not self._gate.votes[-1].promoted:
            self._forget()
        return following

    def _forget(self) -> None:
        """Let rounds since the last adopted model count for nothing; what they sent may be sent again."""
        assert self._gate is not None
        adopted = max((one.round for one in self._gate.votes if one.promoted), default=0)
        if self._brought is not None:
            self._brought.take_back(adopted)
        if self._judge is not None:
            self._judge.memory.seen.clear()

    def found(self) -> dict[str, Any]:
        """Return plain values: verdicts, their sums by party, the rounds that changed nothing, votes."""
        votes = None if self._gate is None else self._gate.votes
        return judged_value(self._names, self._judge, self._brought, votes)

    def snapshot(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return arrays and plain values from which `restore` goes on to the same bits."""
        kept: dict[str, NDArray[Any]] = {}
        values: dict[str, Any] = {}
        for place, part in self._parts().items():
            own, values[place] = part.snapshot()
            kept |= {f"{place}/{name}": one for name, one in own.items()}
        return kept, values

    def restore(self, kept: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Go on where a snapshot was taken."""
        for place, part in self._parts().items():
            own = {
                name.removeprefix(f"{place}/"): one for name, one in kept.items() if name.startswith(place)
            }
            part.restore(own, values[place])

    def _parts(self) -> dict[str, Any]:
        memory = self._judge and self._judge.memory
        parts = {"sums": memory, "gate": self._gate, "brought": self._brought}
        return {place: part for place, part in parts.items() if part is not None}
