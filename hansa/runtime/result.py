"""What a run found, as records; `result.json` is their plain value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any
from typing import Protocol as Typed

import numpy as np

from hansa.core.tasks import TASKS
from hansa.models.metrics import Errors


class Score(Typed):
    """Figures under one evaluation protocol."""

    def value(self) -> dict[str, Any]:
        """Return the plain value."""

    def mean(self, others: Sequence[Any]) -> Any:
        """Return the mean of these figures and others of the same kind, figure by figure."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a protocol that has no filter."""

    figures: Mapping[str, float]

    def value(self) -> dict[str, Any]:
        """Return the figures."""
        return dict(self.figures)

    def mean(self, others: Sequence[Figures]) -> Figures:
        """Return the mean of these figures and others, figure by figure."""
        every = (self, *others)
        return Figures({name: float(np.mean([one.figures[name] for one in every])) for name in self.figures})


@dataclass(frozen=True, slots=True)
class Protocol:
    """Errors of remaining life under one evaluation protocol, filtered and raw, in time units."""

    filtered: Errors
    raw: Errors
    filter: str

    def value(self) -> dict[str, Any]:
        """Return the filtered figures, the filter's name and the raw figures."""
        return asdict(self.filtered) | {"filter": self.filter, "raw": asdict(self.raw)}

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Protocol:
        """Return the record of `value()`."""
        figures = {name: value[name] for name in ("rmse", "mae", "nasa")}
        return cls(Errors(**figures), Errors(**value["raw"]), value["filter"])

    def mean(self, others: Sequence[Protocol]) -> Protocol:
        """Return the mean of these errors and others, figure by figure."""
        every = (self, *others)
        return Protocol(
            _mean([one.filtered for one in every]), _mean([one.raw for one in every]), self.filter
        )


def score_of(value: Mapping[str, Any]) -> Protocol | Figures:
    """Return the record of a score's `value()`."""
    return Protocol.of(value) if "raw" in value else Figures(value)


def _mean(every: Sequence[Errors]) -> Errors:
    return Errors(
        *(float(np.mean([getattr(one, name) for one in every])) for name in ("rmse", "mae", "nasa"))
    )


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes of one party over the whole run: framed messages, and the arrays in them alone."""

    bytes_up: int = 0
    bytes_down: int = 0
    array_bytes_up: int = 0
    array_bytes_down: int = 0


@dataclass(frozen=True, slots=True)
class PartyFigures:
    """One party's own reading of a scenario."""

    scores: Mapping[str, Any]  # by protocol
    traffic: Traffic
    own: Mapping[str, float] = field(default_factory=dict)  # the compared measure on its own kind of assets

    @property
    def all_cycle(self) -> Protocol:
        """Return the errors over every row of the test."""
        return _life(self.scores["all_cycle"])

    @property
    def last_cycle(self) -> Protocol:
        """Return the errors at the last row of each asset of the test."""
        return _life(self.scores["last_cycle"])

    def value(self) -> dict[str, Any]:
        """Return the plain value."""
        own = {"own": dict(self.own)} if self.own else {}
        return {name: one.value() for name, one in self.scores.items()} | asdict(self.traffic) | own

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> PartyFigures:
        """Return the record of `value()`."""
        traffic = Traffic(**{name: value[name] for name in Traffic.__dataclass_fields__})
        return cls(_scores(value), traffic, value.get("own", {}))


def _scores(value: Mapping[str, Any]) -> dict[str, Any]:
    protocols = {name for task in TASKS.values() for name in task.protocols}
    return {name: score_of(one) for name, one in value.items() if name in protocols}


def _life(score: Any) -> Protocol:
    assert isinstance(score, Protocol)
    return score


@dataclass(frozen=True, slots=True)
class ClassErrors:
    """The measure by which the task compares, on the test assets of one class."""

    assets: int
    figures: Mapping[str, float]  # by protocol

    def value(self) -> dict[str, Any]:
        """Return the plain value."""
        return {"assets": self.assets, **self.figures}

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> ClassErrors:
        """Return the record of `value()`."""
        return cls(value["assets"], {name: one for name, one in value.items() if name != "assets"})


ByClass = Mapping[str, Mapping[str, ClassErrors]]
"""Errors by kind of class (a trait, a category, the main regime) and class."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Predictions along the histories of the chosen test assets, in time units."""

    raw: tuple[tuple[float, ...], ...]  # (assets, cycles)
    filtered: tuple[tuple[float, ...], ...]  # (assets, cycles)


@dataclass(frozen=True, slots=True)
class ScenarioFigures:
    """What one scenario found; `reading` says what its own figures are."""

    reading: str
    scores: Mapping[str, Any]  # by protocol
    history: Mapping[str, list[float]]  # round, train_loss, and the measure by which scenarios are compared
    seconds: float
    parties: Mapping[str, PartyFigures]
    curves: Curves
    classes: ByClass = field(default_factory=dict)  # empty where the data tell no classes
    unsummed: tuple[str, ...] = ()  # sensors that too few parties have for a protected sum
    judged: Mapping[str, Any] = field(
        default_factory=dict
    )  # verdicts, votes and shares; empty: nobody judges

    @property
    def all_cycle(self) -> Protocol:
        """Return the errors over every row of the test."""
        return _life(self.scores["all_cycle"])

    @property
    def last_cycle(self) -> Protocol:
        """Return the errors at the last row of each asset of the test."""
        return _life(self.scores["last_cycle"])

    def value(self) -> dict[str, Any]:
        """Return the plain value, without curves, which the result lists by asset."""
        return {
            "reading": self.reading,
            **{name: one.value() for name, one in self.scores.items()},
            "history": dict(self.history),
            "seconds": self.seconds,
            "parties": {name: party.value() for name, party in self.parties.items()},
            "classes": {
                kind: {name: one.value() for name, one in found.items()}
                for kind, found in self.classes.items()
            },
            **({"unsummed": list(self.unsummed)} if self.unsummed else {}),
            **({"judged": dict(self.judged)} if self.judged else {}),
        }

    @classmethod
    def of(cls, value: Mapping[str, Any], curves: Mapping[str, Any]) -> ScenarioFigures:
        """Return the record of `value()` and its curves."""
        return cls(
            reading=value["reading"],
            scores=_scores(value),
            history=value["history"],
            seconds=value["seconds"],
            parties={name: PartyFigures.of(party) for name, party in value["parties"].items()},
            curves=Curves(*(tuple(map(tuple, curves[kind])) for kind in ("raw", "filtered"))),
            classes={
                kind: {name: ClassErrors.of(one) for name, one in found.items()}
                for kind, found in value["classes"].items()
            },
            unsummed=tuple(value.get("unsummed", ())),
            judged=value.get("judged", {}),
        )


@dataclass(frozen=True, slots=True)
class ChosenAsset:
    """A test asset whose predictions are drawn."""

    name: str
    time: tuple[float, ...]  # (cycles,)
    true: tuple[float, ...]  # (cycles,), capped


@dataclass(frozen=True, slots=True)
class RunResult:
    """Everything that result.json holds; `about` is what the charter and the data say of the run."""

    about: Mapping[str, Any]
    rounds_done: int
    complete: bool
    seconds: float
    peak_memory_mb: float
    parties: Mapping[str, Mapping[str, Any]]
    scenarios: Mapping[str, ScenarioFigures]
    assets: tuple[ChosenAsset, ...]
    models: Mapping[str, Any] = field(default_factory=dict)  # by scenario; each has predict(frame)

    def value(self) -> dict[str, Any]:
        """Return the plain value that is written to result.json."""
        figures = {
            "rounds_done": self.rounds_done,
            "complete": self.complete,
            "seconds": self.seconds,
            "peak_memory_mb": self.peak_memory_mb,
            "parties": {name: dict(one) for name, one in self.parties.items()},
            "scenarios": {name: one.value() for name, one in self.scenarios.items()},
        }
        return dict(self.about) | figures | {"engines": [self._engine(i) for i in range(len(self.assets))]}

    def _engine(self, place: int) -> dict[str, Any]:
        asset = self.assets[place]
        drawn = {name: one.curves for name, one in self.scenarios.items() if one.curves.raw}
        return {
            "asset": asset.name,
            "time": list(asset.time),
            "true": list(asset.true),
            "raw": {name: list(curves.raw[place]) for name, curves in drawn.items()},
            "filtered": {name: list(curves.filtered[place]) for name, curves in drawn.items()},
        }

    def __repr__(self) -> str:
        """Return a table: each scenario's own figures under every protocol."""
        lines = [self._caption()]
        lines += [
            "".join(f"{cell:>12}" if i else f"{cell:<15}" for i, cell in enumerate(row))
            for row in self._rows()
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the same table for a notebook."""
        head, *rows = [[escape(cell) for cell in row] for row in self._rows()]
        top = "".join(f"<th>{cell}</th>" for cell in head)
        body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
        return (
            f"<table><caption>{escape(self._caption())}</caption>"
            f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
        )

    def _caption(self) -> str:
        state = "" if self.complete else f", partial: {self.rounds_done} of {self.about['rounds']} rounds"
        title = f"{self.about['charter']}: {self.about['dataset']}, {len(self.parties)} parties{state}"
        return f"{title}; filtered, in {self.about['time_unit']}" if self.about["task"] == "rul" else title

    def _rows(self) -> list[tuple[str, ...]]:
        task = TASKS[self.about["task"]]
        rows: list[tuple[str, ...]] = []
        if self.about["task"] == "rul":
            rows += [("scenario", "all-cycle", "", "last-cycle", "", "")]
            rows += [("", "RMSE", "MAE", "RMSE", "MAE", "NASA")]
        else:
            rows += [("scenario", *(one.title for one in task.measures.values()))]
        for name, one in self.scenarios.items():
            rows.append((name, *(f"{figure:.{task.digits}f}" for figure in self._shown(one))))
        return rows

    def _shown(self, one: ScenarioFigures) -> tuple[float, ...]:
        if self.about["task"] == "rul":
            every, last = one.all_cycle.filtered, one.last_cycle.filtered
            return every.rmse, every.mae, last.rmse, last.mae, last.nasa
        task = TASKS[self.about["task"]]
        return tuple(one.scores["test"].figures[name] for name in task.measures)
