"""What judging remembers comes back to the bit, and tells of parties over rounds."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.judging.table import table_of
from hansa.judging.verdicts import ACCEPTED, REJECTED, Verdict
from hansa.runtime.remembered import Remembered, table_of_some

NAMES = ("a", "b", "c", "d", "e")
EVEN = dict.fromkeys(NAMES, 0.2)


def round_of(seed: int, **own: np.ndarray) -> dict[str, np.ndarray]:
    """Return honest updates of a round, but for some parties' own."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=60)
    made = {name: (common + rng.normal(size=60)).astype(np.float32) for name in NAMES}
    return made | own


def after(*rounds: Mapping[str, np.ndarray], weights: Mapping[str, float] = EVEN) -> Remembered:
    memory = Remembered(NAMES)
    for updates in rounds:
        memory.add_up(updates)
        memory.keep_table(updates, weights)
    return memory


def kinds(memory: Remembered) -> set[tuple[str, tuple[str, ...]]]:
    return {(one.kind, one.parties) for one in memory.findings()}


def test_updates_are_added_up_over_rounds_by_party() -> None:
    memory, first, second = Remembered(NAMES), round_of(0), round_of(1)
    memory.add_up(first)
    found = memory.add_up(second)
    expected = table_of([first[name] + second[name] for name in NAMES])
    assert_allclose(found.between, expected.between, rtol=1e-6)
    del second["c"]
    assert memory.add_up(second).parties == 4  # who did not answer keeps its sum and is not in the table


def test_adding_up_leaves_the_updates_as_they_are() -> None:
    memory, first = Remembered(NAMES), round_of(0)
    kept = {name: own.copy() for name, own in first.items()}
    memory.add_up(first)
    memory.add_up(round_of(1))
    for name in NAMES:
        assert_array_equal(first[name], kept[name])


def test_a_table_holds_all_parties_then_the_last_change_and_the_last_updates() -> None:
    first, second = round_of(0), round_of(1)
    memory = after(first, second)
    change = sum(np.float32(0.2) * first[name] for name in NAMES)
    rows = [*(second[name] for name in NAMES), change, *(first[name] for name in NAMES)]
    assert_allclose(memory.tables[1].between, table_of(np.stack(rows)).between, rtol=1e-4, atol=1e-3)
    assert_array_equal(memory.tables[0].lengths[5:], 0.0)  # there was nothing before


def test_who_does_not_answer_sent_no_change() -> None:
    some = round_of(0)
    del some["b"]
    memory = after(some, weights=dict.fromkeys(some, 0.25))
    assert memory.tables[0].lengths[1] == 0.0


def test_few_rounds_tell_nothing() -> None:
    assert after(round_of(0), round_of(1)).findings() == ()


def test_honest_parties_are_not_accused() -> None:
    assert not {one for one in after(*map(round_of, range(4))).findings() if one.accuses}


def test_riders_are_found() -> None:
    nothing = np.zeros(60, np.float32)
    assert ("nothing", ("b",)) in kinds(after(*(round_of(seed, b=nothing) for seed in range(4))))
    copied = [round_of(seed) for seed in range(4)]
    assert ("copies", ("a", "d")) in kinds(after(*(one | {"d": one["a"]} for one in copied)))
    stale = [round_of(0)]
    for seed in range(1, 5):
        stale.append(round_of(seed, c=stale[-1]["e"]))
    assert ("stale", ("c",)) in kinds(after(*stale))


def test_who_was_rejected_in_half_of_the_rounds_is_left_to_its_verdicts() -> None:
    nothing = np.zeros(60, np.float32)
    memory = after(*(round_of(seed, b=nothing) for seed in range(4)))
    memory.verdicts += [Verdict(one, "b", REJECTED, 0.0, "", "finite", ()) for one in (1, 2)]
    assert not kinds(memory)
    memory.verdicts[0] = Verdict(1, "b", ACCEPTED, 0.2, "", "median", ())
    assert ("nothing", ("b",)) in kinds(memory)


def test_where_all_were_rejected_nothing_is_found() -> None:
    memory = after(*map(round_of, range(3)))
    memory.verdicts += [Verdict(1, name, REJECTED, 0.0, "", "finite", ()) for name in NAMES] * 2
    assert memory.findings() == ()


@pytest.mark.parametrize("rounds", [0, 1, 11])  # 11: numbers of tables have more than one digit
def test_a_snapshot_comes_back_to_the_bit(rounds: int) -> None:
    memory = after(*map(round_of, range(rounds)))
    memory.seen = {"a": {b"\x01\xff", b"\x02"}, "b": set()}
    memory.verdicts.append(Verdict(1, "a", ACCEPTED, 0.25, "why", "median", ("finite",), {"distance": 1.5}))
    memory.kept.append(3)
    kept, values = memory.snapshot()
    other = Remembered(NAMES)
    other.restore(kept, json.loads(json.dumps(values)))
    assert (other.seen, other.verdicts, other.kept) == (memory.seen, memory.verdicts, memory.kept)
    assert len(other.tables) == rounds
    for one, two in zip(other.tables, memory.tables, strict=True):
        assert_array_equal(one.between, two.between)
        assert_array_equal(one.lengths, two.lengths)
    following = round_of(99)
    for each in (memory, other):
        each.add_up(following)
        each.keep_table(following, EVEN)
    assert other.tables[-1].between.tobytes() == memory.tables[-1].between.tobytes()
    assert {name: own.tobytes() for name, own in other.summed.items()} == {
        name: own.tobytes() for name, own in memory.summed.items()
    }


def test_products_of_some_are_zeros_for_the_others() -> None:
    products = np.array([[4.0, 1.0], [1.0, 9.0]])
    every = table_of_some(["a", "b", "c"], ["c", "a"], products)
    assert every.tolist() == [[9.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 4.0]]
