"""The parties of one session, or of several that differ by their seed, computed together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from hansa.core.messages import Ask
from hansa.simulation.batched import BatchedParties
from hansa.simulation.cohort import Cohort
from hansa.simulation.exam import Exam

ONE_MODEL = ("centralised", "fedavg")
"""Scenarios whose parties all predict with one common model."""


class Crew:
    """All parties of cohorts that run the same algorithm; a cohort's seat is its place in the list."""

    def __init__(self, cohorts: Sequence[Cohort], exams: Sequence[Sequence[Exam]]) -> None:
        """Take the cohorts, and for each the exam of every party."""
        self._common = cohorts[0].scenario in ONE_MODEL
        members = [member for cohort in cohorts for member in cohort.members]
        seats = [seat for seat, cohort in enumerate(cohorts) for _ in cohort.members]
        bounds = np.cumsum([0, *(len(cohort.members) for cohort in cohorts)])
        self._members = [slice(*pair) for pair in pairwise(bounds.tolist())]
        self._parties = BatchedParties(cohorts[0].algorithm, members, _seen(cohorts, exams), seats)

    def exchange(self, asks: Sequence[Ask]) -> list[Any]:
        """Return each seat's totals, or its terms where totals are addressed; one ask a seat."""
        return self._parties.exchange(asks)

    def predictions(self, asks: Sequence[Ask]) -> list[list[jax.Array]]:
        """Return for each seat each party's (rows,) predictions on its exam."""
        found = self._parties.predict(asks, common=self._common)
        return [found[members] for members in self._members]

    def losses(self, seat: int) -> NDArray[np.float64]:
        """Return (parties,) the training loss of each party's last epoch."""
        return self._parties.losses()[self._members[seat]]

    def locals(self, seat: int) -> list[Any]:
        """Return each party's Local."""
        return self._parties.each()[self._members[seat]]

    @property
    def memories(self) -> Any:
        """Return what all parties remember, a tree of arrays; the next exchange takes it away."""
        return self._parties.memories

    @memories.setter
    def memories(self, value: Any) -> None:
        self._parties.memories = value


def _seen(cohorts: Sequence[Cohort], exams: Sequence[Sequence[Exam]]) -> list[NDArray[np.float32]]:
    """Return what each party predicts on: one array for parties that see the same."""
    made: dict[Any, NDArray[np.float32]] = {}
    found = []
    for cohort, own in zip(cohorts, exams, strict=True):
        for inputs, exam in zip(cohort.inputs, own, strict=True):
            sight = (id(exam), inputs.sensors, inputs.mean.tobytes(), inputs.deviation.tobytes())
            if sight not in made:
                made[sight] = inputs.of(exam.fleet)
            found.append(made[sight])
    return found
