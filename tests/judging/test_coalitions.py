"""Models of coalitions: their sums, their order, and null players to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from hansa.core.errors import CharterError, PartyError
from hansa.judging.coalitions import Game, terms_of
from hansa.judging.shapley import estimated, exact

SEEDS = st.integers(0, 2**32 - 1)
DIM = 30


def losses(models: np.ndarray) -> np.ndarray:
    return (np.tanh(models.astype(np.float64) - 0.5) ** 2).sum(axis=1)


def drawn(seed: int, parties: int) -> Game:
    rng = np.random.default_rng(seed)
    updates = rng.normal(size=(parties, DIM)).astype(np.float32)
    weights = rng.uniform(1, 100, parties)
    return Game(rng.normal(size=DIM).astype(np.float32), terms_of(updates, weights), losses)


def test_terms_are_shares_of_the_whole_rounds_weight() -> None:
    updates = np.ones((3, 2), np.float32)
    assert_allclose(terms_of(updates, np.array([1.0, 1.0, 2.0])), [[0.25] * 2, [0.25] * 2, [0.5] * 2])
    assert_allclose(terms_of(list(updates), np.array([0.0, 1.0, 3.0])), [[0.0] * 2, [0.25] * 2, [0.75] * 2])


@given(SEEDS, st.integers(1, 8))
@settings(max_examples=20)
def test_a_coalitions_model_is_the_common_one_and_its_members_terms(seed: int, parties: int) -> None:
    game = drawn(seed, parties)
    masks = np.arange(1 << parties)
    inside = (masks[:, None] >> np.arange(parties)) & 1
    due = -losses(game.common + inside @ game.terms.astype(np.float64))
    assert_allclose(game.utilities(), due, rtol=1e-4)


@given(SEEDS, st.integers(1, 9))
@settings(max_examples=20)
def test_some_coalitions_are_worth_to_the_bit_what_they_are_among_all(seed: int, parties: int) -> None:
    game, rng = drawn(seed, parties), np.random.default_rng(seed)
    masks = [int(mask) for mask in rng.integers(0, 1 << parties, 100)]
    assert_array_equal(game.utility(masks), game.utilities()[masks])


@given(SEEDS, st.integers(2, 9), st.data())
@settings(max_examples=20)
def test_a_party_without_a_change_is_worth_exactly_nothing(
    seed: int, parties: int, data: st.DataObject
) -> None:
    idle = data.draw(st.integers(0, parties - 1))
    game = drawn(seed, parties)
    game.terms[idle] = 0.0
    values = game.utilities()
    masks = np.arange(1 << parties)
    assert_array_equal(values[masks | 1 << idle], values[masks & ~(1 << idle)])
    assert exact(values)[idle] == 0.0
    rng = np.random.default_rng(seed)
    assert estimated(parties, game.utility, parties + 2, rng).values[idle] == 0.0


def test_no_more_than_64_models_are_made_at_a_time() -> None:
    seen: list[int] = []

    def counted(models: np.ndarray) -> np.ndarray:
        seen.append(len(models))
        return losses(models)

    game = drawn(0, 8)
    counted_game = Game(game.common, game.terms, counted)
    counted_game.utilities()
    counted_game.utility(range(100))
    assert seen == [64, 64, 64, 64, 64, 36]


@pytest.mark.parametrize(("huge", "who"), [(1, "parties 1"), (None, "the common model")])
def test_a_model_without_a_finite_loss_is_told_by_its_smallest_coalition(huge: int | None, who: str) -> None:
    game = drawn(0, 3)
    (game.common if huge is None else game.terms[huge])[0] = np.inf

    with pytest.raises(PartyError, match="has no finite loss") as caught, np.errstate(invalid="ignore"):
        Game(game.common, game.terms, lambda models: models.astype(np.float64).sum(axis=1)).utilities()
    assert caught.value.where == who


def test_more_than_14_parties_have_too_many_coalitions() -> None:
    with pytest.raises(CharterError, match="15 parties have too many coalitions"):
        drawn(0, 15).utilities()
