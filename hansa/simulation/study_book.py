"""The figures of a study, one entry a seed, number of parties and scenario; study.json is their file.

An entry holds no time and no date, and entries stand in a fixed order: a study that was interrupted
and taken up again leaves the same bytes as one that was not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hansa.core.errors import FolderError
from hansa.core.methods import SCENARIOS
from hansa.core.tasks import TASKS
from hansa.models.metrics import Errors
from hansa.registry.folders import make_folder, read_json, write_text
from hansa.runtime.result import Figures, Protocol, ScenarioFigures, score_of
from hansa.simulation.baselines import BASELINES

FORMAT = 1
PROTOCOLS = ("all_cycle", "last_cycle")
ORDER = (*BASELINES, *SCENARIOS)
"""Names of all rows of a study, in the order in which they stand."""

_PROTOCOLS = tuple(dict.fromkeys(name for task in TASKS.values() for name in task.protocols))
_IDENTITY = ("dataset", "recipe", "charter_digest", "data_digest")
_PLACE = ("seed", "parties", "scenario", "reading")
_COUNTS = ("bytes_up", "bytes_down", "stuck")
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Solo:
    """One party's model alone: the compared measure over the parties."""

    mean: float
    worst: float


@dataclass(frozen=True, slots=True)
class Entry:
    """What one scenario found under one seed."""

    seed: int
    parties: int  # 0: no number of parties changes it
    scenario: str  # one of ORDER
    reading: str
    figures: Mapping[str, Protocol | Figures]  # by protocol
    solo: Mapping[str, Solo] = field(default_factory=dict)  # by protocol; empty for a baseline
    bytes_up: int = 0  # framed, the whole run, mean over the parties
    bytes_down: int = 0
    stuck: int = 0  # parties whose model predicts 0 for every row
    alone: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict
    )  # the compared measure, by protocol and party

    @property
    def place(self) -> tuple[int, int, int]:
        """Return where the entry stands among others."""
        return self.seed, self.parties, ORDER.index(self.scenario)

    def value(self) -> dict[str, Any]:
        """Return the plain value; a figure that is not finite becomes None."""
        found: dict[str, Any] = {name: getattr(self, name) for name in _PLACE}
        found |= {name: _plain(one.value()) for name, one in self.figures.items()}
        solo = {name: {"mean": one.mean, "worst": one.worst} for name, one in self.solo.items()}
        found |= {"solo": _plain(solo)} if solo else {}
        found |= {"alone": _plain(self.alone)} if self.alone else {}
        return found | {name: getattr(self, name) for name in _COUNTS}

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Entry:
        """Return the entry of `value()`."""
        solo = _figures(value.get("solo", {}))
        return cls(
            **{name: value[name] for name in _PLACE},
            figures={name: score_of(_figures(value[name])) for name in _PROTOCOLS if name in value},
            solo={name: Solo(**one) for name, one in solo.items()},
            alone=_figures(value.get("alone", {})),  # books of before have none
            **{name: value[name] for name in _COUNTS},
        )


def entry_of(
    place: tuple[int, int, str], found: ScenarioFigures, task: str, zero: Errors | None = None
) -> Entry:
    """Return the entry of a trained scenario.

    place: seed, parties and scenario. zero: of lives, the raw all-cycle errors of predicting 0 for every row.
    """
    parties, key = list(found.parties.values()), TASKS[task].compared
    higher = TASKS[task].measures[key].higher
    alone = {
        name: {party: one.own.get(name, flat(one.scores[name])[key]) for party, one in found.parties.items()}
        for name in TASKS[task].protocols
    }
    return Entry(
        *place,
        reading=found.reading,
        figures={name: found.scores[name] for name in TASKS[task].protocols},
        solo={name: _solo(list(own.values()), higher=higher) for name, own in alone.items()},
        alone=alone if place[1] else {},  # pooled records are no party's
        bytes_up=round(sum(one.traffic.bytes_up for one in parties) / len(parties)),
        bytes_down=round(sum(one.traffic.bytes_down for one in parties) / len(parties)),
        stuck=sum(_same(one.all_cycle.raw, zero) for one in parties) if zero else 0,
    )


def flat(score: Protocol | Figures) -> dict[str, float]:
    """Return the figures by measure; of lives the filtered ones, and the raw ones as raw_rmse and so on."""
    if isinstance(score, Figures):
        return dict(score.figures)
    raw = {f"raw_{name}": value for name, value in asdict(score.raw).items()}
    return asdict(score.filtered) | raw


class Book:
    """All entries of a study, kept in a folder's study.json."""

    def __init__(self, study: Mapping[str, Any], entries: Iterable[Entry] = ()) -> None:
        """Take what a reader must know of the study, as plain values, and what was found so far."""
        self.study = dict(study)
        self._entries = {one.place: one for one in entries}

    @classmethod
    def of(cls, value: Mapping[str, Any], where: str = "study.json") -> Book:
        """Return the book of `value()`. Raises FolderError where it is none, or of another format."""
        try:
            if value["format"] != FORMAT:
                raise FolderError(
                    f"has study format {value['format']}, this version reads {FORMAT}",
                    do="run hansa study again into another folder",
                    where=where,
                )
            return cls(value["study"], [Entry.of(one) for one in value["results"]])
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise FolderError(
                "is not a whole study", do="run hansa study again into another folder", where=where
            ) from fault

    @property
    def entries(self) -> list[Entry]:
        """Return all entries, by seed, number of parties and scenario."""
        return [self._entries[place] for place in sorted(self._entries)]

    def has(self, seed: int, parties: int, scenario: str) -> bool:
        """Return whether a scenario was trained already."""
        return (seed, parties, ORDER.index(scenario)) in self._entries

    def add(self, entries: Iterable[Entry]) -> None:
        """Take new entries in, rounded as they will be read back."""
        self._entries |= {one.place: Entry.of(one.value()) for one in entries}

    def value(self) -> dict[str, Any]:
        """Return the plain value that is written to study.json."""
        results = [one.value() for one in self.entries]
        return {"format": FORMAT, "study": self.study, "results": results}

    def text(self) -> str:
        """Return study.json: an entry a line."""
        value = self.value()
        lines = ",\n".join("  " + json.dumps(one, allow_nan=False) for one in value.pop("results"))
        head = json.dumps(value, indent=1, allow_nan=False).removesuffix("\n}")
        return f'{head},\n "results": [\n{lines}\n ]\n}}\n'

    def write(self, folder: Path) -> None:
        """Write study.json at once."""
        write_text(folder / "study.json", self.text())


def claim_book(folder: Path, study: Mapping[str, Any]) -> Book:
    """Return the book in a folder, to be gone on with, or an empty one.

    study: as `Book`. Raises FolderError when the folder cannot be written to or holds another study:
    another charter, recipe or data; seeds, parties and scenarios may differ.
    """
    if folder.exists() and not folder.is_dir():
        raise FolderError("is a file", do="choose another folder with --out", where=str(folder))
    path = folder / "study.json"
    if not path.exists():
        if folder.is_dir() and any(folder.iterdir()):
            raise FolderError(
                "is not empty and holds no study", do="choose another folder with --out", where=str(folder)
            )
        make_folder(folder)
        return Book(study)
    found = Book.of(read_json(path), str(path))
    for key in _IDENTITY:
        if found.study.get(key) != study[key]:
            name = key.removesuffix("_digest")
            raise FolderError(
                f"holds a study of another {name}", do="choose another folder with --out", where=str(folder)
            )
    make_folder(folder)
    return Book(study, found.entries)


def _solo(alone: Sequence[float], *, higher: bool) -> Solo:
    # max() would pass over a figure that is not a number
    finite = all(math.isfinite(value) for value in alone)
    worst = min(alone) if higher else max(alone)
    return Solo(sum(alone) / len(alone), worst if finite else math.nan)


def _plain(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {name: _plain(one) for name, one in tree.items()}
    if isinstance(tree, float):
        return round(tree, _DECIMALS) if math.isfinite(tree) else None
    return tree


def _figures(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {name: _figures(one) for name, one in tree.items()}
    return math.nan if tree is None else tree


def _same(found: Errors, zero: Errors) -> bool:
    pairs = ((found.rmse, zero.rmse), (found.mae, zero.mae))
    return all(math.isclose(one, other, rel_tol=1e-9) for one, other in pairs)
