"""What is no update of a round is told from what is, whoever sends it, and whatever it is."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core import arrays, codec
from hansa.core.errors import MessageError
from hansa.core.messages import Terms
from hansa.judging.arrival import SALT_BYTES, Arrivals, Bounds, Flaw, Update, commitment, digest_of
from hansa.transport.memory import frame

TASK, ROUND = "digest of a task", 3
SALT = bytes(range(SALT_BYTES))
GOOD = {"values/a": np.arange(6, dtype=np.float32).reshape(2, 3), "values/b": np.ones(4, np.float32)}
SCHEMA = {name: (one.shape, one.dtype) for name, one in GOOD.items()} | {"weight": ((), np.dtype(np.float32))}
Message = Mapping[str, Any]
LENGTH = math.sqrt(sum(float((one**2).sum()) for one in GOOD.values()))


def bounds(norm: float = math.inf, most: float = 1000.0) -> Bounds:
    return Bounds(TASK, SCHEMA, norm, most)


def message(values: Mapping[str, Any] = GOOD, weight: Any = 12.0) -> Message:
    return {**values, "weight": np.asarray(weight, np.float32)}


def sealed(
    data: Message, party: str = "a", salt: bytes = SALT, round_: int = ROUND, task: str = TASK
) -> bytes:
    return commitment(task, round_, party, salt, digest_of(data))


def numbers_of(update: Update) -> np.ndarray:
    row = np.empty(update.size, np.float32)
    update.into(row)
    return row


def arrived(
    data: Message, limits: Bounds | None = None, seen: Mapping[str, set[bytes]] | None = None
) -> Update | Flaw:
    """Return what becomes of a message that its sender committed to."""
    arrivals = Arrivals(limits or bounds(), ROUND, seen or {})
    arrivals.commit("a", sealed(data) if _are_arrays(data) else b"")
    return arrivals.reveal("a", SALT, data)


def _are_arrays(data: Message) -> bool:
    return isinstance(data, dict) and all(isinstance(one, np.ndarray) for one in data.values())


def flaw(data: Message, limits: Bounds | None = None) -> Flaw:
    found = arrived(data, limits)
    assert isinstance(found, Flaw)
    return found


# --- what is good ---------------------------------------------------------------------------------------


def test_an_update_is_all_numbers_but_the_weight_in_the_order_of_the_schema() -> None:
    found = arrived(message())
    assert isinstance(found, Update)
    assert numbers_of(found).tolist() == [0, 1, 2, 3, 4, 5, 1, 1, 1, 1]
    assert found.weight == 12.0
    assert found.length == pytest.approx(LENGTH)
    assert found.digest == digest_of(message())


def test_what_the_transport_frames_is_an_update() -> None:
    terms = Terms({"w": jnp.arange(5.0), "b": jnp.ones(())}, jnp.float32(3.0))
    schema = {name: (leaf.shape, leaf.dtype) for name, leaf in arrays.flatten(terms).items()}
    sent = codec.decode(frame(terms))["arrays"]
    found = arrived(sent, Bounds(TASK, schema, math.inf, 10.0))
    assert isinstance(found, Update)
    assert numbers_of(found).tolist() == [1.0, 0, 1, 2, 3, 4]  # in the order of the tree


def test_no_change_is_an_update_and_may_be_sent_twice() -> None:
    nothing = message({name: np.zeros_like(one) for name, one in GOOD.items()})
    assert isinstance(arrived(nothing, seen={"a": {digest_of(nothing)}}), Update)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=10, max_size=10))
@settings(max_examples=25)
def test_any_finite_numbers_are_an_update_of_their_length(numbers: list[float]) -> None:
    flat = np.array(numbers, np.float32)
    found = arrived(message({"values/a": flat[:6].reshape(2, 3), "values/b": flat[6:]}))
    assert isinstance(found, Update)
    assert np.array_equal(numbers_of(found), flat)
    assert found.length == pytest.approx(math.hypot(*flat.astype(float)), rel=1e-9)
    assert math.isfinite(found.length)  # squares of the largest float32 fit


def test_a_length_is_that_of_float64_over_many_numbers() -> None:
    many = np.full(1 << 18, 1e-3, np.float32)
    schema = {"values": (many.shape, many.dtype), "weight": ((), np.dtype(np.float32))}
    found = arrived(message({"values": many}), Bounds(TASK, schema, math.inf, 100.0))
    assert isinstance(found, Update)
    assert found.length == pytest.approx(1e-3 * 2**9, rel=1e-6)


# --- schema and shape -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        {},
        5,
        [1, 2, 3],
        None,
        np.zeros((2, 2)),
        {"weight": 1.0},
        {1: np.zeros(3)},
        {**GOOD, "weight": "twelve"},
        {**GOOD, "weight": 12.0},
        {**message(), "values/a": [0.0] * 6},
        {**message(), "values/a": None},
    ],
    ids=range(11),
)
def test_what_holds_no_arrays_is_no_update(data: Any) -> None:
    assert flaw(data).check == "schema"


@pytest.mark.parametrize(
    ("values", "lacking", "more"),
    [
        ({"values/a": GOOD["values/a"]}, 1, 0),
        (GOOD | {"values/c": np.zeros(1)}, 0, 1),
        ({"values/a": GOOD["values/a"], "values/B": GOOD["values/b"]}, 1, 1),
        ({}, 2, 0),
    ],
)
def test_parts_are_those_that_were_asked_for(values: dict[str, Any], lacking: int, more: int) -> None:
    found = flaw(message(values))
    assert found.check == "schema"
    assert found.what == f"its update lacks {lacking} parts and has {more} that nobody asked for"


def test_a_message_without_a_weight_is_no_update() -> None:
    assert flaw(dict(GOOD)).check == "schema"


@pytest.mark.parametrize(
    "change",
    [
        {"values/a": np.zeros((3, 2), np.float32)},
        {"values/a": np.zeros(6, np.float32)},
        {"values/b": np.zeros(4, np.float64)},
        {"values/b": np.zeros(4, np.int32)},
        {"values/b": np.zeros(0, np.float32)},
        {"weight": np.ones(1, np.float32)},
        {"weight": np.asarray(12.0)},
    ],
    ids=range(7),
)
def test_shapes_and_number_types_are_those_of_the_schema(change: dict[str, Any]) -> None:
    found = flaw({**message(), **change})
    assert found.check == "shape"
    assert f"its {next(iter(change))} is " in found.what


# --- finite, length, weight -------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 3])
def test_a_single_number_that_is_not_finite_is_told(odd: float, place: int) -> None:
    wrong = GOOD["values/b"].copy()
    wrong[place] = odd
    found = flaw(message(GOOD | {"values/b": wrong}))
    assert (found.check, found.what) == ("finite", "1 of its 10 numbers are not finite")


def test_infinities_that_would_cancel_are_told() -> None:
    wrong = np.array([math.inf, -math.inf, 1.0, math.nan], np.float32)
    assert flaw(message(GOOD | {"values/b": wrong})).what == "3 of its 10 numbers are not finite"


@pytest.mark.parametrize("weight", [math.nan, math.inf, -1.0, 1000.5, -math.inf])
def test_a_party_counts_for_what_the_charter_allows(weight: float) -> None:
    found = flaw(message(weight=np.float32(weight)))
    assert found.check == "schema"
    assert "outside 0 to 1000" in found.what


@pytest.mark.parametrize("weight", [0.0, -0.0, 1000.0])
def test_the_ends_of_the_range_are_in_it(weight: float) -> None:
    assert isinstance(arrived(message(weight=np.float32(weight))), Update)


def test_an_update_is_not_longer_than_the_charter_allows() -> None:
    assert isinstance(arrived(message(), bounds(norm=LENGTH + 1e-6)), Update)
    found = flaw(message(), bounds(norm=LENGTH - 1e-3))
    assert found.check == "length"
    assert f"its update is {LENGTH:.4g} long, and the charter allows" in found.what


# --- commitment -------------------------------------------------------------------------------------------


def test_a_commitment_is_good_for_one_task_round_party_and_message() -> None:
    data = message()
    here = sealed(data)
    others = {
        sealed(data, party="b"),
        sealed(data, salt=bytes(SALT_BYTES)),
        sealed(data, round_=ROUND + 1),
        sealed(data, task="another"),
        sealed(message(weight=np.float32(13.0))),
    }
    assert here not in others
    assert len(others) == 5
    assert len(here) == 32


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
@settings(max_examples=25)
def test_no_two_pairs_of_task_and_party_share_a_commitment(task: str, party: str, one: str, two: str) -> None:
    data = message()
    same = (task, party) == (one, two)
    assert (sealed(data, party=party, task=task) == sealed(data, party=two, task=one)) == same


def revealed(committed: bytes, data: Message, salt: bytes = SALT) -> Update | Flaw:
    arrivals = Arrivals(bounds(), ROUND, {})
    arrivals.commit("a", committed)
    return arrivals.reveal("a", salt, data)


@pytest.mark.parametrize(
    "committed",
    [
        sealed(message(weight=np.float32(13.0))),
        sealed(message(), party="b"),
        sealed(message(), round_=ROUND - 1),
        sealed(message(), task="another"),
        sealed(message(), salt=bytes(SALT_BYTES)),
        bytes(32),
        b"",
    ],
    ids=["other message", "another's", "earlier round", "other task", "other salt", "zeros", "empty"],
)
def test_a_commitment_to_something_else_is_swapped(committed: bytes) -> None:
    found = revealed(committed, message())
    assert isinstance(found, Flaw)
    assert (found.check, found.what) == ("commitment", "its update is not the one that it committed to")


def test_who_copies_a_commitment_cannot_open_it() -> None:
    """What the first one shows, salt and all, is good for the first one alone."""
    arrivals, data = Arrivals(bounds(), ROUND, {}), message()
    for name in ("a", "b"):
        arrivals.commit(name, sealed(data, party="a"))
    assert isinstance(arrivals.reveal("a", SALT, data), Update)
    copied = arrivals.reveal("b", SALT, data)
    assert isinstance(copied, Flaw)
    assert copied.check == "commitment"


def test_a_second_commitment_and_a_late_one_are_refused_by_name() -> None:
    arrivals = Arrivals(bounds(), ROUND, {})
    arrivals.commit("a", sealed(message()))
    with pytest.raises(MessageError, match="a: its commitment comes a second time or too late"):
        arrivals.commit("a", sealed(message()))
    arrivals.reveal("a", SALT, message())
    with pytest.raises(MessageError, match="b: its commitment comes a second time or too late"):
        arrivals.commit("b", sealed(message(), party="b"))


def test_even_a_message_of_nobody_closes_the_commitments() -> None:
    arrivals = Arrivals(bounds(), ROUND, {})
    found = arrivals.reveal("b", SALT, {})
    assert isinstance(found, Flaw)
    assert found.what == "it committed to no update, or sends a second one"
    with pytest.raises(MessageError):
        arrivals.commit("a", sealed(message()))


@pytest.mark.parametrize("first", [message(), {}], ids=["good", "garbage"])
def test_a_second_reveal_counts_for_nothing(first: Message) -> None:
    arrivals = Arrivals(bounds(), ROUND, {})
    arrivals.commit("a", sealed(message()))
    arrivals.reveal("a", SALT, first)
    second = arrivals.reveal("a", SALT, message())
    assert isinstance(second, Flaw)
    assert second.what == "it committed to no update, or sends a second one"


# --- replay -----------------------------------------------------------------------------------------------


def test_a_partys_own_update_of_an_earlier_round_is_a_replay_and_anothers_is_not() -> None:
    digest = digest_of(message())
    again = arrived(message(), seen={"a": {digest}})
    assert isinstance(again, Flaw)
    assert again.check == "replay"
    assert isinstance(arrived(message(), seen={"b": {digest}}), Update)


def test_names_shapes_and_number_types_are_in_the_digest() -> None:
    one = {"a": np.zeros((2, 3), np.float32)}
    others = [{"b": one["a"]}, {"a": np.zeros((3, 2), np.float32)}, {"a": np.zeros((2, 3), np.int32)}]
    assert len({digest_of(each) for each in (one, *others)}) == 4
    assert digest_of({"a": one["a"], "b": one["a"]}) == digest_of({"b": one["a"], "a": one["a"]})
    assert digest_of({"a": one["a"].T}) == digest_of({"a": np.ascontiguousarray(one["a"].T)})


def test_salts_hide_what_is_committed_to() -> None:
    one, other = (sealed(message(), salt=os.urandom(SALT_BYTES)) for _ in range(2))
    assert one != other
