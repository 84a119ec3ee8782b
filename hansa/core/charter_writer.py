"""Writes a charter as TOML that reads back equal."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import MISSING, fields
from typing import Any

from hansa.core.charter import Charter, Column, Data, Label, Party, Regimes
from hansa.core.charter_reader import generated_roster
from hansa.core.charter_turbofan import default_columns, default_regimes

_TABLES = (
    "partition",
    "preparation",
    "network",
    "training",
    "algorithm",
    "evaluation",
    "trees",
    "protection",
    "lateness",
    "defence",
    "validation",
    "gate",
    "reward",
    "credits",
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def render_charter(charter: Charter) -> str:
    """Return TOML that `parse_charter` reads back as an equal charter.

    Every key that is not its default stands on a line of its own, in the order of the records.
    """
    return "\n".join(_lines(charter)) + "\n"


def render_columns(columns: Sequence[Column]) -> str:
    """Return the tables [columns.NAME]."""
    return "\n".join(line for column in columns for line in _column_lines(column)).lstrip("\n")


def render_label(label: Label) -> str:
    """Return the table [label], with its source even if that is the default."""
    return "\n".join(_table_lines("label", label, {"source"})).lstrip("\n")


def render_regimes(regimes: Regimes) -> str:
    """Return the table [regimes], with its kind even if that is the default."""
    return "\n".join(_table_lines("regimes", regimes, {"kind"})).lstrip("\n")


def toml_value(value: Any) -> str:
    """Return a text, number, list or open table as one TOML value on one line."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, tuple):
        if value and all(isinstance(one, tuple) and one and isinstance(one[0], str) for one in value):
            return "{ " + ", ".join(f"{_key(name)} = {toml_value(one)}" for name, one in value) + " }"
        return "[" + ", ".join(toml_value(one) for one in value) + "]"
    return str(value)


def _lines(charter: Charter) -> Iterator[str]:
    named = charter.roster != generated_roster(charter.parties)
    for key in ("name", "consortium", "task"):
        yield f"{key} = {toml_value(getattr(charter, key))}"
    if not named:
        yield f"parties = {charter.parties}"
    yield f"seed = {charter.seed}"
    yield f"rounds = {charter.rounds}"
    if charter.compare:
        yield f"compare = {toml_value(charter.compare)}"
    yield from _schema_lines(charter.data)
    for table in _TABLES:
        lines = _table_lines(table, getattr(charter, table))
        yield from lines if len(lines) > 2 else ()
    for party in charter.roster if named else ():
        yield from _party_lines(party)


def _schema_lines(data: Data) -> Iterator[str]:
    always = {"source", "label_cap"} if data.task == "rul" else {"source"}
    yield from _table_lines("data", data, always, {"task", "columns", "label", "regimes"})
    built_in = {column.name: column for column in default_columns(data.source)}
    for column in data.columns:
        known = built_in.get(column.name)
        if column != known:
            yield from _column_lines(column, unit=known is not None and known.unit != column.unit)
    if data.label != Label():
        yield from _table_lines("label", data.label)
    if data.regimes != default_regimes(data.source):
        yield from _table_lines("regimes", data.regimes, {"kind"})


def _table_lines(
    table: str, record: Any, always: Collection[str] = (), never: Collection[str] = ()
) -> list[str]:
    lines = ["", f"[{table}]"]
    for field in fields(record):
        value = getattr(record, field.name)
        default = () if field.default is MISSING else field.default
        if field.name not in never and (field.name in always or value != default):
            lines.append(f"{field.name} = {toml_value(value)}")
    return lines


def _column_lines(column: Column, unit: bool = False) -> list[str]:
    """Return a column's table; unit: whether to write its unit even if it has none."""
    always = {"role", "unit"} if unit else {"role"}
    lines = _table_lines(f"columns.{_key(column.name)}", column, always, {"name", "low", "high"})
    if (column.low, column.high) != (None, None):
        low = -math.inf if column.low is None else column.low
        high = math.inf if column.high is None else column.high
        lines.append(f"range = {toml_value((low, high))}")
    return lines


def _party_lines(party: Party) -> list[str]:
    return _table_lines(f"party.{_key(party.name)}", party, never={"name"})


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else toml_value(name)
