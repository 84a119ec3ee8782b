"""The exam of each task but remaining life, and the choice among all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hansa.core import seeds
from hansa.core.charter import Charter
from hansa.core.errors import DataError
from hansa.data.fleet import Fleet, Floats
from hansa.data.targets import Price, target_of
from hansa.models.metrics import average_precision, best_threshold, class_figures, price_figures
from hansa.runtime.exam import Exam, exam
from hansa.runtime.result import Figures


def exam_of(fleet: Fleet, charter: Charter, where: str = "the test") -> Exam:
    """Return the exam of a charter's task on a fleet; rows whose truth is not known are left out.

    where: whose test it is, for errors.
    Raises DataError where nothing is left that could be judged.
    """
    if charter.task == "rul":
        return exam(fleet, charter.data.label_cap, charter.evaluation.filter)
    known = _known(fleet, where)
    if charter.task == "failure":
        rng = seeds.generator(charter.seed, "threshold")
        return class_exam(known, charter.data.validation_share, rng, where)
    target = target_of(charter.data)
    assert isinstance(target, Price)
    return PriceExam(known, known.remaining, target)


@dataclass(frozen=True, slots=True, eq=False)
class ClassExam(Exam):
    """Assets that failed or did not; some choose the threshold, the others are judged."""

    fleet: Fleet
    failed: NDArray[np.bool_]  # (rows,)
    judged: NDArray[np.bool_]  # (rows,), the others choose the threshold

    def figure(self, predictions: NDArray[np.float32]) -> float:
        """Return the area under precision over recall."""
        return average_precision(predictions[self.judged], self.failed[self.judged])

    def score(self, predictions: NDArray[np.float32]) -> tuple[Figures, ...]:
        """Return the figures of the judged rows at the threshold that the others chose."""
        threshold = self.threshold(predictions)
        figures = class_figures(predictions[self.judged], self.failed[self.judged], threshold)
        return (Figures(figures | {"threshold": threshold}),)

    def by_class(
        self, predictions: NDArray[np.float32], number: NDArray[np.integer]
    ) -> list[dict[str, float]]:
        """Return (classes,) the area of the judged rows of each class of assets; empty where none failed."""
        of_row = np.where(self.judged, number[self.fleet.asset], -1)  # (rows,)
        return [
            {"test": average_precision(predictions[of_row == kind], self.failed[of_row == kind])}
            if self.failed[of_row == kind].any()
            else {}
            for kind in range(int(number.max()) + 1)
        ]

    def threshold(self, predictions: NDArray[np.float32]) -> float:
        """Return from which chance on an asset is said to fail: where MCC is largest on the choosing rows."""
        return best_threshold(predictions[~self.judged], self.failed[~self.judged])


@dataclass(frozen=True, slots=True, eq=False)
class PriceExam(Exam):
    """Assets that were sold."""

    fleet: Fleet
    true: Floats  # (rows,), prices
    target: Price

    def figure(self, predictions: NDArray[np.float32]) -> float:
        """Return the root mean squared logarithmic error."""
        return price_figures(self.target.value(predictions), self.true)["rmsle"]

    def score(self, predictions: NDArray[np.float32]) -> tuple[Figures, ...]:
        """Return the figures of all rows."""
        return (Figures(price_figures(self.target.value(predictions), self.true)),)

    def by_class(
        self, predictions: NDArray[np.float32], number: NDArray[np.integer]
    ) -> list[dict[str, float]]:
        """Return (classes,) the root mean squared logarithmic error on each class of assets."""
        told, of_row = self.target.value(predictions), number[self.fleet.asset]  # (rows,)
        kinds = [of_row == kind for kind in range(int(number.max()) + 1)]
        return [{"test": price_figures(told[rows], self.true[rows])["rmsle"]} for rows in kinds]


def class_exam(fleet: Fleet, share: float, rng: Generator, where: str = "the test") -> ClassExam:
    """Return the exam on a fleet; share: of the assets of each class, rounded, that choose the threshold.

    One asset of each class is judged at least, and one chooses if there are two; else the threshold is 0.5.
    Raises DataError where no asset failed, or none did not.
    """
    failed = fleet.remaining > 0  # (rows,)
    of_asset = np.bincount(fleet.asset, failed, minlength=len(fleet.asset_names)) > 0  # (assets,)
    if of_asset.all() or not of_asset.any():
        which = "good" if of_asset.all() else "failed"
        raise DataError(
            f"no asset is {which}, so nothing can be judged",
            do="give a larger test_share, or a test_file with assets of both kinds",
            where=where,
        )
    choosing = np.zeros(len(of_asset), np.bool_)  # (assets,)
    for kind in (False, True):
        assets = np.flatnonzero(of_asset == kind)
        taken = min(max(round(share * len(assets)), 1), len(assets) - 1)
        choosing[rng.permutation(assets)[:taken]] = True
    return ClassExam(fleet, failed, ~choosing[fleet.asset])


def _known(fleet: Fleet, where: str) -> Fleet:
    known = np.bincount(fleet.asset, np.isnan(fleet.remaining), minlength=len(fleet.asset_names)) == 0
    if not known.any():
        raise DataError("no asset of the test has a known target", do="fill the target's column", where=where)
    return fleet if known.all() else fleet.take_assets(np.flatnonzero(known))
