"""The scenario that trains itself as a whole: trees of all parties, grown in processes of their own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.core.charter import Charter
from hansa.core.errors import PartyError
from hansa.core.tasks import TASKS
from hansa.data.prepare import Inputs
from hansa.models.boosted import boosted, boosted_so_far, check_plugin
from hansa.runtime.exam import Exam, scores
from hansa.runtime.holdings import Holding, InMemory
from hansa.runtime.learning import recipe_of
from hansa.runtime.result import Curves, PartyFigures, ScenarioFigures, Traffic
from hansa.runtime.world import World
from hansa.simulation.classes import mean_by_class
from hansa.simulation.cohort import dealt
from hansa.simulation.scaling import scaled_inputs
from hansa.simulation.session import DRAWN
from hansa.simulation.tree_growth import TreeGrowth, TreeRows

SCENARIO = "trees"
_POINTS = 20  # numbers of trees that the history scores, at most


class TreeSession:
    """Trees of all parties between the first and the last; what it found is there after the last alone."""

    def __init__(self, charter: Charter, world: World, exams: Sequence[Exam]) -> None:
        """Take the parties' rows and each party's exam."""
        check_plugin()
        self.scenario = SCENARIO
        self.rounds = charter.rounds
        self.done = 0
        self.exams = exams
        self.apart = charter.columns_apart
        charter, holdings = dealt(charter, SCENARIO, world)
        self.inputs, _ = scaled_inputs(charter, SCENARIO, holdings)
        self._charter = charter
        self._task = TASKS[charter.task]
        self._rows = tree_rows(charter, holdings, self.inputs)
        self._growth: TreeGrowth | None = None
        self._losses: list[float] = []
        self._traffic: list[Traffic] = []
        self.trees = b""  # the model, once it is whole
        self.seconds = 0.0

    @property
    def readable(self) -> bool:
        """Return whether there are figures and a model."""
        return bool(self.trees)

    def open(self) -> None:
        """Start the processes."""
        self._growth = TreeGrowth(self._rows, self._charter.trees, self.rounds, self.apart)

    def step(self) -> None:
        """Wait for one more tree; after the last one, take the model."""
        assert self._growth is not None
        began = time.perf_counter()
        self._losses.append(self._growth.next_round() ** 2 / 2)
        self.done += 1
        if self.done == self.rounds:
            self.trees = self._growth.model()
            self._traffic = [Traffic(one.up, one.down, one.up, one.down) for one in self._growth.relays]
            self.close()
        self.seconds += time.perf_counter() - began

    def close(self) -> None:
        """End the processes that are still at work."""
        if self._growth is not None:
            self._growth.close()

    def snapshot(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return nothing: trees are grown again from the first where a run is gone on with."""
        return {}, {}

    def restore(self, kept: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Begin again."""
        del kept, values

    def model_inputs(self) -> tuple[Inputs, ...]:
        """Return the inputs side by side in a row: one, or each party's where columns are apart."""
        return tuple(self.inputs) if self.apart else (self.inputs[0],)

    def figures(self, scenario: str) -> ScenarioFigures:
        """Return what the trees found on each party's exam."""
        del scenario
        seen = self._seen()
        predictions = [boosted(self.trees, x) for x in seen]
        solo = scores(self.exams, predictions)
        together = all(self.exams[0].asks_the_same(one) for one in self.exams)
        found = solo[0] if together else [first.mean(others) for first, *others in zip(*solo, strict=True)]
        exam = self.exams[0]
        curves = exam.curves(predictions[0], exam.chosen(DRAWN)) if together else Curves((), ())
        parties = zip(self._rows, solo, self._traffic, strict=True)
        return ScenarioFigures(
            reading="one model" if together else "mean of parties",
            scores=dict(zip(self._task.protocols, found, strict=True)),
            history=self._history(seen),
            seconds=self.seconds,
            parties={
                one.party: PartyFigures(dict(zip(self._task.protocols, own, strict=True)), traffic)
                for one, own, traffic in parties
            },
            curves=curves,
            classes=mean_by_class(self.exams, self._charter, predictions),
        )

    def threshold(self) -> float | None:
        """Return from which prediction on an asset is said to fail, the mean of the parties'."""
        pairs = zip(self.exams, self._seen(), strict=True)
        told = [exam.threshold(boosted(self.trees, x)) for exam, x in pairs]
        kept = [one for one in told if one is not None]
        return float(np.mean(kept)) if kept else None

    def _seen(self) -> list[NDArray[np.float32]]:
        """Return each exam's (rows, features); where columns are apart, all have these rows."""
        pairs = zip(self.inputs, self.exams, strict=True)
        if self.apart:
            return [np.concatenate([one.of(exam.fleet) for one, exam in pairs], axis=1)] * len(self.exams)
        return [one.of(exam.fleet) for one, exam in pairs]

    def _history(self, seen: Sequence[NDArray[np.float32]]) -> dict[str, list[float]]:
        every = -(-self.rounds // _POINTS)
        points = [done for done in range(1, self.rounds + 1) if done % every == 0 or done == self.rounds]
        found = np.array(
            [
                [exam.figure(own) for own in boosted_so_far(self.trees, x, points)]
                for exam, x in zip(self.exams, seen, strict=True)
            ]
        )  # (parties, points)
        return {
            "round": [float(point) for point in points],
            "train_loss": [self._losses[point - 1] for point in points],
            self._task.compared: found.mean(axis=0).tolist(),
        }


def tree_rows(charter: Charter, holdings: Sequence[Holding], inputs: Sequence[Inputs]) -> list[TreeRows]:
    """Return what each party brings: its labelled rows, or its columns of the first party's labelled rows.

    Raises PartyError for a party whose table memory does not hold.
    """
    held, counts = [_in_memory(own) for own in holdings], recipe_of(charter).counts
    rows = []
    for own, one in zip(held, inputs, strict=True):
        labels = held[0].labels if charter.columns_apart else own.labels
        y = labels.share[labels.known]  # (labelled rows,)
        weight = np.asarray(counts(jnp.asarray(y)))  # (labelled rows,)
        x = one.of(own.share.fleet)[labels.known]  # (labelled rows, features)
        rows.append(TreeRows(own.share.party, x, y, weight))
    return rows


def _in_memory(own: Holding) -> InMemory:
    if isinstance(own, InMemory):
        return own
    raise PartyError(
        "its table is too large to be held in memory, and trees needs all rows at hand",
        do="leave trees out",
        where=own.share.party,
    )
