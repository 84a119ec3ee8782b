"""Sums of words are sums of numbers, to the bound that is stated."""

import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.protection.fixed_point import FixedPoint

FORMS = [(32, 1), (56, 1), (64, 1), (64, 2), (56, 3), (64, 3)]
clips = st.one_of(st.sampled_from([1.0, 2.0, 64.0, 0.9999999, 1e-3, 2.0**40]), st.floats(1e-6, 1e9))


def summed(form: FixedPoint, values: np.ndarray) -> np.ndarray:
    """Return the decoded sum over the first axis."""
    with np.errstate(over="ignore"):
        return form.decoded(functools.reduce(np.add, [form.encoded(own) for own in values]))


@pytest.mark.parametrize(("width", "words"), FORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(parties=st.integers(1, 60), clip=clips, seed=st.integers(0, 999))
def test_a_sum_is_off_by_no_more_than_the_bound(
    width: int, words: int, dtype: type, parties: int, clip: float, seed: int
) -> None:
    form = FixedPoint(parties, clip, width, words)
    rng = np.random.default_rng(seed)
    values = (rng.uniform(-1.2, 1.2, (parties, 7)) * clip).astype(dtype)
    values[:, 0], values[:, 1] = clip, -clip  # everybody at the end of the range
    held = np.clip(values.astype(np.float64), -clip, clip)
    exact = np.array([math.fsum(column) for column in held.T])
    float64 = 2 * np.abs(exact).max() * 2.0**-52  # of the result
    limit = np.float64(np.float32(clip)) - clip if dtype == np.float32 else 0.0  # float32's own clip
    assert np.abs(summed(form, values) - exact).max() <= form.error + float64 + parties * abs(limit)


@pytest.mark.parametrize(("width", "words"), FORMS)
def test_order_does_not_matter_to_the_bit(width: int, words: int) -> None:
    form = FixedPoint(8, 10.0, width, words)
    values = np.random.default_rng(1).normal(size=(8, 100))
    assert np.array_equal(summed(form, values), summed(form, values[::-1]))


@given(parties=st.integers(1, 60), clip=clips)
def test_wide_numbers_keep_what_float64_holds(parties: int, clip: float) -> None:
    wide, narrow = FixedPoint(parties, clip, 64, 2), FixedPoint(parties, clip, 64, 1)
    assert wide.bits > narrow.bits + 40
    small = np.array([clip * 2.0**-60])
    assert wide.decoded(wide.encoded(small)) == pytest.approx(small, rel=1e-6)


@given(parties=st.integers(1, 60), power=st.floats(-20.0, 29.0), seed=st.integers(0, 999))
def test_three_words_hold_any_statistic(parties: int, power: float, seed: int) -> None:
    form = FixedPoint(parties, 2.0**100, 64, 3)
    values = np.random.default_rng(seed).uniform(0.5, 1.0, (parties, 3)) * 10.0**power
    exact = np.array([math.fsum(column) for column in values.T])
    assert summed(form, values) == pytest.approx(
        exact, rel=1e-4 if power < -18 else 1e-8 if power < -10 else 1e-15
    )
