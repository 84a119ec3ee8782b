"""Reads the text of a charter into frozen records: one door, everything checked at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hansa.core.charter import (
    AlgorithmChoice,
    Charter,
    Column,
    Credits,
    Data,
    DefenceChoice,
    Evaluation,
    Gate,
    Label,
    Lateness,
    Network,
    Partition,
    Party,
    Preparation,
    Protection,
    Regimes,
    Reward,
    Training,
    Trees,
    Validation,
)
from hansa.core.charter_rules import check_charter
from hansa.core.charter_toml import RecordReader, parse_toml
from hansa.core.charter_turbofan import default_columns, default_regimes
from hansa.core.errors import CharterError

DEFAULT_PARTIES = 4
MOST_PARTIES = 10_000  # a roster is held in memory, one record a party


def parse_charter(text: str, where: str = "charter.toml") -> Charter:
    """Return the charter that a TOML text writes down, completed by the defaults of its source.

    where: the name of the file, for errors only. Raises CharterError for text that is not TOML, an
    unknown key, a value of the wrong type and whatever `check_charter` refuses.
    """
    written = parse_toml(text, where)
    file = RecordReader(_File, where, _ELSEWHERE).read(written)
    charter = _assemble(_as_the_task_asks(file, written), where)
    check_charter(charter, where)
    return charter


def generated_roster(parties: int) -> tuple[Party, ...]:
    """Return the roster of a charter that names no parties: party-1, party-2 and so on."""
    return tuple(Party(f"party-{number}") for number in range(1, parties + 1))


@dataclass(frozen=True, slots=True)
class _ColumnTable:
    name: str
    role: str | None = None  # none: as built in; so is the unit
    unit: str | None = None
    range: tuple[float, ...] = ()  # low and high; inf where a side is open
    values: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    """The layout of charter.toml: its top-level keys and tables."""

    name: str
    consortium: str
    task: str = "rul"
    parties: int | None = None
    seed: int = 7
    rounds: int = 100
    compare: tuple[str, ...] = ()
    data: Data = field(default_factory=Data)
    columns: tuple[_ColumnTable, ...] = ()
    label: Label = field(default_factory=Label)
    regimes: Regimes | None = None
    partition: Partition = field(default_factory=Partition)
    preparation: Preparation = field(default_factory=Preparation)
    network: Network = field(default_factory=Network)
    training: Training = field(default_factory=Training)
    algorithm: AlgorithmChoice = field(default_factory=AlgorithmChoice)
    evaluation: Evaluation = field(default_factory=Evaluation)
    trees: Trees = field(default_factory=Trees)
    protection: Protection = field(default_factory=Protection)
    lateness: Lateness = field(default_factory=Lateness)
    defence: DefenceChoice = field(default_factory=DefenceChoice)
    validation: Validation = field(default_factory=Validation)
    gate: Gate = field(default_factory=Gate)
    reward: Reward = field(default_factory=Reward)
    credits: Credits = field(default_factory=Credits)
    party: tuple[Party, ...] = ()


_ELSEWHERE = {
    Data: ("task", "columns", "label", "regimes"),  # tables of the top level
    _ColumnTable: ("name",),  # [columns.NAME]
    Party: ("name",),  # [party.NAME]
}


def _assemble(file: _File, where: str) -> Charter:
    source = file.data.source
    regimes = default_regimes(source) if file.regimes is None else file.regimes
    columns = _columns(file, where)
    data = replace(file.data, task=file.task, columns=columns, label=file.label, regimes=regimes)
    return Charter(
        name=file.name,
        consortium=file.consortium,
        seed=file.seed,
        rounds=file.rounds,
        data=data,
        partition=_partition(file),
        preparation=file.preparation,
        network=file.network,
        training=file.training,
        algorithm=file.algorithm,
        evaluation=file.evaluation,
        trees=file.trees,
        protection=file.protection,
        lateness=file.lateness,
        defence=file.defence,
        validation=file.validation,
        gate=file.gate,
        reward=file.reward,
        credits=file.credits,
        compare=tuple(name for name in file.compare if name != file.algorithm.name),  # it is trained anyway
        roster=_roster(file, where),
    )


def _as_the_task_asks(file: _File, written: Mapping[str, Any]) -> _File:
    """Return the file with what its task asks for where nothing is written: defaults are for lives."""
    if file.task == "rul":
        return file
    defaults: dict[str, tuple[str, str]] = {"evaluation": ("filter", "none")}
    if file.task == "failure":
        defaults |= {"algorithm": ("loss", "cross_entropy")}
        defaults |= {} if file.network.model else {"network": ("output", "sigmoid")}
    changed = {}
    for table, (key, value) in defaults.items():
        if key not in written.get(table, {}):
            changed[table] = replace(getattr(file, table), **{key: value})
    return replace(file, **changed)


def _partition(file: _File) -> Partition:
    """Return the partition; a mixed one shares a third of the assets unless the file says otherwise."""
    mixed = file.partition.kind == "mixed" or "mixed" in file.compare
    shared = file.partition.shared_assets or (1 / 3 if mixed else 0.0)
    return replace(file.partition, shared_assets=shared)


def _columns(file: _File, where: str) -> tuple[Column, ...]:
    """Return the columns that the source knows, each as its table changes it, then those it does not know."""
    columns = {column.name: column for column in default_columns(file.data.source)}
    for table in file.columns:
        columns[table.name] = _column(table, columns.get(table.name, Column(table.name, "")), where)
    return tuple(columns.values())


def _column(table: _ColumnTable, built_in: Column, where: str) -> Column:
    if len(table.range) not in (0, 2):
        raise CharterError(
            f"range has {len(table.range)} numbers",
            do="write the lowest and the highest value, range = [low, high]",
            where=f"{where} [columns.{table.name}]",
        )
    low, high = table.range or (None, None)
    return Column(
        name=table.name,
        role=built_in.role if table.role is None else table.role,
        unit=built_in.unit if table.unit is None else table.unit,
        low=None if low == float("-inf") else low,
        high=None if high == float("inf") else high,
        values=table.values,
        group=table.group,
    )


def _roster(file: _File, where: str) -> tuple[Party, ...]:
    parties = file.parties
    if parties is not None and not 1 <= parties <= MOST_PARTIES:
        raise CharterError(
            f"parties is {parties}", do=f"write a number from 1 to {MOST_PARTIES}", where=where
        )
    if not file.party:
        return generated_roster(DEFAULT_PARTIES if parties is None else parties)
    if parties not in (None, len(file.party)):
        raise CharterError(
            f"parties is {parties} but the tables [party.NAME] are {len(file.party)}",
            do="make the two agree, or leave parties out",
            where=where,
        )
    return file.party
