"""A whole federation in memory: every scenario of a charter, trained, judged, and able to go on later."""

from __future__ import annotations

import hashlib
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hansa.core.charter import Charter, Party
from hansa.core.charter_digest import charter_digest, roster_digest
from hansa.core.errors import FolderError
from hansa.core.methods import METHODS, SCENARIOS
from hansa.data.columns import column_of
from hansa.data.fleet import Fleet
from hansa.data.partition import owners
from hansa.data.targets import target_of
from hansa.runtime.about import about_model, time_unit
from hansa.runtime.exam import Exam
from hansa.runtime.exams import exam_of
from hansa.runtime.holdings import Holding, holding
from hansa.runtime.large_fleet import LargeFleet, Tell, untold
from hansa.runtime.learning import check_code
from hansa.runtime.result import RunResult, ScenarioFigures
from hansa.runtime.scoring import Boosted, Joined, Model, Saved
from hansa.runtime.world import World, open_world
from hansa.simulation import trees
from hansa.simulation.cohort import Cohort, dealt, gather
from hansa.simulation.machine import threads
from hansa.simulation.session import DRAWN, Session
from hansa.simulation.trees import TreeSession

_MANY_PARTIES = 1000  # to deal to fewer takes less than two seconds


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    scenario: str
    round: int  # of this scenario
    rounds: int
    done: float  # share of the whole run's work, 0 to 1


@dataclass(slots=True)
class Checkpoint:
    """Where a run stands: all that `run` needs to go on to the same bits."""

    finished: dict[str, ScenarioFigures]
    seconds: float
    scenario: str = ""  # the unit at work; empty: none
    arrays: Mapping[str, Any] | None = None
    values: Mapping[str, Any] | None = None


Watch = Callable[[Progress], None]


class Federation:
    """One run of a charter in memory."""

    def __init__(
        self,
        charter: Charter,
        data: Path | None = None,
        world: World | None = None,
        tell: Tell = untold,
    ) -> None:
        """Read or make the records, or take those of `world`; tell: how far the work beside rounds is.

        Raises CharterError and DataError before anything is trained.
        """
        threads()  # what HANSA_THREADS says is checked before records are read
        self.charter = charter
        check_code(charter, self.units)
        self._began = time.perf_counter()
        self._before = 0.0  # seconds of the runs that this one goes on from
        self.tell = tell
        self.world = world or open_world(charter, data, tell)
        for place, unit in enumerate(self.units):
            if charter.parties >= _MANY_PARTIES:
                tell(f"dealing the assets, {unit}", place / len(self.units))
            dealt(charter, unit, self.world)
        self._exams = _exams(self.world, charter)
        self.finished: dict[str, ScenarioFigures] = {}
        self.models: dict[str, Saved] = {}
        self._session: Session | TreeSession | None = None

    @property
    def units(self) -> list[str]:
        """Return the scenarios to train; `isolated` also yields the mean of isolated models."""
        wanted = {self.charter.algorithm.name, *self.charter.compare}
        if "isolated_mean" in wanted:
            wanted = wanted - {"isolated_mean"} | {"isolated"}
        return [name for name in SCENARIOS if name in wanted]

    @property
    def about(self) -> dict[str, Any]:
        """Return what a reader must know of the run: charter, data, task and units."""
        return _about(self.charter, self.world)

    def data_digest(self) -> str:
        """Return the digest of all records, to tell whether a resumed run has the same."""
        sha = hashlib.sha256()
        for fleet in _fleets(self.world):
            if isinstance(fleet, LargeFleet):
                sha.update(fleet.digest.encode())
                continue
            for array in (fleet.asset, fleet.time, fleet.settings, fleet.sensors, fleet.remaining):
                sha.update(np.ascontiguousarray(array).reshape(-1).data)
            traits = {name: values.tolist() for name, values in sorted(fleet.traits.items())}
            sha.update(repr((fleet.asset_names, traits)).encode())
        return sha.hexdigest()

    def close(self) -> None:
        """Give back the disk space that large parties' prepared rows take."""
        self.world.spools.close()

    def train(self, watch: Watch, stop: Callable[[], bool], start: Checkpoint | None = None) -> Iterator[str]:
        """Train all scenarios; yield the name of each one after its last round, and stop when asked.

        start: where an interrupted run stood. `stop` is asked after every round.
        """
        if start is not None:
            self.finished, self._before = dict(start.finished), start.seconds
        work = _work(self.units)
        for unit in self.units:
            if unit in self.finished or ("isolated_mean" in self.finished and unit == "isolated"):
                continue
            session = self.open(unit, start)
            with closing(session):
                while session.done < session.rounds:
                    session.step()
                    share = session.done / session.rounds
                    watch(Progress(unit, session.done, session.rounds, work[unit][0] + share * work[unit][1]))
                    if stop():
                        return
            self.keep(session)
            yield unit

    def open(self, unit: str, start: Checkpoint | None = None) -> Session | TreeSession:
        """Return a scenario's session, ready for its first round or, where start is of it, its next one."""
        session: Session | TreeSession
        if unit == trees.SCENARIO:
            session = TreeSession(self.charter, self.world, self._exams)
        else:
            session = Session(*self.gathered(unit), self.charter.rounds)
        self._session = session
        session.open()
        if start is not None and start.scenario == unit and start.arrays is not None and start.values:
            _restore(session, start.arrays, start.values)
        return session

    def gathered(self, unit: str) -> tuple[Cohort, list[Exam]]:
        """Return the parties of a scenario, ready to train, and the exam of each."""
        cohort = gather(self.charter, unit, self.world, self.tell)
        train, whole = self.world.train, len(cohort.members) == self.charter.parties > 1
        if isinstance(train, Fleet) and self.world.test is not None and whole:
            cohort = replace(cohort, owner=owners(self._exams[0].fleet, train, self.charter))
        return cohort, self._exams[: len(cohort.members)]

    def keep(self, session: Session | TreeSession) -> None:
        """Take the figures and the models of a session after its last round."""
        self.tell(f"{session.scenario}: scoring", 0.0)
        model = self._model(session)
        for name in self.names(session.scenario):
            self.finished[name], self.models[name] = session.figures(name), model
        self._session = None

    def names(self, unit: str) -> list[str]:
        """Return the scenarios that one training yields: itself, or isolated and the mean of its models."""
        if unit != "isolated":
            return [unit]
        wanted = (self.charter.algorithm.name, *self.charter.compare)
        return [name for name in ("isolated", "isolated_mean") if name in wanted]

    def checkpoint(self) -> Checkpoint:
        """Return where the run stands."""
        taken = Checkpoint(dict(self.finished), self._seconds())
        if self._session is not None:
            taken.scenario = self._session.scenario
            taken.arrays, taken.values = self._session.snapshot()
        return taken

    def unfinished_models(self) -> dict[str, Saved]:
        """Return the models so far of what is at work."""
        if self._session is None or not self._session.readable:
            return {}
        return dict.fromkeys(self.names(self._session.scenario), self._model(self._session))

    def _model(self, session: Session | TreeSession) -> Saved:
        return model_of(session) if isinstance(session, Session) else _tree_model(session, self.charter)

    def result(self) -> RunResult:
        """Return what was found so far; partial where a scenario is missing or unfinished."""
        scenarios = dict(self.finished)
        if self._session is not None and self._session.readable:
            for name in self.names(self._session.scenario):
                scenarios[name] = self._session.figures(name)
        ordered = {name: scenarios[name] for name in SCENARIOS if name in scenarios}
        rounds = self._session.done if self._session is not None else self.charter.rounds
        together = all(self._exams[0].asks_the_same(one) for one in self._exams)
        return RunResult(
            about=self.about,
            rounds_done=rounds,
            complete=all(name in self.finished for unit in self.units for name in self.names(unit)),
            seconds=self._seconds(),
            peak_memory_mb=_peak_memory_mb(),
            parties=_parties(self.charter, self.world),
            scenarios=ordered,
            assets=self._exams[0].assets(self._exams[0].chosen(DRAWN)) if together else (),
        )

    def _seconds(self) -> float:
        return self._before + time.perf_counter() - self._began


def _restore(session: Session | TreeSession, arrays: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    try:
        session.restore(arrays, values)
    except (KeyError, TypeError, ValueError) as fault:  # the same charter and data need other arrays now
        raise FolderError(
            "the run was begun with another version of Hansa", do="start it again in another folder"
        ) from fault


def model_of(session: Session) -> Model | Joined:
    """Return the scenario's model: the common one, or each party's joined by their mean."""
    cohort, networks, scale = session.cohort, session.networks(), session.cohort.scale
    digest = charter_digest(cohort.charter)  # once: it reads the whole roster
    owners = {party.name: party for party in cohort.charter.roster}
    own = owners.get(cohort.scenario, Party(cohort.scenario))
    thresholds, joined = session.thresholds()
    if METHODS[cohort.scenario].reading == "one model":
        about = about_model(cohort.charter, digest, own, cohort.inputs[0].sensors)
        about = replace(about, threshold=joined)
        return Model(about, cohort.inputs[0], networks[0], scale)
    parts = {}
    for member, inputs, network, threshold in zip(
        cohort.members, cohort.inputs, networks, thresholds, strict=True
    ):
        about = about_model(cohort.charter, digest, owners[member.name], inputs.sensors)
        parts[member.name] = Model(replace(about, threshold=threshold), inputs, network, scale)
    sensors = tuple(sorted({name for inputs in cohort.inputs for name in inputs.sensors}))
    about = about_model(cohort.charter, digest, own, sensors)
    return Joined(replace(about, threshold=joined), parts)


def _tree_model(session: TreeSession, charter: Charter) -> Boosted:
    inputs = session.model_inputs()
    sensors = tuple(sorted({name for one in inputs for name in one.sensors}))
    about = about_model(charter, charter_digest(charter), Party(session.scenario), sensors)
    return Boosted(replace(about, threshold=session.threshold()), inputs, session.trees)


def _exams(world: World, charter: Charter) -> list[Exam]:
    made: dict[int, Exam] = {}
    tests = world.tests(charter)
    shared = all(fleet is tests[0] for fleet in tests)
    for fleet, party in zip(tests, charter.roster, strict=True):
        if id(fleet) not in made:
            made[id(fleet)] = exam_of(fleet, charter, "the test" if shared else f"the test of {party.name}")
    return [made[id(fleet)] for fleet in tests]


def _fleets(world: World) -> list[Fleet | LargeFleet]:
    own = [fleet for data in world.own for fleet in (data.train, data.test)]
    return [fleet for fleet in (world.train, world.test) if fleet is not None] or own


def _work(units: list[str]) -> dict[str, tuple[float, float]]:
    """Return where each scenario's share of the work begins, and the share."""
    weight = {"vertical": 2.4, "labsync": 1.2, "labsync_mean": 1.3, "mixed": 1.5}  # FD004, J = 4, the rest: 1
    weight |= {"fedbcd": 10.0, "vafl": 1.8, "fdml": 1.8, "afsgd_vp": 1.8}
    weight |= {"ditto": 2.0, "fedrep": 2.0, "fsvrg": 2.5}  # they train twice a round
    shares = np.array([weight.get(unit, 1.0) for unit in units])
    shares = shares / shares.sum()
    starts = np.cumsum(shares) - shares
    return {unit: (float(a), float(b)) for unit, a, b in zip(units, starts, shares, strict=True)}


def _about(charter: Charter, world: World) -> dict[str, Any]:
    streamed = world.streamed(charter)
    more: dict[str, Any] = {"streamed": list(streamed)} if streamed else {}
    if charter.task == "price":
        more["price_unit"] = next(one.unit for one in charter.data.columns if one.role == "target")
    if charter.task == "rul":
        more["label_cap"] = charter.data.label_cap
        more["time_unit"] = time_unit(charter)
        more["filter"] = charter.evaluation.filter
    if charter.defence.rule != "none":
        more["defence"] = {key: getattr(charter.defence, key) for key in ("rule", "before", "bad")}
    if charter.partition.by:
        more["dealt_by"] = charter.partition.by
    return more | {
        "charter": charter.name,
        "charter_digest": charter_digest(charter),
        "roster_digest": roster_digest(charter),
        "seed": charter.seed,
        "task": charter.task,
        "algorithm": charter.algorithm.name,
        "rounds": charter.rounds,
        "dataset": world.name,
        "partition": charter.partition.kind,
        "secrecy": charter.secrecy,
        "cohort": charter.protection.cohort,
    }


def _parties(charter: Charter, world: World) -> dict[str, dict[str, Any]]:
    """Return what each party holds under the charter's partition, for the report's page on skew."""
    shares = world.shares(charter, charter.partition.kind)
    return {share.party: _portrait(charter, holding(share, charter, world.spools)) for share in shares}


def _portrait(charter: Charter, held: Holding) -> dict[str, Any]:
    counts, target = held.tally(), target_of(charter.data)
    columns = {column.name for column in charter.data.columns}
    fleet, by = held.share.fleet, charter.partition.by
    dealt = fleet.traits.get(by) if isinstance(fleet, Fleet) else None  # (assets,)
    return {
        **({} if dealt is None else {"dealt": [str(value) for value in np.unique(dealt)]}),
        "assets": counts.assets,
        "censored_assets": counts.censored,
        "rows": counts.rows,
        "sensors": list(dict.fromkeys(column_of(name, columns) for name in fleet.sensor_names)),
        "labels": [[target.named(key), int(n)] for key, n in enumerate(counts.known) if n],
        "regime_share": [round(float(share), 4) for share in counts.regimes / counts.rows],
    }


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / (1 << 10)
