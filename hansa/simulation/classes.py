"""Errors by class of asset: what a scenario gets wrong about each kind of test asset that the data tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hansa.core.charter import Charter
from hansa.data.asset_classes import Classes, asset_classes
from hansa.runtime.exam import Exam
from hansa.runtime.result import ByClass, ClassErrors


def errors_by_class(exam: Exam, classes: Classes, predictions: NDArray[np.float32]) -> ByClass:
    """Return the errors of (rows,) raw predictions; classes: of the exam's fleet."""
    found = {}
    for kind, of in classes.items():
        names, number = np.unique(of, return_inverse=True)  # (classes,), (assets,)
        errors = zip(names, np.bincount(number), exam.by_class(predictions, number), strict=True)
        found[kind] = {str(name): ClassErrors(int(assets), own) for name, assets, own in errors if own}
    return {kind: told for kind, told in found.items() if told}


def of_class(exam: Exam, predictions: NDArray[np.float32], chosen: NDArray[np.bool_]) -> dict[str, float]:
    """Return the compared measure by protocol on some assets; chosen: (assets,); nothing where none is."""
    if not chosen.any():
        return {}
    number = np.zeros(len(chosen), np.int64) if chosen.all() else chosen.astype(np.int64)  # (assets,)
    return exam.by_class(predictions, number)[-1]


def mean_by_class(
    exams: Sequence[Exam], charter: Charter, predictions: Sequence[NDArray[np.float32]]
) -> ByClass:
    """Return each class's mean over the parties that are judged on it, each on its own exam.

    One array that many predict on one exam is judged once. The assets of a class are those of all exams.
    """
    fleets = {id(one): one.fleet for one in exams}
    classes = dict(zip(fleets, asset_classes(list(fleets.values()), charter), strict=True))
    if not any(classes.values()):
        return {}
    known: dict[tuple[int, int], ByClass] = {}
    for one, own in zip(exams, predictions, strict=True):
        if (id(one), id(own)) not in known:
            known[id(one), id(own)] = errors_by_class(one, classes[id(one)], own)
    every = [known[id(one), id(own)] for one, own in zip(exams, predictions, strict=True)]
    first = {id(one): found for one, found in zip(exams, every, strict=True)}  # an exam's assets count once
    kinds = dict.fromkeys(kind for found in every for kind in found)
    return {kind: _mean([one.get(kind, {}) for one in every], [one.get(kind, {}) for one in first.values()])
            for kind in kinds}  # fmt: skip


def _mean(
    every: Sequence[Mapping[str, ClassErrors]], exams: Sequence[Mapping[str, ClassErrors]]
) -> dict[str, ClassErrors]:
    found = {}
    for name in sorted({name for one in every for name in one}):
        own = [one[name] for one in every if name in one]
        found[name] = ClassErrors(
            sum(one[name].assets for one in exams if name in one),
            {name: float(np.mean([one.figures[name] for one in own])) for name in own[0].figures},
        )
    return found
