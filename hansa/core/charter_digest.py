"""The canonical plain value of a charter and of its roster, and their digests."""

from __future__ import annotations

from dataclasses import is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hansa.core.charter import Charter, Party
from hansa.core.codec import digest


def charter_digest(charter: Charter) -> str:
    """Return the SHA-256, in hexadecimal, of all that the parties agreed on, the roster apart."""
    return digest(charter_value(charter))


def roster_digest(charter: Charter) -> str:
    """Return the SHA-256, in hexadecimal, of the roster, in its order."""
    return digest(roster_value(charter))


def charter_value(charter: Charter) -> dict[str, Any]:
    """Return the charter as dicts, lists and scalars, without the roster.

    Numbers have the type of their field, so that 120 and 120.0 are one value. The order of columns
    counts: it is the order of the centres and of the network's inputs.
    """
    value: dict[str, Any] = _plain(charter, Charter)
    del value["roster"]
    return value


def roster_value(charter: Charter) -> list[Any]:
    """Return the roster as dicts, lists and scalars; its order counts, for assets are dealt in it."""
    value: list[Any] = _plain(charter.roster, _hints(Charter)["roster"])
    return value


def party_value(party: Party) -> dict[str, Any]:
    """Return one member of the roster as dicts, lists and scalars."""
    value: dict[str, Any] = _plain(party, Party)
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    """Return the types of a record's fields; a roster has thousands of records of one kind."""
    return get_type_hints(kind)


def _plain(value: Any, hint: Any) -> Any:
    if value is None:
        return None
    if get_origin(hint) in (Union, UnionType):
        hint = get_args(hint)[0]
    if isinstance(hint, type) and is_dataclass(hint):
        return {name: _plain(getattr(value, name), inner) for name, inner in _hints(hint).items()}
    if get_origin(hint) is tuple:
        return _plain_tuple(value, get_args(hint))
    return float(value) + 0.0 if hint is float else value  # + 0.0: no minus zero


def _plain_tuple(value: tuple[Any, ...], hints: tuple[Any, ...]) -> Any:
    entry = hints[0]
    if get_origin(entry) is tuple and get_args(entry)[-1] is not ...:  # pairs: an open table
        return {name: _plain(second, get_args(entry)[1]) for name, second in value}
    return [_plain(one, entry) for one in value]
