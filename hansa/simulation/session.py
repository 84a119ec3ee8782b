"""One scenario at work: its exchanges, its history, its traffic, and what can be read from it."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.core import arrays
from hansa.core.charter import SERVER_RATES
from hansa.core.errors import PartyError
from hansa.core.messages import Ask, Terms
from hansa.core.methods import METHODS
from hansa.core.tasks import TASKS
from hansa.data.prepare import Inputs
from hansa.models.rows import held
from hansa.runtime.exam import Exam, scores
from hansa.runtime.result import Curves, PartyFigures, ScenarioFigures, Traffic
from hansa.simulation.arrivals import arrivals_of
from hansa.simulation.batched import Arrived, BatchedParties, Sums, exchange_together
from hansa.simulation.classes import mean_by_class, of_class
from hansa.simulation.cohort import Cohort
from hansa.simulation.judgement import Judgement
from hansa.transport.memory import ask_of, frame_bytes

Predictions = list[NDArray[np.float32]]
"""Each party's (rows,) predictions on its exam, shares of the cap."""

DRAWN = 6  # test assets whose predictions are drawn in the report
_JUDGED = "judged/"  # before the names of what judging remembers, in a snapshot
_POINTS = 200  # rounds of the history that are scored, at most


class Session:
    """A scenario under one seed, between its first exchange and its last."""

    def __init__(self, cohort: Cohort, exams: Sequence[Exam], rounds: int) -> None:
        """Take the parties, each party's exam, and the number of training rounds."""
        self.cohort = cohort
        self.scenario = cohort.scenario
        self.exams = exams
        self.rounds = rounds
        self.done = 0  # training rounds
        self.history: dict[str, list[float]] = {"round": [], "train_loss": [], "own": [], "joined": []}
        self.seconds = 0.0
        self._together = all(exams[0].asks_the_same(one) for one in exams)  # then readings can be joined
        self.parties = BatchedParties(
            cohort.algorithm,
            cohort.members,
            _seen(cohort, exams),
            _sums(cohort),
        )
        names = [member.name for member in cohort.members]
        self.judgement = Judgement(cohort, self.parties)
        self._arrivals = arrivals_of(cohort.charter, cohort.scenario, names)
        self._state = cohort.algorithm.start(cohort.common)
        self._scored: Predictions | None = None  # predictions as things stand
        before = {"statistics": cohort.statistics, "products": cohort.products}
        once = frozenset((*before, *cohort.algorithm.openings))
        self._traffic = [_Meter(once) for _ in cohort.members]
        for kind, found in before.items():
            if found is not None:
                sums = asdict(found)
                ask = Ask(jnp.int32(0), sums, opening=kind)
                self._weigh_alike(ask, Terms(sums, jnp.ones(())), (f"support of {kind}", kind))

    @property
    def readable(self) -> bool:
        """Return whether there are figures and a model."""
        return self.done > 0

    def open(self) -> None:
        """Run the exchanges before anybody trains."""
        open_together([self])

    def step(self) -> None:
        """Run one round, and score it where the history has a point."""
        step_together([self])

    def close(self) -> None:
        """Do nothing: what is held goes with the session."""

    def ask(self) -> Ask:
        """Return what the coordinator sends out now."""
        return self.cohort.algorithm.ask(self._state)

    def arrived(self, ask: Ask) -> Arrived:
        """Return who answers this ask; None: everybody. Each training round draws anew."""
        return None if self._arrivals is None or ask.opening else self._arrivals.next()

    def take(self, ask: Ask, answered: Any) -> None:
        """Take the answer to an ask: weigh it, and go on to the coordinator's next state."""
        self._weigh(ask, answered)
        self._scored = None
        self._state = self.cohort.algorithm.absorb(self._state, answered)

    def judge_opening(self) -> None:
        """Let those who judge take note of what there is before anybody has trained."""
        self.judgement.open(self._state)

    def judge(self) -> None:
        """Let those who judge the last round say what to go on from."""
        before, self._state = self._state, self.judgement.passed(self.done, self.rounds, self._state)
        if self._state is not before:
            self._scored = None

    def due(self) -> bool:
        """Return whether the history has a point at this round."""
        return self.done % -(-self.rounds // _POINTS) == 0 or self.done == self.rounds

    def _weigh(self, ask: Ask, answered: Any) -> None:
        if ask.opening in self._traffic[0].kinds:
            return
        if not self.cohort.algorithm.addressed:
            self._weigh_alike(ask, Terms(answered.values, answered.weight), (ask.opening or "training",))
            return
        by_row = METHODS[self.cohort.scenario].exchanges == "predictions"
        for party, (meter, terms) in enumerate(zip(self._traffic, answered, strict=True)):
            rows = held(self.cohort.members[party].rows).y.shape[0] if by_row else None  # without padding
            own = _cut(ask_of(ask, party), rows)
            meter.kinds[ask.opening] = _weighed(own, Terms(_cut_values(terms.values, rows), terms.weight))

    def _weigh_alike(self, ask: Ask, terms: Terms, kinds: tuple[str, ...]) -> None:
        """Weigh one exchange for every party; kinds: of the sums that it took."""
        plain = _weighed(ask, terms)
        for meter, member in zip(self._traffic, self.cohort.members, strict=True):
            meter.kinds[ask.opening] = plain
            if self.cohort.sums is not None:
                up, down = self.cohort.sums.meter.bytes_of(member.name, kinds)
                meter.kinds[ask.opening] = replace(plain, bytes_up=up, bytes_down=plain.bytes_down + down)

    def note(self) -> None:
        """Add a point to the history."""
        predictions = self.predictions()
        self.history["round"].append(self.done)
        self.history["train_loss"].append(float(np.mean(self.parties.losses())))
        if self._together:
            self.history["joined"].append(self.exams[0].figure(self._own(predictions)))
        if self._reading(self.cohort.scenario) == "mean of parties":
            solo = [exam.figure(own) for exam, own in zip(self.exams, predictions, strict=True)]
            self.history["own"].append(float(np.mean(solo)))
        else:
            self.history["own"].append(self.history["joined"][-1])
        if not np.isfinite(self.history["train_loss"][-1] + self.history["own"][-1]):
            raise self._diverged(predictions)

    def _diverged(self, predictions: Predictions) -> PartyError:
        losses = self.parties.losses()
        lost = [
            not np.isfinite(np.append(own, one)).all() for own, one in zip(predictions, losses, strict=True)
        ]
        rate, scenario = "learning_rate in [training]", self.cohort.scenario
        if self.cohort.charter.algorithm.rate(scenario) > SERVER_RATES.get(scenario, math.inf):
            rate = f"server_rate in [algorithm] or {rate}"
        where = f"round {self.done} of {scenario}, seed {self.cohort.charter.seed}"
        return PartyError(
            f"its training left the finite numbers by {where}",
            do=f"lower {rate}, or check the scaling of its sensors",
            where=self.cohort.members[lost.index(True) if any(lost) else 0].name,
        )

    def _reading(self, scenario: str) -> str:
        return METHODS[scenario].reading if self._together else "mean of parties"

    def predictions(self) -> Predictions:
        """Return each party's (rows,) predictions on its exam, shares of the cap."""
        if self._scored is None:
            common = METHODS[self.cohort.scenario].reading == "one model"
            outputs = self.parties.predict(self.ask(), common=common)
            scale = self.cohort.scale
            self._scored = outputs if scale == 1.0 else [np.float32(scale) * own for own in outputs]
        return self._scored

    def _own(self, predictions: Predictions) -> NDArray[np.float32]:
        """Return the scenario's own prediction: the common model's, or the mean of all parties'."""
        return predictions[0] if self._reading(self.cohort.scenario) == "one model" else _mean(predictions)

    def thresholds(self) -> tuple[list[float | None], float | None]:
        """Return each party's threshold of its own predictions, and that of the scenario's own.

        Where each party is judged on its own assets, the latter is the mean of theirs.
        """
        found = self.predictions()
        alone = [exam.threshold(own) for exam, own in zip(self.exams, found, strict=True)]
        if self._together:
            return alone, self.exams[0].threshold(self._own(found))
        told = [one for one in alone if one is not None]
        return alone, float(np.mean(told)) if told else None

    def networks(self) -> list[Any]:
        """Return the network that each party predicts with."""
        ask, algorithm = self.ask(), self.cohort.algorithm
        if METHODS[self.cohort.scenario].reading == "one model":
            return [algorithm.network(self.parties.first(), ask)] * len(self.cohort.members)
        locals_ = self.parties.each()
        return [algorithm.network(local, ask_of(ask, party)) for party, local in enumerate(locals_)]

    def figures(self, scenario: str) -> ScenarioFigures:
        """Return what the scenario found so far; scenario: its name, or isolated_mean beside isolated."""
        predictions = self.predictions()
        solo = scores(self.exams, predictions)
        reading = self._reading(scenario)
        exams, judged = self.exams, predictions
        if reading == "mean of parties":
            found = [first.mean(others) for first, *others in zip(*solo, strict=True)]
        else:
            exams, judged = self.exams[:1], [self._own(predictions)]
            found = list(exams[0].score(judged[0]))
        task = TASKS[self.cohort.charter.task]
        return ScenarioFigures(
            reading=reading,
            scores=dict(zip(task.protocols, found, strict=True)),
            history={
                "round": list(self.history["round"]),
                "train_loss": list(self.history["train_loss"]),
                task.compared: list(self.history["joined" if reading == "joined" else "own"]),
            },
            seconds=self.seconds,
            parties={
                member.name: PartyFigures(
                    dict(zip(task.protocols, own, strict=True)), meter.traffic(rounds), kind
                )
                for member, own, meter, rounds, kind in zip(
                    self.cohort.members,
                    solo,
                    self._traffic,
                    self._attended(),
                    self._of_own_kind(),
                    strict=True,
                )
            },
            curves=self._curves(predictions, reading),
            classes=mean_by_class(exams, self.cohort.charter, judged),
            unsummed=self.cohort.unsummed,
            judged=self.judgement.found(),
        )

    def _of_own_kind(self) -> list[dict[str, float]]:
        """Return (members,) the compared measure on the test assets that the deal would give each, if any."""
        owner = self.cohort.owner
        if owner is None:
            return [{} for _ in self.cohort.members]
        pairs = zip(self.exams, self.predictions(), strict=True)
        return [of_class(exam, own, owner == party) for party, (exam, own) in enumerate(pairs)]

    def _attended(self) -> Sequence[int]:
        """Return (members,) in how many rounds each one answered."""
        if self._arrivals is None:
            return [self.done] * len(self.cohort.members)
        return [int(rounds) for rounds in self._arrivals.attended]

    def _curves(self, predictions: Predictions, reading: str) -> Curves:
        if not self._together:
            return Curves((), ())
        drawn = predictions[0] if reading == "mean of parties" else self._own(predictions)
        return self.exams[0].curves(drawn, self.exams[0].chosen(DRAWN))

    def snapshot(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return arrays and plain values from which `restore` goes on to the same bits."""
        flat = arrays.flatten((self._state, self.parties.memories))
        kept = {name: leaf.copy() for name, leaf in flat.items()}  # the next round takes the memories away
        kinds = [{kind: asdict(one) for kind, one in meter.kinds.items()} for meter in self._traffic]
        history = {name: list(points) for name, points in self.history.items()}
        values = {"done": self.done, "history": history, "seconds": self.seconds, "traffic": kinds}
        remembered, judged = self.judgement.snapshot()
        kept |= {f"{_JUDGED}{name}": one for name, one in remembered.items()}
        return kept, values | {"judged": judged}

    def restore(self, kept: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Go on where a snapshot was taken; call it after `open`."""
        like = (self._state, self.parties.memories)
        own = {name: one for name, one in kept.items() if not name.startswith(_JUDGED)}
        self._state, self.parties.memories = arrays.restore(like, own)
        remembered = {name.removeprefix(_JUDGED): kept[name] for name in kept.keys() - own.keys()}
        self.judgement.restore(remembered, values["judged"])
        self._scored = None
        self.done = values["done"]
        if self._arrivals is not None:
            for _ in range(self.done):
                self._arrivals.next()
        self.history = {name: list(points) for name, points in values["history"].items()}
        self.seconds = values["seconds"]
        for meter, kinds in zip(self._traffic, values["traffic"], strict=True):
            meter.kinds = {kind: Traffic(**one) for kind, one in kinds.items()}


def open_together(sessions: Sequence[Session]) -> None:
    """Run the exchanges before anybody trains, for sessions of one algorithm."""
    for _ in sessions[0].cohort.algorithm.openings:
        _exchange(sessions)
    for session in sessions:
        session.judge_opening()


def step_together(sessions: Sequence[Session]) -> None:
    """Run one round of sessions of one algorithm, and score it where the history has a point."""
    began = time.perf_counter()
    for _ in range(1 + len(sessions[0].cohort.algorithm.preludes)):
        _exchange(sessions)
    for session in sessions:
        session.done += 1
        session.judge()
        if session.due():
            session.note()
    seconds = (time.perf_counter() - began) / len(sessions)
    for session in sessions:
        session.seconds += seconds


def _exchange(sessions: Sequence[Session]) -> None:
    asks = [session.ask() for session in sessions]
    arrived = [session.arrived(ask) for session, ask in zip(sessions, asks, strict=True)]
    answers = exchange_together([session.parties for session in sessions], asks, arrived)
    for session, ask, answered in zip(sessions, asks, answers, strict=True):
        session.take(ask, answered)


def _sums(cohort: Cohort) -> Sums | None:
    """Return what adds up the terms; None: the blocks do, in the clear."""
    if cohort.judge is not None:
        return cohort.judge.totals
    return cohort.sums.totals if cohort.sums is not None else None


def _seen(cohort: Cohort, exams: Sequence[Exam]) -> list[NDArray[np.float32]]:
    """Return what each party predicts on: one array for parties that see the same."""
    made: dict[Hashable, NDArray[np.float32]] = {}
    found = []
    for inputs, exam in zip(cohort.inputs, exams, strict=True):
        sight = sight_of(inputs, exam)
        if sight not in made:
            made[sight] = inputs.of(exam.fleet)
        found.append(made[sight])
    return found


def sight_of(inputs: Inputs, exam: Exam) -> Hashable:
    """Return what tells one party's view of an exam from another's."""
    turns = [b"" if turn is None else turn.tobytes() for turn in (inputs.fill, inputs.projection)]
    return id(exam), inputs.sensors, inputs.mean.tobytes(), inputs.deviation.tobytes(), *turns


class _Meter:
    """Bytes of one party: a frame's size depends on shapes alone, so each kind is weighed once."""

    def __init__(self, once: frozenset[str]) -> None:
        self.kinds: dict[str, Traffic] = {}  # by opening; "" is a training round
        self._once = once  # kinds that travel before round 1 alone

    def traffic(self, rounds: int) -> Traffic:
        total = dict.fromkeys(Traffic.__dataclass_fields__, 0)
        for kind, one in self.kinds.items():
            for name in total:
                total[name] += getattr(one, name) * (1 if kind in self._once else rounds)
        return Traffic(**total)


def _weighed(ask: Ask, terms: Terms) -> Traffic:
    if not jax.tree.leaves(terms.values):  # isolated: nothing would be sent
        return Traffic()
    return Traffic(frame_bytes(terms), frame_bytes(ask), arrays.array_bytes(terms), arrays.array_bytes(ask))


def _cut(ask: Ask, rows: int | None) -> Ask:
    return Ask(ask.round, ask.shared, _cut_values(ask.addressed, rows), ask.opening)


def _cut_values(values: Any, rows: int | None) -> Any:
    return jax.tree.map(lambda leaf: leaf[:rows], values) if rows is not None else values


def _mean(predictions: Predictions) -> NDArray[np.float32]:
    total = np.zeros_like(predictions[0])
    for own in predictions:
        total += own
    return total / np.float32(len(predictions))
