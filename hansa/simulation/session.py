"""One scenario at work: its exchanges, its history, its traffic, and what can be read from it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.core import arrays
from hansa.core.errors import PartyError
from hansa.core.messages import Ask, Terms
from hansa.models.metrics import Errors
from hansa.runtime.coordinator import run_round
from hansa.simulation.batched import BatchedParties
from hansa.simulation.cohort import Cohort
from hansa.simulation.exam import Exam
from hansa.simulation.result import Curves, PartyFigures, Protocol, ScenarioFigures, Traffic
from hansa.transport.memory import ask_of, frame_bytes

READINGS = {"centralised": "one model", "fedavg": "one model", "isolated": "mean of parties"}
DRAWN = 6  # test assets whose predictions are drawn in the report
_POINTS = 200  # rounds of the history that are scored, at most


class Session:
    """A scenario between its first exchange and its last."""

    def __init__(self, cohort: Cohort, exams: Sequence[Exam], rounds: int) -> None:
        """Take the parties, each party's exam, and the number of training rounds."""
        self.cohort = cohort
        self.exams = exams
        self.rounds = rounds
        self.done = 0  # training rounds
        self.history: dict[str, list[float]] = {"round": [], "train_loss": [], "rmse": [], "joined": []}
        self.seconds = 0.0
        self._together = all(one is exams[0] for one in exams)  # one exam for all: readings can be joined
        seen = [inputs.of(exam.fleet) for inputs, exam in zip(cohort.inputs, exams, strict=True)]
        self._parties = BatchedParties(cohort.algorithm, cohort.members, seen)
        self._state = cohort.algorithm.start(cohort.common)
        self._traffic = [_Meter() for _ in cohort.members]
        if cohort.statistics is not None:
            sums = asdict(cohort.statistics)
            for meter in self._traffic:
                meter.weigh(Ask(jnp.int32(0), sums, opening="statistics"), Terms(sums, jnp.ones(())))

    def open(self) -> None:
        """Run the exchanges before anybody trains."""
        began = time.perf_counter()
        for _ in self.cohort.algorithm.openings:
            self._exchange()
        self.seconds += time.perf_counter() - began

    def step(self) -> None:
        """Run one round, and score it where the history has a point."""
        began = time.perf_counter()
        self._exchange()
        self.done += 1
        if self.done % -(-self.rounds // _POINTS) == 0 or self.done == self.rounds:
            self._note()
        self.seconds += time.perf_counter() - began

    def _exchange(self) -> None:
        algorithm = self.cohort.algorithm

        def exchange(ask: Ask) -> Any:
            answered = self._parties(ask)
            self._weigh(ask, answered)
            return answered

        self._state = run_round(algorithm, self._state, exchange)

    def _weigh(self, ask: Ask, answered: Any) -> None:
        addressed = self.cohort.algorithm.addressed
        for party, meter in enumerate(self._traffic):
            if ask.opening not in meter.kinds:
                terms = answered[party] if addressed else Terms(answered.values, answered.weight)
                rows = self.cohort.members[party].rows.y.shape[0] if addressed else None
                meter.weigh(
                    _cut(ask_of(ask, party), rows), Terms(_cut_values(terms.values, rows), terms.weight)
                )

    def _note(self) -> None:
        predictions = self.predictions()
        self.history["round"].append(self.done)
        self.history["train_loss"].append(self._parties.loss())
        if self._together:
            self.history["joined"].append(self.exams[0].rmse(self._own(predictions)))
        if self._reading(self.cohort.scenario) == "mean of parties":
            solo = [exam.rmse(own) for exam, own in zip(self.exams, predictions, strict=True)]
            self.history["rmse"].append(float(np.mean(solo)))
        else:
            self.history["rmse"].append(self.history["joined"][-1])
        if not np.isfinite(self.history["train_loss"][-1] + self.history["rmse"][-1]):
            raise self._diverged(predictions)

    def _diverged(self, predictions: Sequence[jax.Array]) -> PartyError:
        losses = [local.loss for local in self._parties.each()]
        lost = [
            not np.isfinite(np.append(own, one)).all() for own, one in zip(predictions, losses, strict=True)
        ]
        return PartyError(
            f"its training left the finite numbers by round {self.done} of {self.cohort.scenario}",
            do="lower learning_rate in [training], or check the scaling of its sensors",
            where=self.cohort.members[lost.index(True) if any(lost) else 0].name,
        )

    def _reading(self, scenario: str) -> str:
        return READINGS.get(scenario, "joined") if self._together else "mean of parties"

    def predictions(self) -> list[jax.Array]:
        """Return each party's (rows,) predictions on its exam, shares of the cap."""
        ask = self.cohort.algorithm.ask(self._state)
        scale = output_scale(self.cohort)
        predictions = self._parties.predict(Ask(ask.round, ask.shared))
        return predictions if scale == 1.0 else [scale * own for own in predictions]

    def _own(self, predictions: Sequence[jax.Array]) -> jax.Array:
        """Return the scenario's own prediction: the common model's, or the mean of all parties'."""
        return predictions[0] if self._reading(self.cohort.scenario) == "one model" else _mean(predictions)

    def networks(self) -> list[Any]:
        """Return the network that each party predicts with."""
        ask = self.cohort.algorithm.ask(self._state)
        return [self.cohort.algorithm.network(local, ask) for local in self._parties.each()]

    def figures(self, scenario: str) -> ScenarioFigures:
        """Return what the scenario found so far; scenario: its name, or isolated_mean beside isolated."""
        predictions = self.predictions()
        solo = [exam.score(own) for exam, own in zip(self.exams, predictions, strict=True)]
        reading = self._reading(scenario)
        if reading == "mean of parties":
            every, last = (_mean_protocol([scores[i] for scores in solo]) for i in (0, 1))
        else:
            every, last = self.exams[0].score(self._own(predictions))
        rmse = self.history["joined" if reading == "joined" else "rmse"]
        return ScenarioFigures(
            reading=reading,
            all_cycle=every,
            last_cycle=last,
            history={
                "round": list(self.history["round"]),
                "train_loss": list(self.history["train_loss"]),
                "rmse": list(rmse),
            },
            seconds=self.seconds,
            parties={
                member.name: PartyFigures(*scores, meter.traffic(self.done))
                for member, scores, meter in zip(self.cohort.members, solo, self._traffic, strict=True)
            },
            curves=self._curves(predictions, reading),
        )

    def _curves(self, predictions: Sequence[jax.Array], reading: str) -> Curves:
        if not self._together:
            return Curves((), ())
        drawn = predictions[0] if reading == "mean of parties" else self._own(predictions)
        return self.exams[0].curves(drawn, self.exams[0].chosen(DRAWN))

    def snapshot(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return arrays and plain values from which `restore` goes on to the same bits."""
        kept = arrays.flatten((self._state, self._parties.memories))
        kinds = [{kind: asdict(one) for kind, one in meter.kinds.items()} for meter in self._traffic]
        history = {name: list(points) for name, points in self.history.items()}
        values = {"done": self.done, "history": history, "seconds": self.seconds, "traffic": kinds}
        return kept, values

    def restore(self, kept: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Go on where a snapshot was taken; call it after `open`."""
        like = (self._state, self._parties.memories)
        self._state, self._parties.memories = arrays.restore(like, kept)
        self.done = values["done"]
        self.history = {name: list(points) for name, points in values["history"].items()}
        self.seconds = values["seconds"]
        for meter, kinds in zip(self._traffic, values["traffic"], strict=True):
            meter.kinds = {kind: Traffic(**one) for kind, one in kinds.items()}


def output_scale(cohort: Cohort) -> float:
    """Return what a party's output is multiplied by: under eq. 7 parties learn shares of a sum."""
    return float(len(cohort.members)) if cohort.charter.algorithm.loss == "sum" and _shares(cohort) else 1.0


def _shares(cohort: Cohort) -> bool:
    return bool(cohort.algorithm.openings)


class _Meter:
    """Bytes of one party: a frame's size depends on shapes alone, so each kind is weighed once."""

    def __init__(self) -> None:
        self.kinds: dict[str, Traffic] = {}  # by opening; "" is a training round

    def weigh(self, ask: Ask, terms: Terms) -> None:
        if not jax.tree.leaves(terms.values):  # isolated: nothing would be sent
            self.kinds[ask.opening] = Traffic()
            return
        self.kinds[ask.opening] = Traffic(
            frame_bytes(terms), frame_bytes(ask), arrays.array_bytes(terms), arrays.array_bytes(ask)
        )

    def traffic(self, rounds: int) -> Traffic:
        total = dict.fromkeys(Traffic.__dataclass_fields__, 0)
        for kind, one in self.kinds.items():
            for name in total:
                total[name] += getattr(one, name) * (1 if kind else rounds)
        return Traffic(**total)


def _cut(ask: Ask, rows: int | None) -> Ask:
    return Ask(ask.round, ask.shared, _cut_values(ask.addressed, rows), ask.opening)


def _cut_values(values: Any, rows: int | None) -> Any:
    return jax.tree.map(lambda leaf: leaf[:rows], values) if rows is not None else values


@jax.jit
def _mean(predictions: Sequence[jax.Array]) -> jax.Array:
    total = predictions[0]
    for own in predictions[1:]:
        total = total + own
    return total / len(predictions)


def _mean_protocol(scores: Sequence[Protocol]) -> Protocol:
    def mean(every: Sequence[Errors]) -> Errors:
        return Errors(
            *(float(np.mean([getattr(one, name) for one in every])) for name in ("rmse", "mae", "nasa"))
        )

    return Protocol(
        mean([one.filtered for one in scores]), mean([one.raw for one in scores]), scores[0].filter
    )
