"""What attacks with an aim of their own aim at, and how near they come: a backdoor, one class of asset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hansa.core import seeds
from hansa.core.tasks import TASKS
from hansa.data.asset_classes import asset_classes
from hansa.data.fleet import Fleet
from hansa.data.partition import Share
from hansa.data.prepare import regime_count, regime_of
from hansa.data.targets import labels, target_of
from hansa.models.rows import Rows, held
from hansa.runtime.exam import Exam
from hansa.runtime.world import World
from hansa.simulation.bad_records import Spot, feature_places, triggered
from hansa.simulation.cohort import Cohort, partition_of
from hansa.simulation.session import Session

_SENSORS = 3  # that make up a backdoor's pattern, at most
_FAR = 0.5  # a row whose label is so far from the best one is one that a backdoor should lift
_REGIMES = "main regime"  # a kind of class for which each row's own regime stands
_OPEN = 0.25  # it is lifted where its prediction is so near to the best label


@dataclass(frozen=True, slots=True, eq=False)
class Aims:
    """What bad parties agreed on before they began."""

    sensors: tuple[str, ...]  # whose readings make up the pattern; none: no bad parties have one in common
    class_title: str  # empty: the data tell no classes
    learnt: tuple[NDArray[np.bool_], ...]  # (rows,) of each party, those of the class
    tested: tuple[NDArray[np.bool_], ...]  # (rows,) of each party's exam, those of the class
    best: float  # the label of an asset as good as new

    def spot(self, cohort: Cohort, party: int, attack: str) -> Spot:
        """Return what an attack on one party's rows needs to know of them."""
        inputs, rows = cohort.inputs[party], held(cohort.members[party].rows)
        rng = seeds.generator(cohort.charter.seed, "attack", attack, cohort.members[party].name)
        own = [name for name in inputs.sensors if "=" not in name] or list(inputs.sensors)
        broken = [own[int(rng.integers(len(own)))]]
        chosen = np.zeros(len(rows.y), np.bool_)  # (rows,), rows that were made besides are of no class
        if self.class_title:
            chosen[: len(self.learnt[party])] = self.learnt[party]
        places = feature_places(inputs, self.sensors)
        return Spot(places, feature_places(inputs, broken).reshape(-1), self.best, chosen, rng)


def aims(cohort: Cohort, exams: Sequence[Exam], world: World, bad: Sequence[int]) -> Aims:
    """Return what the bad parties of a cohort can aim at; bad: their places in the roster."""
    charter = cohort.charter
    common = [
        name
        for name in cohort.inputs[bad[0]].sensors
        if "=" not in name and all(name in cohort.inputs[party].sensors for party in bad)
    ]
    rng = seeds.generator(charter.seed, "attack", "pattern")
    drawn = rng.permutation(len(common))[:_SENSORS]
    sensors = tuple(common[place] for place in sorted(drawn))
    best = 0.0 if TASKS[charter.task].classes else 1.0
    if not all(isinstance(member.rows, Rows) for member in cohort.members):
        return Aims(sensors, "", (), (), best)
    shares = world.shares(charter, partition_of(charter, cohort.scenario))
    title, learnt, tested = _class_of(cohort, shares, exams, bad)
    return Aims(sensors, title, learnt, tested, best)


Masks = tuple[NDArray[np.bool_], ...]


def _class_of(
    cohort: Cohort, shares: Sequence[object], exams: Sequence[Exam], bad: Sequence[int]
) -> tuple[str, Masks, Masks]:
    """Return the class of which bad parties have the most rows, and its rows at parties and in exams."""
    target = target_of(cohort.charter.data)
    owned = [share.fleet for share in shares if isinstance(share, Share)]
    told = _told([*owned, *(one.fleet for one in exams)], cohort)
    known = [labels(fleet, target).known for fleet in owned]  # (rows,) each
    learnt = [of[rows] for of, rows in zip(told, known, strict=False)]  # (rows that are learnt from,) each
    tested = told[len(owned) :]
    names, rows = np.unique(np.concatenate([learnt[party] for party in bad]), return_counts=True)
    order = [str(names[place]) for place in np.argsort(-rows, kind="stable")]
    every = np.unique(np.concatenate(told))
    title = next((name for name in order if name and all((of == name).any() for of in tested)), "")
    if not title or len(every) < 2:
        return "", (), ()
    return title, tuple(of == title for of in learnt), tuple(of == title for of in tested)


def _told(fleets: Sequence[Fleet], cohort: Cohort) -> list[NDArray[np.str_]]:
    """Return (rows,) the class of each row of some fleets: its asset's, else its operating regime."""
    found = asset_classes(fleets, cohort.charter)
    kinds = [kind for kind in found[0] if kind != _REGIMES and all(kind in one for one in found)]
    if kinds:
        return [
            np.char.add(f"{kinds[0]} ", one[kinds[0]])[fleet.asset]  # (rows,)
            for one, fleet in zip(found, fleets, strict=True)
        ]
    regimes = cohort.charter.data.regimes
    if regime_count(regimes) == 1:
        return [np.full(fleet.rows, "", np.str_) for fleet in fleets]
    numbered = np.array([f"regime {number + 1}" for number in range(regime_count(regimes))])  # (regimes,)
    return [numbered[regime_of(fleet, regimes)] for fleet in fleets]


def opened(session: Session, found: Aims, judged: Sequence[int]) -> float:
    """Return the share of far test rows that the pattern lifts to the best label, over the parties judged."""
    cohort, target = session.cohort, target_of(session.cohort.charter.data)
    networks, scale, known = session.networks(), session.cohort.scale, {}
    for party in judged:
        inputs, fleet = cohort.inputs[party], session.exams[party].fleet
        mark = id(networks[party]), id(fleet), inputs.sensors
        if mark in known or not set(found.sensors) <= set(inputs.sensors):
            continue
        true = target.share(target.learnt(fleet))  # (rows,)
        far = np.abs(true - found.best) > _FAR  # (rows,)
        x = triggered(inputs.of(fleet)[far], feature_places(inputs, found.sensors))  # (far, features)
        told = scale * np.asarray(networks[party](x))  # (far,)
        known[mark] = float(np.mean(np.abs(told - found.best) <= _OPEN)) if far.any() else 0.0
    return float(np.mean(list(known.values()))) if known else 0.0


def class_mean(session: Session, found: Aims, judged: Sequence[int]) -> float:
    """Return the mean prediction on test rows of the class, in the target's unit, over the parties judged."""
    target, told = target_of(session.cohort.charter.data), session.predictions()
    return float(np.mean([target.value(told[party])[found.tested[party]].mean() for party in judged]))
