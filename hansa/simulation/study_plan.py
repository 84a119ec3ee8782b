"""What a study repeats: the charter of every seed and number of parties, improved or as printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hansa.core.charter import (
    AlgorithmChoice,
    Charter,
    Column,
    Evaluation,
    Network,
    Partition,
    Party,
    Preparation,
    Protection,
    Regimes,
    Training,
)
from hansa.core.charter_choices import word_faults
from hansa.core.charter_digest import charter_digest
from hansa.core.charter_reader import generated_roster, parse_charter
from hansa.core.charter_rules import check_charter
from hansa.core.charter_templates import template
from hansa.core.errors import CharterError
from hansa.core.methods import BROUGHT, METHODS, SCENARIOS, exchanging
from hansa.data.fleet import Fleet
from hansa.simulation.baselines import BASELINES

DATASETS = ("fd001", "fd002", "fd003", "fd004", "simulated")
PAPER_SCENARIOS = (
    "centralised",
    "isolated",
    "isolated_mean",
    "fedavg",
    "vertical",
    "labsync",
    "labsync_mean",
)
PRINTED_ROUNDS = 400  # the paper's text; the authors' public code has 540 and 750

_TRAINED_FIRST = ("labsync_mean", "labsync", "isolated")  # what a hybrid charter may train
_ALONE = 10  # one of so many rounds, the last ones, each party trains alone under fine_tuned
_SHARED_ASSETS = 1 / 3  # of the mixed partition, where the study has it


@dataclass(frozen=True, slots=True)
class Plan:
    """A study: one charter, repeated over numbers of parties and seeds."""

    dataset: str
    base: Charter  # seed, roster, algorithm and compare are each unit's own
    parties: tuple[int, ...]
    seeds: tuple[int, ...]
    scenarios: tuple[str, ...]
    as_printed: bool = False
    file: str = ""  # of the charter that is repeated as it stands, seeds apart; empty: a data set's study

    @property
    def units(self) -> list[Unit]:
        """Return what is trained, seed by seed; what no party count changes comes first."""
        if self.file:
            return [Unit(seed, self.base.parties, self.scenarios) for seed in self.seeds]
        alone = tuple(name for name in self.scenarios if name == "centralised")
        together = tuple(name for name in self.scenarios if name != "centralised")
        found = []
        for seed in self.seeds:
            found.append(Unit(seed, 0, BASELINES + alone))
            found += [Unit(seed, parties, together) for parties in self.parties if together]
        return found

    def value(self) -> dict[str, Any]:
        """Return what a reader must know of the study, as plain values."""
        base = self.base
        return {
            "dataset": self.dataset,
            "recipe": "as printed" if self.as_printed else "the charter's" if self.file else "improved",
            "task": base.task,
            "algorithm": base.algorithm.name if self.file else "",  # a data set's study trains many alike
            "baselines": [] if self.file else list(BASELINES),
            "rounds": base.rounds,
            "label_cap": base.data.label_cap,
            "filter": base.evaluation.filter,
            "partition": base.partition.kind,
            "sensors_per_party": base.partition.sensors_per_party,
            "charter_digest": charter_digest(base),
            "parties": list(self.parties),
            "seeds": list(self.seeds),
            "scenarios": list(self.scenarios),
            "command": self.command,
        }

    @property
    def command(self) -> str:
        """Return the command that repeats the study."""
        if self.file:
            seeds = ",".join(map(str, self.seeds)) + ("," if len(self.seeds) == 1 else "")
            return f"hansa study {self.file} --seeds {seeds}"
        parties, seeds, names = (
            ",".join(map(str, numbers)) for numbers in (self.parties, self.seeds, self.scenarios)
        )
        words = f"hansa study {self.dataset} --parties {parties} --seeds {seeds}"
        words += "," if len(self.seeds) == 1 else ""  # a list of one; a number alone would count seeds
        words += f" --rounds {self.base.rounds} --cap {self.base.data.label_cap:g}"
        words += f" --algorithms {names}" if self.scenarios != PAPER_SCENARIOS else ""
        return words + (" --as-printed" if self.as_printed else "")


@dataclass(frozen=True, slots=True)
class Unit:
    """Scenarios that are trained together: one seed, one number of parties."""

    seed: int
    parties: int  # 0: pooled records and baselines, which no number of parties changes
    scenarios: tuple[str, ...]

    @property
    def work(self) -> float:
        """Return roughly how long it takes; 1 is one pass over all records a round."""
        weight = {"vertical": float(self.parties), "isolated_mean": 0.1, "constant": 0.1, "linear": 0.1}
        return sum(weight.get(name, 1.0) for name in self.scenarios)


def base_charter(dataset: str, *, as_printed: bool, rounds: int | None = None, cap: float = 120.0) -> Charter:
    """Return the charter that a study repeats, without the ranges that `with_ranges` writes.

    rounds: None for 400 as printed, else those of the commented charters. Raises CharterError for
    another data set.
    """
    for fault in word_faults("", "data set", dataset, DATASETS):
        raise CharterError(fault.what, do=fault.do, where="study")
    simulated = dataset == "simulated"
    charter = _paper_network(parse_charter(template("simulated" if simulated else "cmapss")))
    data = replace(charter.data, label_cap=cap, subset="" if simulated else dataset.upper())
    name = f"study-{dataset}" + ("-as-printed" if as_printed else "")
    charter = replace(charter, name=name, data=data, compare=())
    if as_printed:
        charter = replace(_printed(charter), rounds=PRINTED_ROUNDS)
    return charter if rounds is None else replace(charter, rounds=rounds)


def _paper_network(charter: Charter) -> Charter:
    """Return the charter with the paper's inputs, network and filter, and the step that suits them."""
    return replace(
        charter,
        preparation=Preparation(),
        network=Network(),
        training=replace(charter.training, learning_rate=0.01),
        evaluation=Evaluation(),
        algorithm=replace(charter.algorithm, name="labsync_mean"),
        protection=Protection("open"),  # of methods, some in clear, over one or hundreds of parties
    )


def charter_plan(charter: Charter, file: str, seeds: tuple[int, ...]) -> Plan:
    """Return the study that repeats a charter over seeds; file: as the user names it."""
    scenarios = tuple(dict.fromkeys((charter.algorithm.name, *charter.compare)))
    return Plan(charter.name, charter, (charter.parties,), seeds, scenarios, file=file)


def check_plan(plan: Plan) -> None:
    """Raise CharterError for what no unit of the study could train, before data is read."""
    for key, numbers in (("parties", plan.parties), ("seeds", plan.seeds)):
        if not numbers or len(set(numbers)) < len(numbers) or min(numbers) < (key == "parties"):
            raise CharterError(
                f"{key} are {', '.join(map(str, numbers)) or 'not given'}",
                do="list different whole numbers" + (" of at least 1" if key == "parties" else ""),
                where=f"--{key}",
            )
    if plan.file:  # whoever read the charter has checked the rest
        return
    if not plan.scenarios:
        raise CharterError("no algorithm is named", do=f"choose among {', '.join(SCENARIOS)}")
    sgd = plan.base.training.optimizer == "sgd"
    # some need plain SGD
    offered = tuple(
        name for name in SCENARIOS if name not in (*BROUGHT, "trees") and (sgd or not METHODS[name].plain)
    )
    for name in plan.scenarios:
        for fault in word_faults("", "algorithm", name, offered):
            raise CharterError(fault.what, do=fault.do, where="--algorithms")
    for unit in plan.units:
        check_charter(_ranged(unit_charter(plan, unit), (), ()), plan.base.name)


def unit_charter(plan: Plan, unit: Unit) -> Charter:
    """Return the charter of one unit, before ranges; baselines are not among its scenarios.

    Pooled records are one party that holds everything and trains alone.
    """
    if plan.file:
        return replace(plan.base, seed=unit.seed)
    if unit.parties == 0:
        return replace(
            plan.base,
            seed=unit.seed,
            roster=(Party("centralised"),),
            partition=Partition("horizontal"),
            algorithm=AlgorithmChoice("isolated"),
        )
    trained = next((name for name in _TRAINED_FIRST if name in unit.scenarios), "isolated")
    choice = AlgorithmChoice(trained)
    if plan.as_printed and not exchanging("predictions").isdisjoint(unit.scenarios):
        choice = replace(choice, damping=0.0)  # the paper has no damping, however many parties there are
    if "fine_tuned" in unit.scenarios:
        choice = replace(choice, alone_rounds=max(1, plan.base.rounds // _ALONE))
    shared = _SHARED_ASSETS if "mixed" in unit.scenarios else 0.0
    return replace(
        plan.base,
        seed=unit.seed,
        roster=generated_roster(unit.parties),
        partition=replace(plan.base.partition, shared_assets=shared),
        algorithm=choice,
        compare=tuple(name for name in unit.scenarios if name != trained),
    )


def with_ranges(charter: Charter, fleet: Fleet) -> Charter:
    """Return the charter with each sensor's range over a fleet, where inputs are scaled by ranges."""
    if charter.preparation.scaling != "range":
        return charter
    low, high = np.nanmin(fleet.sensors, axis=0), np.nanmax(fleet.sensors, axis=0)  # (sensors,)
    high = np.where(high > low, high, low + 1.0)  # a sensor that never varies becomes 0
    return _ranged(charter, fleet.sensor_names, list(zip(low.tolist(), high.tolist(), strict=True)))


def _printed(charter: Charter) -> Charter:
    """Return the paper's recipe: text, tables and the authors' public code, where they say."""
    return replace(
        charter,
        data=replace(charter.data, regimes=Regimes()),
        preparation=Preparation(scaling="range"),
        network=Network(hidden=(10,), activation="sigmoid", output="relu"),
        training=Training(optimizer="sgd", learning_rate=0.01, batch_size=128, local_epochs=1),
        evaluation=Evaluation("kalman"),
    )


def _ranged(charter: Charter, names: Sequence[str], ranges: Sequence[tuple[float, float]]) -> Charter:
    """Return the charter with these ranges; a sensor that is not named gets 0 to 1."""
    if charter.preparation.scaling != "range":
        return charter
    known = dict(zip(names, ranges, strict=True))

    def ranged(column: Column) -> Column:
        low, high = known.get(column.name, (0.0, 1.0))
        return replace(column, low=low, high=high) if column.role == "sensor" else column

    return replace(charter, data=replace(charter.data, columns=tuple(map(ranged, charter.data.columns))))
