"""Nobody marks his own work."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from hansa.core.errors import CharterError
from hansa.judging.shapley import exact
from hansa.judging.validators import OUTSIZE, marked_by_others, without_outsize

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


@given(SEEDS, st.integers(3, 6), st.sampled_from([0.0, 1e-300, 1e5, 1e300]))
def test_one_validator_out_of_proportion_is_left_out_and_takes_no_other_with_it(
    seed: int, parties: int, lie: float
) -> None:
    rng = np.random.default_rng(seed)
    honest = {str(one): rng.uniform(0.5, 1.0, 4) for one in range(1, parties)}
    found = without_outsize({"0": np.full(4, lie), **honest})
    assert found.keys() - {"0"} == honest.keys()
    assert ("0" in found) == (lie <= OUTSIZE)


def test_of_two_validators_the_larger_is_left_out_and_where_nobody_marks_nobody_is() -> None:
    assert without_outsize({"a": np.ones(2), "b": np.full(2, 1000.0)}).keys() == {"a"}
    assert without_outsize({"a": np.zeros(2), "b": np.ones(2)}).keys() == {"a", "b"}
    assert without_outsize({"a": np.ones(2)}).keys() == {"a"}
    assert without_outsize({}) == {}


@given(st.lists(st.floats(-1e308, 1e308), min_size=2, max_size=6))
def test_what_is_left_has_finite_sums(sizes: list[float]) -> None:
    left = without_outsize({str(place): np.full(3, size) for place, size in enumerate(sizes)})
    if left:
        assert np.isfinite(np.stack(list(left.values())).sum() ** 2)
