"""Rules that choose parties, against the same rules on the updates themselves, one pair after the other."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from hansa.judging.selection import krum, krum_set, least, mda, monna, multi_krum
from hansa.judging.table import Table, table_of

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=25)
SIZES = [(3, 0), (5, 1), (7, 2), (9, 3)]


def drawn(seed: int, parties: int, dim: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(parties, dim)).astype(np.float32)


def score(updates: np.ndarray, party: int, bad: int) -> float:
    """Return Krum's score of one party, by the paper's words."""
    others = [np.linalg.norm(updates[party] - one) ** 2 for i, one in enumerate(updates) if i != party]
    return float(sum(sorted(others)[: max(len(updates) - bad - 2, 1)]))


@pytest.mark.parametrize(("parties", "bad"), SIZES)
@given(seed=SEEDS)
@FEW
def test_krum_takes_a_party_of_the_least_score(parties: int, bad: int, seed: int) -> None:
    updates = drawn(seed, parties)
    scores = [score(updates, party, bad) for party in range(parties)]
    found = krum(table_of(updates), bad)
    assert found.sum() == found.max() == 1
    assert scores[int(found.argmax())] == pytest.approx(min(scores), rel=1e-5)


@pytest.mark.parametrize(("parties", "bad"), SIZES)
@given(seed=SEEDS)
@FEW
def test_multi_krum_takes_all_but_the_worst_scores(parties: int, bad: int, seed: int) -> None:
    updates = drawn(seed, parties)
    order = np.argsort([score(updates, party, bad) for party in range(parties)])
    due = updates[order[: parties - bad]].mean(axis=0)
    assert_allclose(multi_krum(table_of(updates), bad) @ updates, due, atol=1e-5)


def test_of_two_that_are_nearest_to_each_other_krum_takes_the_one_nearer_to_the_rest() -> None:
    updates = np.array([[0.0], [1.0], [5.0]], np.float32)
    assert krum(table_of(updates), 0).tolist() == [0, 1, 0]
    assert krum(table_of(updates[[1, 0, 2]]), 0).tolist() == [1, 0, 0]


@pytest.mark.parametrize(("parties", "bad"), [(3, 0), (7, 1), (11, 2)])
def test_bulyans_parties_are_those_that_krum_takes_one_by_one(parties: int, bad: int) -> None:
    updates = drawn(parties, parties)
    left, due = list(range(parties)), set()
    while len(due) < parties - 2 * bad:
        scores = [score(updates[left], place, bad) for place in range(len(left))]
        level = [place for place, one in enumerate(scores) if one <= min(scores) * (1 + 1e-6)]
        remote = [sum(np.linalg.norm(updates[left[at]] - updates[one]) ** 2 for one in left) for at in level]
        due.add(left.pop(level[int(np.argmin(remote))]))
    assert krum_set(table_of(updates), bad) == sorted(due)


@pytest.mark.parametrize(("parties", "bad"), SIZES)
@given(seed=SEEDS)
@FEW
def test_monna_takes_those_nearest_to_the_trusted_party(parties: int, bad: int, seed: int) -> None:
    updates, trusted = drawn(seed, parties), parties - 1
    nearest = np.argsort(np.linalg.norm(updates - updates[trusted], axis=1))[: parties - bad]
    found = monna(table_of(updates), bad, trusted)
    assert found[trusted] > 0
    assert_allclose(found @ updates, updates[nearest].mean(axis=0), atol=1e-5)


@pytest.mark.parametrize(("parties", "bad"), [*SIZES, (9, 4), (10, 3)])
@given(seed=SEEDS)
@FEW
def test_mda_finds_the_least_diameter_of_all_subsets(parties: int, bad: int, seed: int) -> None:
    table = table_of(drawn(seed, parties, dim=3))
    subsets = combinations(range(parties), parties - bad)
    due = min(table.between[np.ix_(one, one)].max() for one in subsets)
    taken = np.flatnonzero(mda(table, bad))
    assert len(taken) == parties - bad
    assert table.between[np.ix_(taken, taken)].max() == pytest.approx(due, rel=2e-6)


@pytest.mark.parametrize("bad", [6, 15])
def test_mda_parts_two_groups_of_32_parties(bad: int) -> None:
    updates = drawn(1, 32, dim=40)
    updates[:bad] += 3
    found = mda(table_of(updates), bad)
    assert np.flatnonzero(found).tolist() == list(range(bad, 32))


def test_mda_of_parties_that_pair_off_takes_the_nearer_of_each_pair() -> None:
    apart = np.full((8, 8), 1.0)
    for party, height in ((0, 9.0), (2, 8.0), (4, 7.0)):
        apart[party, party + 1] = apart[party + 1, party] = height
    apart[0, 6] = apart[6, 0] = apart[2, 6] = apart[6, 2] = apart[5, 6] = apart[6, 5] = 1.5
    np.fill_diagonal(apart, 0)
    found = mda(Table(apart, np.ones(8)), 3)
    assert (found > 0).sum() == 5
    assert apart[np.ix_(found > 0, found > 0)].max() == 1.0


def test_those_that_tie_for_the_last_places_share_them() -> None:
    assert least(np.array([1.0, 2.0, 2.0, 3.0]), 2).tolist() == [0.5, 0.25, 0.25, 0.0]
    assert least(np.zeros(4), 3).tolist() == [0.25] * 4
    assert least(np.array([3.0, 1.0, 2.0]), 3).tolist() == [1 / 3] * 3
