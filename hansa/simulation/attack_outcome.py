"""What came of one rule under one attack: figures, losses and verdicts, of the parties that are not bad."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core.methods import METHODS
from hansa.core.tasks import TASKS
from hansa.judging.verdicts import LESS, REJECTED
from hansa.simulation.judged import JudgedSums
from hansa.simulation.session import Session

_LEAST = 1e-9  # figure that others are measured by


@dataclass(frozen=True, slots=True)
class Counts:
    """Verdicts on some parties, as shares of their updates."""

    rejected: float
    less: float  # down-weighted


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one rule under one attack."""

    rule: str
    attack: str
    touched: tuple[str, ...]  # the parties that are bad, or at fault
    figures: Mapping[str, float]  # the compared measure by protocol; empty where the run broke
    loss: Mapping[str, float]  # by protocol, how much worse than unattacked and undefended, in percent
    broke: int  # the round in which the finite numbers were left; 0: none
    why: str  # it broke, as the run says; empty: it did not
    bad: Counts | None  # verdicts on the parties touched; None where nobody is judged
    others: Counts | None
    accused: tuple[str, ...]  # the parties that the angles of all rounds say ride free, or are faulty
    stayed: int  # rounds in which too few were left, so that the last model stayed
    aim: float | None = None  # the attack's own measure
    aim_before: float | None = None  # the same without the attack, under the same rule

    def value(self) -> dict[str, Any]:
        """Return the plain value."""
        return asdict(self) | {"touched": list(self.touched), "accused": list(self.accused)}


def figures_of(session: Session, judged: Sequence[int]) -> dict[str, float]:
    """Return the compared measure by protocol, of the common model or of the parties judged.

    judged: their places in the roster.
    """
    cohort, exams, told = session.cohort, session.exams, session.predictions()
    task, reading = TASKS[cohort.charter.task], METHODS[cohort.scenario].reading
    together = all(exams[0].asks_the_same(one) for one in exams)
    if together and reading == "one model":
        scores = list(exams[0].score(told[0]))
    elif together and reading == "joined":
        joined: NDArray[np.float32] = np.mean([told[place] for place in judged], axis=0)  # (rows,)
        scores = list(exams[0].score(joined))
    else:
        solo = [exams[place].score(told[place]) for place in judged]
        scores = [first.mean(others) for first, *others in zip(*solo, strict=True)]
    return {
        protocol: float(score.value()[task.compared])
        for protocol, score in zip(task.protocols, scores, strict=True)
    }


def losses(figures: Mapping[str, float], first: Mapping[str, float], task: str) -> dict[str, float]:
    """Return by how many percent figures are worse than the first run's, by protocol."""
    measured = TASKS[task]
    sign = -1.0 if measured.measures[measured.compared].higher else 1.0
    return {
        protocol: 100.0 * sign * (figure - first[protocol]) / max(first[protocol], _LEAST)
        for protocol, figure in figures.items()
    }


def shift(mean: float | None, before: float | None) -> float | None:
    """Return by how many percent a mean prediction is off that of the unattacked run."""
    return None if mean is None or not before else 100.0 * (mean / before - 1.0)


def counts(judge: JudgedSums, touched: Sequence[str]) -> tuple[Counts | None, Counts | None]:
    """Return verdicts on the parties touched, and on the others; none where there were no verdicts."""
    found: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for verdict in judge.memory.verdicts:
        found[verdict.party in touched][verdict.outcome] += 1
    if not judge.memory.verdicts:
        return None, None

    def shares(counted: Counter[str]) -> Counts:
        every = max(counted.total(), 1)
        return Counts(counted[REJECTED] / every, counted[LESS] / every)

    return shares(found[True]), shares(found[False])


def accused(judge: JudgedSums) -> tuple[str, ...]:
    """Return the parties that the angles of all rounds say ride free, or are faulty."""
    return tuple(dict.fromkeys(who for one in judge.memory.findings() if one.accuses for who in one.parties))
