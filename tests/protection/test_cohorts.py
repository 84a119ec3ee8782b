"""No row of sums over cohorts lets a party's addend be solved for."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hansa.protection.cohorts import told_by_sums

NAMES = [f"p{number}" for number in range(7)]
cohorts = st.lists(st.frozensets(st.sampled_from(NAMES), min_size=1), min_size=1, max_size=6)


@given(cohorts)
def test_a_party_is_told_if_its_addend_is_a_combination_of_the_sums(found: list[frozenset[str]]) -> None:
    held = np.array([[name in cohort for name in NAMES] for cohort in found], float)  # (sums, parties)
    rank = np.linalg.matrix_rank(held)
    alone = [
        name
        for name, own in zip(NAMES, np.eye(len(NAMES)), strict=True)
        if np.linalg.matrix_rank(np.vstack([held, own])) == rank
    ]
    told = told_by_sums(found)
    assert told in alone if alone else told is None


def test_one_party_less_tells_it_and_two_do_not() -> None:
    every = frozenset(NAMES)
    assert told_by_sums([every]) is None
    assert told_by_sums([every, every - {"p3"}]) == "p3"
    assert told_by_sums([every, every - {"p3", "p4"}]) is None


def test_cohorts_that_differ_by_two_in_a_circle_tell() -> None:
    every = frozenset(NAMES)
    circle = [every - set(pair) for pair in itertools.combinations(("p1", "p2", "p3"), 2)]
    assert told_by_sums([every, *circle[:2]]) is None
    assert told_by_sums([every, *circle]) is not None
