"""Forgetting: a federation learns one class of assets, then goes on with fleets of another class alone.

Engines of FD004's training file are told apart by fault mode, one in four is held out, and the others are
dealt to parties by class: half of the parties have the first class, half the second. The first half trains;
then the common model goes on for some rounds at the second half, and nobody of the first takes part. What is
shown is the error of the first half's models on either class, before and after. A party keeps its own part
(a personal model, a head, its change of the common model) and takes the newest common one; under fine_tuned
it may also tune that again, as it did before.

Held-out engines of the training file are the test: they ran to failure, so their fault can be told. Every
engine of FD004 flies all six regimes, so regimes make no classes there. Scaling is agreed by all parties
before the first round. What was found is kept in runs/accuracy, one file a charter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np
from numpy.typing import NDArray

from benchmarks.charters import accurate, fd004
from benchmarks.kept_runs import kept
from benchmarks.measure import Row, at_most, shown
from hansa.algorithms.fine_tuned import FineTuned
from hansa.core import seeds
from hansa.core.charter import Charter
from hansa.data.fleet import Dataset, Fleet
from hansa.data.partition import skew_rank
from hansa.runtime.exam import Exam
from hansa.runtime.world import World, open_world
from hansa.simulation.classes import errors_by_class
from hansa.simulation.cohort import Cohort
from hansa.simulation.federation import Federation
from hansa.simulation.session import Session

SEEDS = (1, 2, 3, 4, 5)
METHODS = ("fedavg", "ditto", "fine_tuned", "fedper")
FIRST, SECOND = "first class", "second class"
ROUNDS = 40  # with the first class: a third of the recipe's, and one network for its four, for the time
AFTER = 20  # with the other fleets, as the goal says
_UNTOUCHED = (
    "fedavg",
    "ditto",
)  # one has no part of its own; the other's predicts alone, and nothing moves it
_ALONE = 10  # of the first rounds, under fine_tuned
_HELD_OUT = 4  # one engine in so many


def rows(data: Path, command: str) -> Iterator[Row]:
    """Yield what each method forgets; data: folder of C-MAPSS, command: what measures the rows again."""
    for name in METHODS:
        runs = [_found(_charter(seed, name), data) for seed in SEEDS]
        text = f"FD004 J = 4 by fault mode, {name}, all-cycle, cap 120, the first fleets' RMSE on the"
        for one in (FIRST, SECOND):
            for when in runs[0]:
                error = float(np.mean([run[when][one] for run in runs]))
                yield shown(f"{text} {one}, {when} {AFTER} rounds of others", error, "cycles", command)
        last = list(runs[0])[-1]
        ratio = float(np.mean([run[last][FIRST] / run["before"][FIRST] for run in runs]))
        measure = f"{text} {FIRST}, {last} over before"
        if name in _UNTOUCHED:
            yield shown(measure, ratio, "times", command)
        else:
            yield at_most(measure, ratio, 1.02, "times", command)


def forgetting(charter: Charter, world: World, after: int) -> dict[str, dict[str, float]]:
    """Return the all-cycle filtered RMSE on each class before and after, the mean over the first parties.

    world: of `two_classes`; the first half of the roster has the first class. after: rounds of the others.
    Under fine_tuned also once the parties came back and tuned the newest common model again.
    """
    cohort, exams = Federation(charter, world=world).gathered(charter.algorithm.name)
    half = charter.parties // 2
    early = _trained(_part(cohort, slice(half)), exams[:half], charter.rounds)
    common = eqx.combine(early.ask().shared, cohort.common)  # a private part is left as it was drawn
    late = _trained(replace(_part(cohort, slice(half, None)), common=common), exams[half:], after)
    asks = {"before": early.ask(), "after": late.ask()}
    found = {when: _errors(exams[0], early.parties.predict(ask)) for when, ask in asks.items()}
    if isinstance(cohort.algorithm, FineTuned):
        alone = replace(cohort.algorithm, common_rounds=0)
        back = replace(_part(cohort, slice(half)), common=late.ask().shared, algorithm=alone)
        tuned = _trained(back, exams[:half], charter.algorithm.alone_rounds)
        found["tuned again after"] = _errors(exams[0], tuned.predictions())
    return found


def two_classes(fleet: Fleet, charter: Charter) -> World:
    """Return a world whose parties' assets are of one class each, and whose test has both.

    Assets are ranked as the charter's deal ranks them, and cut where the middle half of the ranks has its
    widest gap. One asset in four is held out.
    """
    rank = skew_rank(fleet, charter)  # (assets,)
    second = rank > _widest_gap(rank)  # (assets,)
    order = seeds.generator(charter.seed, "assets").permutation(len(rank))  # (assets,)
    tested, taught = order[::_HELD_OUT], np.delete(order, np.s_[::_HELD_OUT])
    test = replace(
        fleet.take_assets(tested),
        traits={charter.partition.deal: np.where(second[np.sort(tested)], SECOND, FIRST)},
    )
    half = charter.parties // 2
    dealt = [own[j::half] for own in (taught[~second[taught]], taught[second[taught]]) for j in range(half)]
    return World("two classes", None, None, tuple(Dataset("", fleet.take_assets(own), test) for own in dealt))


def _widest_gap(rank: NDArray[np.float64]) -> float:
    """Return where to cut (assets,) ranks in two, neither side below a quarter."""
    ordered = np.sort(rank)[len(rank) // 4 : -(len(rank) // 4)]  # (the middle half,)
    widest = int(np.argmax(np.diff(ordered)))
    return float(ordered[widest : widest + 2].mean())


def _part(cohort: Cohort, parties: slice) -> Cohort:
    return replace(cohort, members=cohort.members[parties], inputs=cohort.inputs[parties])


def _trained(cohort: Cohort, exams: list[Exam], rounds: int) -> Session:
    session = Session(cohort, exams, rounds)
    session.open()
    while session.done < rounds:
        session.step()
    return session


def _errors(exam: Exam, predictions: list[NDArray[np.float32]]) -> dict[str, float]:
    """Return the mean over parties of their error on each class."""
    (kind,) = exam.fleet.traits
    found = [errors_by_class(exam, exam.fleet.traits, own)[kind] for own in predictions]
    return {
        name: float(np.mean([one[name].figures["all_cycle"] for one in found])) for name in (FIRST, SECOND)
    }


def _charter(seed: int, algorithm: str) -> Charter:
    charter = accurate(fd004(parties=4, seed=seed, algorithm="fedavg", cap=120))
    alone = _ALONE if algorithm == "fine_tuned" else 0
    return replace(
        charter,
        rounds=ROUNDS,
        algorithm=replace(charter.algorithm, name=algorithm, alone_rounds=alone),
        partition=replace(charter.partition, deal="fault_mode"),
        network=replace(charter.network, ensemble=1),
    )


def _found(charter: Charter, data: Path) -> dict[str, Any]:
    """Return what was found under a charter; from its file where it has been run before."""

    def find() -> dict[str, Any]:
        fleet = open_world(charter, data).train
        assert fleet is not None  # C-MAPSS is one set of assets
        return forgetting(charter, two_classes(fleet, charter), AFTER)

    return kept(charter, find, f"forgetting-{AFTER}-")
