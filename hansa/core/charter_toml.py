"""Reads TOML into frozen dataclasses by their fields and type hints, and says what does not fit.

A field is a key. A dataclass is a table; a tuple of dataclasses with a `name` is a table of named
tables; a tuple of (name, value) pairs is a table with open keys; any other tuple is a list.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hansa.core.errors import CharterError

Record = TypeVar("Record")

_TOP = "the top level"
_IS = {
    str: "a text",
    bool: "a truth value",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
}


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Return the tables of a TOML text. Raises CharterError that names the line."""
    text = text.removeprefix("\ufeff")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        said = re.match(r"(.*) \(at (?:line (\d+)|end of document)", str(fault), re.DOTALL)
        line = int(said[2]) if said and said[2] else text.count("\n") + 1
        what = f"not readable as TOML ({said[1] if said else fault})"
        raise CharterError(what, do="correct this line", where=f"{where}, line {line}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of brackets
        what = "not readable as TOML (a number too long or lists too deep)"
        raise CharterError(what, do="shorten it", where=where) from None


@dataclass(frozen=True, slots=True)
class RecordReader:
    """Reads tables into records of `root` and of the dataclasses that its fields name."""

    root: type[Any]
    where: str
    elsewhere: Mapping[type[Any], tuple[str, ...]]  # fields that are no keys of their record's own table

    def read(self, table: dict[str, Any]) -> Any:
        """Return the record of the whole file. Raises CharterError that names table and key."""
        return self._record(self.root, table, "")

    def _record(self, cls: type[Record], table: dict[str, Any], path: str, **given: str) -> Record:
        keys = self._keys(cls)
        for key in table:
            if key not in keys:
                raise self._unknown(key, path, list(keys))
        for key in _required(cls):
            if key not in table and key not in given:
                do = f"add a line that starts with {key} ="
                raise CharterError(f"{key} is missing", do=do, where=_at(self.where, path))
        values = {key: self._value(raw, keys[key], path, key) for key, raw in table.items()}
        return cls(**given, **values)

    def _keys(self, cls: type[Any]) -> dict[str, Any]:
        hidden = self.elsewhere.get(cls, ())
        return {name: _inner(hint) for name, hint in get_type_hints(cls).items() if name not in hidden}

    def _value(self, raw: Any, hint: Any, path: str, key: str) -> Any:
        self._expect(raw, hint, path, key)
        below = f"{path}.{key}" if path else key
        if hint is float:
            return _as_float(raw)
        if isinstance(hint, type) and is_dataclass(hint):
            return self._record(hint, raw, below)
        if get_origin(hint) is not tuple:
            return raw
        entry = get_args(hint)[0]
        if is_dataclass(entry):
            return tuple(self._named(entry, raw[name], below, name) for name in raw)
        if _is_pair(entry):
            second = get_args(entry)[1]
            return tuple((name, self._value(raw[name], second, below, name)) for name in sorted(raw))
        return tuple(self._value(one, entry, path, f"{key} (entry {n})") for n, one in enumerate(raw, 1))

    def _named(self, cls: Any, table: Any, path: str, name: str) -> Any:
        self._expect(table, cls, path, name)
        return self._record(cls, table, f"{path}.{name}", name=name)

    def _expect(self, raw: Any, hint: Any, path: str, key: str) -> None:
        due = _container(hint)
        if type(raw) is not due and (due, type(raw)) != (float, int):  # by type: a bool is no int here
            got = _IS.get(type(raw), "a date or time")
            raise CharterError(
                f"{key} is {got}", do=f"write {_due(hint, path, key)}", where=_at(self.where, path)
            )

    def _unknown(self, key: str, path: str, keys: list[str]) -> CharterError:
        places = list(self._places(self.root, ""))
        names = [name for _, name in places]
        close = difflib.get_close_matches(key, keys, 1)
        if key in names:  # a known key under the wrong header
            tables = [_label(table) for table, name in places if name == key]
            nearest = f'"{key}" of {" or ".join(tables)}'
        elif close:
            table = not path and _container(self._keys(self.root)[close[0]]) is dict
            nearest = f"[{close[0]}]" if table else f'"{close[0]}" of {_label(path)}'
        elif near := difflib.get_close_matches(key, names, 1):
            nearest = f'"{near[0]}" of {_label(places[names.index(near[0])][0])}'
        else:
            do = f"write one of {', '.join(keys)}, or remove it"
            return CharterError(f'unknown key "{key}"', do=do, where=_at(self.where, path))
        do = f"write {nearest}, the nearest known key, or remove it"
        return CharterError(f'unknown key "{key}"', do=do, where=_at(self.where, path))

    def _places(self, cls: type[Any], path: str) -> Iterator[tuple[str, str]]:
        for key, hint in self._keys(cls).items():
            yield path, key
            below = f"{path}.{key}" if path else key
            entry = get_args(hint)[0] if get_origin(hint) is tuple else hint
            if isinstance(entry, type) and is_dataclass(entry):
                name = "" if entry is hint else ".NAME"
                yield from self._places(entry, below + name)


def _at(where: str, path: str) -> str:
    return f"{where} [{path}]" if path else where


def _required(cls: Any) -> list[str]:
    optional = {f.name for f in fields(cls) if f.default is not MISSING or f.default_factory is not MISSING}
    return [f.name for f in fields(cls) if f.name not in optional]


def _inner(hint: Any) -> Any:
    """Return the hint without `| None`: an absent key is how TOML says none."""
    if get_origin(hint) in (Union, UnionType):
        return next(option for option in get_args(hint) if option is not NoneType)
    return hint


def _is_pair(hint: Any) -> bool:
    return get_origin(hint) is tuple and get_args(hint)[0] is str and get_args(hint)[1] is not ...


def _container(hint: Any) -> Any:
    if is_dataclass(hint):
        return dict
    if get_origin(hint) is not tuple:
        return hint
    entry = get_args(hint)[0]
    return dict if is_dataclass(entry) or _is_pair(entry) else list


def _due(hint: Any, path: str, key: str) -> str:
    table = f"{path}.{key}" if path else key
    if is_dataclass(hint):
        return f"it as a table, [{table}]"
    if _container(hint) is dict:
        name = "" if _is_pair(get_args(hint)[0]) else ".NAME"
        return f"it as a table, [{table}{name}]"
    if _container(hint) is list:
        return f"a list of {_plural(get_args(hint)[0])}"
    return f"{_IS[hint]}" + (", in quotes" if hint is str else "")


def _plural(hint: Any) -> str:
    if get_origin(hint) is tuple:
        return "lists of " + _plural(get_args(hint)[0])
    return _IS[hint].split(" ", 1)[1] + "s"


def _label(path: str) -> str:
    return f"[{path}]" if path else f"{_TOP} (above the first table)"


def _as_float(raw: int | float) -> float:
    try:
        return float(raw) + 0.0  # no minus zero: equal charters have equal digests
    except OverflowError:
        return math.inf
