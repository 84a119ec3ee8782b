"""Nobody marks his own work."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from hansa.core.errors import CharterError
from hansa.judging.shapley import exact
from hansa.judging.validators import marked_by_others

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(2, 6))
def test_what_a_party_says_of_itself_changes_nothing(seed: int, parties: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(parties, parties))
    boasted = values + np.diag(rng.uniform(1, 1e6, parties))
    owners = list(range(parties))
    assert_allclose(marked_by_others(boasted, owners), marked_by_others(values, owners), rtol=0, atol=0)


def test_the_value_is_the_mean_over_the_other_validators() -> None:
    values = np.array([[100.0, 1.0, 2.0], [3.0, 100.0, 4.0], [5.0, 6.0, 7.0]])
    assert_allclose(marked_by_others(values, [0, 1, None]), [4.0, 3.5, 13 / 3])


def test_two_validators_of_one_party_are_both_left_out() -> None:
    values = np.array([[9.0, 1.0], [9.0, 3.0], [5.0, 8.0]])
    assert_allclose(marked_by_others(values, [0, 0, 1]), [5.0, 2.0])


@given(SEEDS)
def test_values_by_validator_are_those_of_each_ones_utilities(seed: int) -> None:
    utilities = np.random.default_rng(seed).normal(size=(4, 16))
    without_first = exact(utilities[1:].mean(axis=0))
    assert marked_by_others(exact(utilities), [0, 1, 2, 3])[0] == pytest.approx(without_first[0])


def test_a_party_that_only_marks_itself_is_refused() -> None:
    with pytest.raises(CharterError, match="party 1: nobody but itself could mark its work"):
        marked_by_others(np.ones((1, 2)), [1])
