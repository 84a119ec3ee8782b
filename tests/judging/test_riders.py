"""Riders among parties whose honest updates are made here, each kind by its angles alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.errors import CharterError
from hansa.judging.riders import Finding, findings
from hansa.judging.table import Table, table_of

NAMES = [f"plant-{number}" for number in range(8)]
ROUNDS, DIM = 5, 400
SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=15)


class Fleet:
    """Rounds of honest updates that share a direction and lean each to a side of its own."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        sides = self.rng.normal(size=(len(NAMES), DIM))
        self.rounds = []
        for _ in range(ROUNDS):
            common = self.rng.normal(size=DIM)
            each = self.rng.normal(size=(len(NAMES), DIM))
            lengths = self.rng.uniform(0.3, 3, (len(NAMES), 1))
            self.rounds.append(lengths * (common + 0.5 * sides + 0.3 * each))

    def noise(self, share: float, like: np.ndarray) -> np.ndarray:
        drawn = self.rng.normal(size=DIM)
        return share * np.linalg.norm(like) * drawn / np.linalg.norm(drawn)

    def tables(self, *, earlier: bool = False) -> list[Table]:
        last = np.zeros((1, DIM))
        before = np.zeros((len(NAMES), DIM))
        found = []
        for updates in self.rounds:
            rows = [updates, last, before] if earlier else [updates, last]
            found.append(table_of(np.vstack(rows).astype(np.float32)))
            last, before = updates.mean(axis=0, keepdims=True), updates
        return found


def accused(found: tuple[Finding, ...]) -> set[tuple[str, tuple[str, ...]]]:
    return {(one.kind, one.parties) for one in found if one.accuses}


@given(SEEDS, st.booleans())
@few
def test_honest_parties_are_not_accused(seed: int, earlier: bool) -> None:
    assert not accused(findings(Fleet(seed).tables(earlier=earlier), NAMES))


@given(SEEDS, st.permutations(range(8)), st.floats(0, 0.1))
@few
def test_copies_are_named_together_whatever_their_length(seed: int, order: list[int], noise: float) -> None:
    fleet, (source, *copies) = Fleet(seed), order[:3]
    for updates in fleet.rounds:
        for copy in copies:
            updates[copy] = fleet.rng.uniform(0.1, 10) * (
                updates[source] + fleet.noise(noise, updates[source])
            )
    together = tuple(NAMES[party] for party in sorted(order[:3]))
    assert accused(findings(fleet.tables(), NAMES)) == {("copies", together)}


def test_two_groups_of_copies_are_told_apart() -> None:
    fleet = Fleet(0)
    for updates in fleet.rounds:
        updates[3], updates[6] = updates[0], 2 * updates[5]
    found = accused(findings(fleet.tables(), NAMES))
    assert found == {("copies", ("plant-0", "plant-3")), ("copies", ("plant-5", "plant-6"))}


@given(SEEDS, st.integers(0, 7), st.floats(0, 0.1))
@few
def test_who_sends_the_last_change_again_is_named(seed: int, rider: int, noise: float) -> None:
    fleet = Fleet(seed)
    for before, updates in zip(fleet.rounds, fleet.rounds[1:], strict=False):
        last = before.mean(axis=0)
        updates[rider] = 1.5 * last + fleet.noise(noise, 1.5 * last)
    assert accused(findings(fleet.tables(), NAMES)) == {("stale", (NAMES[rider],))}


@pytest.mark.parametrize("source", [2, 4])
def test_who_sends_an_earlier_update_again_is_named_where_the_table_has_it(source: int) -> None:
    fleet = Fleet(1)
    for before, updates in zip(fleet.rounds, fleet.rounds[1:], strict=False):
        updates[2] = before[source]
    assert accused(findings(fleet.tables(earlier=True), NAMES)) == {("stale", ("plant-2",))}
    assert not accused(findings(fleet.tables(), NAMES))


@given(SEEDS, st.integers(0, 7))
@few
def test_who_sends_noise_is_named(seed: int, rider: int) -> None:
    fleet = Fleet(seed)
    for updates in fleet.rounds:
        updates[rider] = fleet.noise(1.0, updates[rider])
    assert accused(findings(fleet.tables(), NAMES)) == {("noise", (NAMES[rider],))}


def test_who_sends_nothing_is_named() -> None:
    fleet = Fleet(0)
    for updates in fleet.rounds:
        updates[4] = 0.0
    (found,) = findings(fleet.tables(), NAMES)
    assert (found.kind, found.parties, found.figure) == ("nothing", ("plant-4",), 0.0)
    assert found.sentence == ("plant-4 sent no change: the length of its median update is 0, over 5 rounds.")


def test_all_kinds_are_told_from_one_another_in_one_federation() -> None:
    fleet = Fleet(2)
    for number, updates in enumerate(fleet.rounds):
        updates[1] = updates[0]
        updates[2] = 0.0
        updates[3] = fleet.noise(1.0, updates[3])
        updates[4] = fleet.rounds[number - 1].mean(axis=0) if number else updates[4]
    assert accused(findings(fleet.tables(), NAMES)) == {
        ("copies", ("plant-0", "plant-1")),
        ("nothing", ("plant-2",)),
        ("noise", ("plant-3",)),
        ("stale", ("plant-4",)),
    }


def test_a_party_that_goes_the_other_way_is_warned_of_and_not_accused() -> None:
    fleet = Fleet(3)
    for updates in fleet.rounds:
        updates[5] = -updates[5]
    (found,) = findings(fleet.tables(), NAMES)
    assert (found.kind, found.parties, found.accuses) == ("apart", ("plant-5",), False)
    assert found.sentence.startswith("Warning: plant-5 agrees little with the others")
    assert found.figure < found.limit


def test_what_happens_in_fewer_than_half_of_the_rounds_is_not_named() -> None:
    fleet = Fleet(4)
    for updates in fleet.rounds[:2]:
        updates[1] = updates[0]
        updates[2] = 0.0
    assert not accused(findings(fleet.tables(), NAMES))


def test_a_finding_gives_its_figures() -> None:
    fleet = Fleet(5)
    for updates in fleet.rounds:
        updates[1] = updates[0]
    (found,) = findings(fleet.tables(), NAMES)
    assert found.figure < 0.001 < found.limit == 0.1
    assert found.rounds == ROUNDS
    assert found.sentence.startswith("plant-0, plant-1 sent one and the same update:")


def test_two_parties_have_no_yardstick() -> None:
    rows = np.random.default_rng(0).normal(size=(1, DIM)).astype(np.float32)
    assert findings([table_of(np.vstack([rows, rows]))] * 3, NAMES[:2]) == ()


def test_copies_that_are_most_of_the_parties_are_named_where_they_are_exact() -> None:
    fleet = Fleet(6)
    for updates in fleet.rounds:
        updates[:6] = updates[0]
    assert accused(findings(fleet.tables(), NAMES)) == {("copies", tuple(NAMES[:6]))}


def test_two_rounds_are_too_few() -> None:
    with pytest.raises(CharterError, match="2 rounds tell nothing about riders"):
        findings(Fleet(0).tables()[:2], NAMES)
