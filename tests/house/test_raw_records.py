"""Raw records have no bytes: the one encoding of what leaves refuses every type that can hold them."""

import array
import datetime
import decimal
import enum
import fractions
import importlib
import inspect
import ipaddress
import pkgutil
import re
import uuid
from collections import Counter, OrderedDict, UserDict, deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cbor2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import hansa.data
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_templates import template
from hansa.core.codec import decode, encode
from hansa.models import rows
from hansa.models.network import Shape
from hansa.runtime import holdings, large_fleet, world


def _classes() -> list[type]:
    """Return every class of the data room, and of the modules above it that hold records."""
    names = [f"hansa.data.{one.name}" for one in pkgutil.iter_modules(hansa.data.__path__)]
    modules = [*(importlib.import_module(name) for name in names), rows, holdings, large_fleet, world]
    found = {
        one for module in modules for one in vars(module).values()
        if inspect.isclass(one) and one.__module__ == module.__name__
    }  # fmt: skip
    return sorted(found, key=lambda one: (one.__module__, one.__qualname__))


class _Table:
    """What turns itself into an array when asked."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.zeros(3)


class _Number(enum.IntEnum):
    ONE = 1


class _Text(str):
    __slots__ = ()


class _List(list):  # type: ignore[type-arg]
    pass


_FRAME = pd.DataFrame({"sensor": [1.0, 2.0]})
_NOW = datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC)
_FOREIGN = [
    _FRAME, _FRAME["sensor"], _FRAME.index, pd.NA, pd.NaT, pd.Timestamp(_NOW), pd.array([1, 2]),
    pa.table({"sensor": [1.0]}), pa.array([1.0]),
    Path("a"), _NOW, _NOW.replace(tzinfo=None), _NOW.date(), _NOW.time(), datetime.timedelta(1),
    {1}, frozenset({1}), (1, 2), (), Shape(1, 2, 3), range(3), iter([1]), deque([1]), {1: 2}.values(),
    decimal.Decimal(1), fractions.Fraction(1, 2), 1j, uuid.UUID(int=1), ipaddress.ip_address("127.0.0.1"),
    re.compile("a"), bytearray(b"a"), memoryview(b"a"), array.array("d", [1.0]),
    OrderedDict(a=1), Counter(a=1), UserDict(a=1), _List([1]), _Text("a"), _Number.ONE,
    cbor2.CBORTag(0, "2026-01-02T03:04:05Z"), cbor2.undefined, cbor2.CBORSimpleValue(99),
    np.ma.masked_array([1.0], [True]), np.rec.array([(1.0,)], dtype=[("a", "f4")]),
    np.array(["a"]), np.array([None]), np.array(["2026"], "M8[D]"), np.array([(1.0,)], [("a", "f4")]),
    np.zeros(2, "c16"), np.str_("a"), np.datetime64("2026"),
    _Table(), object(), SimpleNamespace(a=1), print, int,
]  # fmt: skip


@pytest.mark.parametrize("kind", _classes(), ids=lambda kind: f"{kind.__module__}.{kind.__qualname__}")
def test_no_type_of_the_data_room_can_be_encoded(kind: type) -> None:
    for value in (object.__new__(kind), kind):
        _is_refused(value)


@pytest.mark.parametrize("value", _FOREIGN, ids=lambda value: type(value).__name__)
def test_no_table_path_date_set_or_object_can_be_encoded(value: Any) -> None:
    _is_refused(value)


def test_the_data_room_has_as_many_types_as_this_test_believes() -> None:
    names = {kind.__name__ for kind in _classes()}
    assert {"Fleet", "Share", "Inputs", "Rows", "Stream", "Holding"} <= names
    assert len(names) > 30


def test_real_records_cannot_be_encoded_at_any_stage() -> None:
    charter = parse_charter(template("simulated"))
    share = world.open_world(charter, None).shares(charter, "horizontal")[0]
    _is_refused(share)
    _is_refused(share.fleet)


def test_what_may_be_sent_is_encoded() -> None:
    value = {"a": [1, 1.5, True, None, "s", b"b", {"c": [[]]}], b"k": 2**80}
    assert decode(encode(value)) == value
    assert decode(encode([np.float32(1.5)]))[0] == 1.5


def _is_refused(value: Any) -> None:
    """Pass if a value is refused by itself and wherever it may stand in another."""
    places = [value, [value], {"a": value}, [1, [{"a": [value]}]]]
    for one in [*places, {value: 1}] if _hashes(value) else places:
        with pytest.raises(TypeError, match="is never encoded"):
            encode(one)


def _hashes(value: Any) -> bool:
    try:
        hash(value)
    except Exception:  # noqa: BLE001 -- fields that were never set, or a hash that refuses
        return False
    return True
