"""The Shapley value against a plain loop over all orders, its axioms, and estimates of it."""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from hansa.core.errors import CharterError
from hansa.judging.shapley import estimated, exact

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 5)


def game(seed: int, parties: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=1 << parties)


def by_all_orders(values: np.ndarray) -> np.ndarray:
    parties = len(values).bit_length() - 1
    orders = list(permutations(range(parties)))
    found = np.zeros(parties)
    for order in orders:
        mask = 0
        for party in order:
            found[party] += values[mask | 1 << party] - values[mask]
            mask |= 1 << party
    return found / len(orders)


def swapped(mask: int, one: int, other: int) -> int:
    bits = (mask >> one & 1, mask >> other & 1)
    rest = mask & ~(1 << one) & ~(1 << other)
    return rest | bits[1] << one | bits[0] << other


@given(SEEDS, SIZES)
def test_the_value_is_the_mean_gain_over_all_orders(seed: int, parties: int) -> None:
    values = game(seed, parties)
    assert_allclose(exact(values), by_all_orders(values), atol=1e-12)


@given(SEEDS, st.integers(1, 9))
def test_the_values_sum_to_what_all_gain_together(seed: int, parties: int) -> None:
    values = game(seed, parties)
    assert exact(values).sum() == pytest.approx(values[-1] - values[0], abs=1e-9)


@given(SEEDS, st.integers(2, 6), st.data())
def test_parties_that_can_take_each_others_place_are_worth_the_same(
    seed: int, parties: int, data: st.DataObject
) -> None:
    one, other = data.draw(st.permutations(range(parties)))[:2]
    values = game(seed, parties)
    alike = values + values[[swapped(mask, one, other) for mask in range(1 << parties)]]
    found = exact(alike)
    assert found[one] == pytest.approx(found[other], abs=1e-12)


@given(SEEDS, st.integers(1, 6), st.data())
def test_a_party_that_changes_nothing_is_worth_exactly_nothing(
    seed: int, parties: int, data: st.DataObject
) -> None:
    party = data.draw(st.integers(0, parties - 1))
    masks = np.arange(1 << parties)
    assert exact(game(seed, parties)[masks & ~(1 << party)])[party] == 0.0


@given(SEEDS, SIZES, st.floats(-10, 10))
def test_values_of_games_add_up(seed: int, parties: int, times: float) -> None:
    one, other = game(seed, parties), game(seed + 1, parties)
    assert_allclose(exact(one + times * other), exact(one) + times * exact(other), atol=1e-9)


def test_games_side_by_side_have_the_values_of_each_alone() -> None:
    games = np.random.default_rng(0).normal(size=(2, 3, 16))
    found = exact(games)
    assert found.shape == (2, 3, 4)
    assert_allclose(found[1, 2], exact(games[1, 2]), rtol=1e-12)


def test_utilities_that_are_not_one_a_coalition_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="one for each coalition"):
        exact(np.zeros(12))


def test_fifteen_parties_are_too_many_for_all_coalitions() -> None:
    with pytest.raises(CharterError, match="estimate the values from some"):
        exact(np.zeros(1 << 15))


class Asked:
    """A game that remembers what it was asked."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        self.masks: list[int] = []

    def __call__(self, masks: Sequence[int]) -> np.ndarray:
        self.masks += masks
        return self.values[list(masks)]


def learned(seed: int, parties: int = 8) -> np.ndarray:
    """Return a game as learning makes it: a bowl around a target, nearer the more parties join."""
    rng = np.random.default_rng(seed)
    sides = rng.uniform(0.2, 1.0, (parties, 1)) * (1.0 + rng.normal(0, 0.7, (parties, 12)))
    masks = np.arange(1 << parties)[:, None] >> np.arange(parties) & 1
    return -((masks @ (sides / parties) - 1.0) ** 2).sum(1)


@given(SEEDS, st.integers(5, 8), st.integers(0, 60))
@settings(max_examples=40)
def test_an_estimate_sums_to_the_whole_and_keeps_to_its_budget(seed: int, parties: int, more: int) -> None:
    asked = Asked(game(seed, parties))
    found = estimated(parties, asked, parties + 2 + more, np.random.default_rng(seed))
    assert found.values.sum() == pytest.approx(asked.values[-1] - asked.values[0], abs=1e-9)
    assert len(asked.masks) == len(set(asked.masks)) == found.models <= parties + 2 + more


@given(SEEDS)
@settings(max_examples=20)
def test_an_estimate_of_what_parties_bring_each_alone_is_exact(seed: int) -> None:
    brought = np.random.default_rng(seed).uniform(0.5, 1.0, 6)
    values = ((np.arange(64)[:, None] >> np.arange(6)) & 1) @ brought
    found = estimated(6, Asked(values), 30, np.random.default_rng(seed))
    assert_allclose(found.values, brought, rtol=1e-9)


@given(SEEDS, st.integers(0, 7))
@settings(max_examples=20)
def test_an_estimate_leaves_a_party_that_changes_nothing_at_exactly_nothing(seed: int, party: int) -> None:
    values = learned(seed)[np.arange(256) & ~(1 << party)]
    assert estimated(8, Asked(values), 40, np.random.default_rng(seed)).values[party] == 0.0


def test_estimates_of_a_learned_game_come_near_its_values() -> None:
    errors = []
    for seed in range(20):
        values = learned(seed)
        found, due = estimated(8, Asked(values), 60, np.random.default_rng(seed)).values, exact(values)
        errors.append(np.linalg.norm(found - due) / np.linalg.norm(due))
    assert np.mean(errors) < 0.08


def test_the_mean_of_estimates_of_a_random_game_is_near_its_values() -> None:
    values = 3.0 * np.bitwise_count(np.arange(128)) + game(5, 7)
    found = [estimated(7, Asked(values), 60, np.random.default_rng(seed)).values for seed in range(300)]
    spread = np.std(found, axis=0).max()
    assert np.abs(np.mean(found, axis=0) - exact(values)).max() < 0.3 * spread


def test_a_budget_for_all_coalitions_gives_the_exact_values() -> None:
    asked = Asked(game(1, 5))
    found = estimated(5, asked, 32, np.random.default_rng(0))
    assert_array_equal(found.values, exact(asked.values))
    assert found.models == 32


def test_a_game_that_one_party_decides_ends_before_its_budget() -> None:
    asked = Asked((np.arange(1 << 8) & 1).astype(float))
    found = estimated(8, asked, 255, np.random.default_rng(0))
    assert_array_equal(found.values, [1.0, *[0.0] * 7])
    assert found.models < 255


def test_a_game_that_only_all_together_win_is_dealt_evenly_where_nothing_was_seen() -> None:
    values = np.zeros(1 << 10)
    values[-1] = 1.0
    assert_allclose(estimated(10, Asked(values), 12, np.random.default_rng(0)).values, 0.1)


def test_a_budget_below_one_cycle_is_refused() -> None:
    with pytest.raises(CharterError, match="allow at least 22"):
        estimated(20, Asked(np.zeros(1)), 21, np.random.default_rng(0))


def test_the_same_chance_gives_the_same_estimate() -> None:
    one, other = (estimated(8, Asked(learned(3)), 50, np.random.default_rng(9)) for _ in range(2))
    assert_array_equal(one.values, other.values)
