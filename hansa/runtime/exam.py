"""How predictions are judged, and the exam of remaining life: both protocols, raw and filtered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from hansa.core.errors import DataError
from hansa.data.fleet import Fleet
from hansa.models.filters import Histories, filtered, histories
from hansa.models.metrics import errors
from hansa.runtime.result import ChosenAsset, Curves, Protocol


class Exam(ABC):
    """Test assets with known truth; what a task has nothing to show of is empty."""

    __slots__ = ()
    fleet: Fleet

    @abstractmethod
    def figure(self, predictions: NDArray[np.float32]) -> float:
        """Return the measure by which the task compares of (rows,) raw predictions, shares of the target."""

    @abstractmethod
    def score(self, predictions: NDArray[np.float32]) -> Sequence[Any]:
        """Return the score of (rows,) raw predictions under each of the task's protocols."""

    @abstractmethod
    def by_class(
        self, predictions: NDArray[np.float32], number: NDArray[np.integer]
    ) -> list[dict[str, float]]:
        """Return (classes,) that measure by protocol; number: (assets,) the class of each."""

    def asks_the_same(self, other: Exam) -> bool:
        """Return whether the other exam has these rows and truth; the readings may be other sensors'."""
        if self is other:
            return True
        mine, others = self.fleet, other.fleet
        return (
            mine.asset_names == others.asset_names
            and np.array_equal(mine.asset, others.asset)
            and np.allclose(mine.time, others.time, rtol=1e-11, atol=0.0)
            and np.array_equal(mine.remaining, others.remaining)
        )

    def threshold(self, predictions: NDArray[np.float32]) -> float | None:
        """Return from which prediction on an asset is said to fail; None where a target is no class."""
        del predictions
        return None

    def curves(self, predictions: NDArray[np.float32], chosen: NDArray[np.integer]) -> Curves:
        """Return what was predicted along the chosen assets."""
        del predictions, chosen
        return Curves((), ())

    def chosen(self, count: int) -> NDArray[np.int64]:
        """Return assets to draw."""
        del count
        return np.zeros(0, np.int64)

    def assets(self, chosen: NDArray[np.integer]) -> tuple[ChosenAsset, ...]:
        """Return the chosen assets with their times and truth."""
        del chosen
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class LifeExam(Exam):
    """Assets that were seen until they failed, or whose remaining life is stated, and their filter."""

    fleet: Fleet
    grid: Histories
    true: NDArray[np.float64]  # (rows,), min(cap, remaining), in time units
    cap: float
    filter: str
    filtered: Callable[
        [NDArray[np.float32]], jax.Array
    ]  # (..., rows) predictions, shares of the cap -> the same

    def figure(self, predictions: NDArray[np.float32]) -> float:
        """Return the all-cycle filtered error of (rows,) raw predictions, in time units."""
        miss = np.asarray(self.filtered(predictions), np.float64) * self.cap - self.true  # (rows,)
        return float(np.sqrt(np.mean(miss**2)))

    def score(self, predictions: NDArray[np.float32]) -> tuple[Protocol, Protocol]:
        """Return the all-cycle and last-cycle errors of (rows,) raw predictions, shares of the cap."""
        raw = np.asarray(predictions, np.float64) * self.cap  # (rows,)
        smooth = np.asarray(self.filtered(predictions), np.float64) * self.cap  # (rows,)
        last = self.grid.last_rows()  # (assets,)
        every = Protocol(errors(smooth, self.true), errors(raw, self.true), self.filter)
        ends = Protocol(
            errors(smooth[last], self.true[last]), errors(raw[last], self.true[last]), self.filter
        )
        return every, ends

    def by_class(
        self, predictions: NDArray[np.float32], number: NDArray[np.integer]
    ) -> list[dict[str, float]]:
        """Return (classes,) filtered RMSE by protocol; number: (assets,) the class of each."""
        smooth = np.asarray(self.filtered(predictions), np.float64) * self.cap  # (rows,)
        square = (smooth - self.true) ** 2  # (rows,)
        of_row, ends = number[self.fleet.asset], square[self.grid.last_rows()]  # (rows,), (assets,)
        every = np.sqrt(np.bincount(of_row, square) / np.bincount(of_row))  # (classes,)
        last = np.sqrt(np.bincount(number, ends) / np.bincount(number))  # (classes,)
        return [
            {"all_cycle": one, "last_cycle": other}
            for one, other in zip(every.tolist(), last.tolist(), strict=True)
        ]

    def curves(self, predictions: NDArray[np.float32], chosen: NDArray[np.integer]) -> Curves:
        """Return what was predicted along the chosen assets, rounded to a hundredth of a unit."""
        raw = np.asarray(predictions) * self.cap  # (rows,)
        smooth = np.asarray(self.filtered(predictions)) * self.cap  # (rows,)
        rows = [np.flatnonzero(self.fleet.asset == asset) for asset in chosen]
        return Curves(tuple(_rounded(raw[own]) for own in rows), tuple(_rounded(smooth[own]) for own in rows))

    def chosen(self, count: int) -> NDArray[np.int64]:
        """Return assets to draw: long histories spread over how near to failure they end."""
        last = self.true[self.grid.last_rows()]  # (assets,)
        length = np.bincount(self.fleet.asset)  # (assets,)
        order = np.argsort(last, kind="stable")  # (assets,)
        blocks = np.array_split(order, min(count, len(order)))
        return np.array([block[np.argmax(length[block])] for block in blocks])

    def assets(self, chosen: NDArray[np.integer]) -> tuple[ChosenAsset, ...]:
        """Return the chosen assets with their times and truth."""
        rows = [np.flatnonzero(self.fleet.asset == asset) for asset in chosen]
        return tuple(
            ChosenAsset(
                self.fleet.asset_names[asset], _rounded(self.fleet.time[own]), _rounded(self.true[own])
            )
            for asset, own in zip(chosen, rows, strict=True)
        )


def scores(exams: Sequence[Exam], predictions: Sequence[NDArray[np.float32]]) -> list[Sequence[Any]]:
    """Return each party's `Exam.score`; one array that many predict on one exam is scored once."""
    known: dict[tuple[int, int], Sequence[Any]] = {}
    for one, own in zip(exams, predictions, strict=True):
        if (id(one), id(own)) not in known:
            known[id(one), id(own)] = one.score(own)
    return [known[id(one), id(own)] for one, own in zip(exams, predictions, strict=True)]


def exam(fleet: Fleet, cap: float, kind: str) -> LifeExam:
    """Return the exam on a fleet; assets whose remaining life is not known are left out.

    Raises DataError where none is left.
    """
    known = np.bincount(fleet.asset, np.isnan(fleet.remaining)) == 0  # (assets,)
    if not known.any():
        raise DataError(
            "no asset of the test has a known remaining life",
            do="give the test assets that were seen until they failed, or a column of remaining life",
            where="the test",
        )
    kept = fleet.take_assets(np.flatnonzero(known))
    grid = histories(kept.asset, kept.time, cap)
    smooth = jax.jit(lambda predictions: filtered(predictions, grid, kind))
    return LifeExam(kept, grid, np.clip(kept.remaining, 0.0, cap), cap, kind, smooth)


def _rounded(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(float(value) for value in np.round(values.astype(np.float64), 2))
