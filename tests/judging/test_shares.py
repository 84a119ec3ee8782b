"""Intervals of mean contributions, and payments in whole credits."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from hansa.core.errors import CharterError
from hansa.judging.shares import NOBODY, PAID, payment, shares_of

SEEDS = st.integers(0, 2**32 - 1)
OWED = st.lists(st.floats(-10, 10), min_size=1, max_size=8).map(np.array)
POOLS = st.integers(0, 10**15)


@given(OWED, POOLS)
def test_credits_sum_to_the_pool_or_nothing_is_paid(owed: np.ndarray, pool: int) -> None:
    found = payment(owed, pool)
    assert min(found.credits) >= 0
    assert sum(found.credits) == (pool if (owed > 0).any() else 0)
    assert found.why == (PAID if (owed > 0).any() else NOBODY)


@given(OWED, POOLS)
def test_each_is_paid_its_share_to_within_one_credit(owed: np.ndarray, pool: int) -> None:
    positive = np.maximum(owed, 0.0)
    if positive.any():
        due = pool * positive / positive.sum()
        assert_allclose(payment(owed, pool).credits, due, atol=1.0 + 1e-9 * pool)


@given(OWED, st.integers(0, 10_000))
def test_who_is_owed_more_is_never_paid_less(owed: np.ndarray, pool: int) -> None:
    order = np.argsort(-owed, kind="stable")
    paid = np.array(payment(owed, pool).credits)[order]
    assert (np.diff(paid) <= 0).all()


@given(OWED, st.integers(0, 10_000))
def test_who_is_owed_nothing_is_paid_nothing(owed: np.ndarray, pool: int) -> None:
    assert all(paid == 0 for paid, due in zip(payment(owed, pool).credits, owed, strict=True) if due <= 0)


@given(OWED, st.integers(0, 10_000), st.integers(1, 4), st.data())
def test_copies_are_paid_together_what_one_of_them_would_be(
    owed: np.ndarray, pool: int, more: int, data: st.DataObject
) -> None:
    copied = data.draw(st.integers(0, len(owed) - 1))
    copies = [copied, *range(len(owed), len(owed) + more)]
    found = payment(np.append(owed, [owed[copied]] * more), pool, [copies]).credits
    alone = payment(owed, pool).credits
    together = [found[party] for party in copies]
    assert sum(together) == alone[copied]
    assert max(together) - min(together) <= 1
    assert [found[party] for party in range(len(owed)) if party != copied] == [
        paid for party, paid in enumerate(alone) if party != copied
    ]


def test_the_largest_remainders_take_what_is_left() -> None:
    assert payment(np.array([0.5, 0.3, 0.2]), 11).credits == (6, 3, 2)
    assert payment(np.array([1.0, 1.0, 1.0]), 2).credits == (1, 1, 0)


def test_a_group_is_owed_the_mean_of_its_members() -> None:
    assert payment(np.array([4.0, 2.0, 0.0, 3.0]), 6, [[0, 1], [2, 3]]).credits == (2, 2, 1, 1)


def test_a_pool_below_nothing_is_refused() -> None:
    with pytest.raises(CharterError, match="a pool of -1 credits cannot be paid"):
        payment(np.ones(2), -1)


def test_a_party_in_two_groups_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="in two groups"):
        payment(np.ones(3), 5, [[0, 1], [1, 2]])


@given(SEEDS, st.integers(2, 30))
@settings(max_examples=20)
@example(95302, 2)  # one party harms: its share is below 0
def test_shares_above_0_sum_to_one_and_all_lie_in_their_intervals(seed: int, rounds: int) -> None:
    contributions = np.random.default_rng(seed).exponential(size=(rounds, 4)) - 0.1
    found = shares_of(contributions, np.random.default_rng(seed))
    assert found.by("mean").sum() == pytest.approx(1.0)
    assert (found.lower <= found.mean).all()
    assert (found.mean <= found.upper).all()


def test_rounds_that_brought_nothing_together_give_no_shares() -> None:
    found = shares_of(np.array([[1.0, -2.0], [-1.5, -1.0]]), np.random.default_rng(0))
    assert_array_equal([found.mean, found.lower, found.upper], 0.0)


def test_one_who_harms_takes_no_share_from_the_others() -> None:
    found = shares_of(np.tile([1.0, 1.0, 1.0, -3.2], (8, 1)), np.random.default_rng(0))
    assert found.mean[:3] == pytest.approx(1 / 3)
    assert found.mean[3] < 0
    assert payment(found.by("lower"), 99).credits == (33, 33, 33, 0)


def test_a_party_that_never_brought_anything_is_known_to_be_worth_nothing() -> None:
    contributions = np.random.default_rng(0).normal(size=(9, 3))
    contributions[:, 1] = 0.0
    found = shares_of(contributions, np.random.default_rng(1))
    assert found.lower[1] == found.mean[1] == found.upper[1] == 0.0


def test_most_intervals_hold_the_true_share_though_late_rounds_bring_little() -> None:
    true, held = np.array([0.4, 0.3, 0.2, 0.1]), []
    brought = np.exp(-np.arange(20) / 4.0)  # (rounds,)
    for seed in range(150):
        rng = np.random.default_rng(seed)
        noise = rng.normal(0, 0.03, (20, 4))
        contributions = np.outer(brought, true) + noise - noise.mean(axis=1, keepdims=True)
        found = shares_of(contributions, rng)
        held.append((found.lower <= true) & (true <= found.upper))
    assert 0.9 < np.mean(held) < 0.995


def test_the_same_chance_gives_the_same_interval() -> None:
    rounds = np.random.default_rng(0).normal(size=(5, 3))
    one, other = (shares_of(rounds, np.random.default_rng(4)) for _ in range(2))
    assert_array_equal(one.lower, other.lower)


def test_the_rule_lower_pays_only_who_surely_brought_something() -> None:
    doubtful = np.array([4.0, -3.0, 3.5, -3.2, 2.9, -2.7, 3.1, -1.0])
    contributions = np.stack([5.0 + 0.01 * doubtful, doubtful, np.full(8, -1.0)], axis=1)
    found = shares_of(contributions, np.random.default_rng(0))
    assert found.mean[1] > 0
    assert found.lower[1] < 0
    assert payment(found.by("lower"), 100).credits == (100, 0, 0)
    assert payment(found.by("mean"), 100).credits[1] > 0
    assert_array_equal(found.by("lower") >= 0, True)


def test_one_round_tells_no_interval() -> None:
    with pytest.raises(CharterError, match="one round tells no interval"):
        shares_of(np.ones((1, 3)), np.random.default_rng(0))
