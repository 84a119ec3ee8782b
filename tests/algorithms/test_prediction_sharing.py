"""Prediction sharing by row, by label and mixed: the battery, eq. 8 by hand, damping and its gain."""

from collections.abc import Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.algorithms.isolated import Isolated
from hansa.algorithms.prediction_sharing import PredictionSharing
from hansa.core import seeds
from hansa.core.messages import Totals
from hansa.models.losses import SharedLoss
from hansa.models.network import Perceptron
from hansa.models.rows import Rows
from hansa.models.training import Recipe
from hansa.runtime.party import Member
from tests.algorithms.lines import LINES, holdings, line_of
from tests.batteries.algorithm import SharingBattery
from tests.batteries.roster import (
    BY_LABEL,
    BY_ROW,
    KEYS,
    MIXED,
    RECIPE,
    Played,
    Seat,
    opened,
    played,
    played_on,
)
from tests.oracles import straight_line


class TestSharingByLabel(SharingBattery):
    algorithm = PredictionSharing(RECIPE, SharedLoss(), KEYS, damping=0.3)
    alone = Isolated(RECIPE)
    seats = BY_LABEL


class TestSharingByRow(TestSharingByLabel):
    seats = BY_ROW


class TestSharingByRowOrLabel(TestSharingByLabel):
    seats = MIXED


_ROW_IDS = [replace(seat, keys=tuple(range(seat.rows))) for seat in LINES]
_SOME_ROW_IDS = [replace(seat, keys=(10, 11, 12, *seat.keys[3:])) for seat in LINES]


@pytest.mark.parametrize("seats", [LINES, _ROW_IDS, _SOME_ROW_IDS], ids=["label", "row", "mixed"])
def test_three_rounds_equal_eq_8_by_hand(seats: Sequence[Seat]) -> None:
    damping = 0.4
    recipe = Recipe("sgd", 0.1, 5, 1)
    algorithm = PredictionSharing(recipe, SharedLoss(), KEYS, damping)
    held = holdings(seats, 3, recipe)
    starts = [line_of(member.network) for member in opened(algorithm, seats).members]
    expected = straight_line.hybrid(
        starts, held, straight_line.by_key(held), 3, straight_line.Descent(0.1, 5), damping
    )
    found = played(algorithm, seats, 3)
    for seat, line in zip(seats, expected, strict=True):
        own = line_of(found.network(seat.name, algorithm))
        assert_allclose([*own.weight, own.bias], [*line.weight, line.bias], atol=2e-5)


def test_several_local_epochs_against_partners_that_stand_still_are_fedbcd() -> None:
    recipe = Recipe("sgd", 0.1, 100, 4)  # Q = 4 steps on all rows between two exchanges
    algorithm = PredictionSharing(recipe, SharedLoss(), KEYS)
    held = holdings(_ROW_IDS, 3, recipe)
    starts = [line_of(member.network) for member in opened(algorithm, _ROW_IDS).members]
    expected = straight_line.hybrid(
        starts, held, straight_line.by_key(held), 3, straight_line.Descent(0.1, 100), 0.0
    )
    found = played(algorithm, _ROW_IDS, 3)
    for seat, line in zip(_ROW_IDS, expected, strict=True):
        own = line_of(found.network(seat.name, algorithm))
        assert_allclose([*own.weight, own.bias], [*line.weight, line.bias], atol=2e-5)


def test_a_term_is_the_mean_prediction_of_each_key_and_whether_there_is_one() -> None:
    algorithm = TestSharingByLabel.algorithm
    now = opened(algorithm, BY_LABEL)
    for seat, member in zip(BY_LABEL, now.members, strict=True):
        terms = member.answer(algorithm.ask(now.state))
        predicted = np.asarray(member.network(member.rows.x), np.float64)
        for key in range(KEYS):
            rows = np.array(seat.keys) == key
            assert float(terms.values.support[key]) == float(rows.any())
            assert_allclose(
                terms.values.prediction[key], predicted[rows].mean() if rows.any() else 0.0, atol=1e-6
            )
        assert float(terms.weight) == 1.0  # every party counts once for a key, whatever its rows


def test_the_opening_sends_predictions_of_untrained_networks_and_the_rounds_count_from_1() -> None:
    algorithm = TestSharingByLabel.algorithm
    now = opened(algorithm, BY_LABEL)
    assert (algorithm.ask(now.state).opening, int(algorithm.ask(now.state).round)) == ("predictions", 0)
    then = played_on(algorithm, now, 1)
    assert (algorithm.ask(then.state).opening, int(algorithm.ask(then.state).round)) == ("", 1)
    for member in then.members:
        assert_array_equal(member.local.learner.network.weights[0], member.network.weights[0])


def test_the_coordinator_keeps_nothing_but_the_sums() -> None:
    algorithm = TestSharingByLabel.algorithm
    before = played(algorithm, BY_LABEL, 1).state
    sums = Totals(before.total, jnp.float32(3.0))
    assert algorithm.absorb(before, sums).total is sums.values


# --- the gain of the simultaneous exchange ---------------------------------------------------------


def _guessers(algorithm: PredictionSharing, parties: int) -> Played:
    """Return parties that have a bias alone, at 1, and two rows each whose label is 0."""
    rows = Rows(jnp.zeros((2, 1)), jnp.zeros(2), jnp.ones(2), jnp.zeros(2, jnp.int32))
    network = Perceptron((jnp.zeros((1, 1)),), (jnp.ones(1),), "sigmoid", "linear")
    names = [f"party-{number}" for number in range(parties)]
    members = [Member(name, algorithm, rows, network, seeds.key(1, name)) for name in names]
    return Played(algorithm.start(None), members)


def _guesses(parties: int, damping: float, rounds: int) -> list[float]:
    """Return the common guess after each round; each round goes to its optimum in one step.

    The loss of a row is (own (1 + 1 / J) / 2 + partners' mean (1 - 1 / J) / 2)^2 / 2, whose curvature is
    ((1 + 1 / J) / 2)^2: a gradient step of its inverse lands on the optimum.
    """
    slope = (1 + 1 / parties) / 2
    algorithm = PredictionSharing(Recipe("sgd", 1 / slope**2, 2, 1), SharedLoss(), 1, damping)
    now = played_on(algorithm, _guessers(algorithm, parties), 1)
    found = []
    for _ in range(rounds):
        now = played_on(algorithm, now, 1)
        found.append(float(now.local("party-0").learner.network.biases[0][0]))
    return found


@pytest.mark.parametrize("parties", [2, 5])
def test_the_simultaneous_exchange_swings_with_gain_minus_j_1_over_j_plus_1(parties: int) -> None:
    gain = -(parties - 1) / (parties + 1)
    assert_allclose(_guesses(parties, 0.0, 4), [gain, gain**2, gain**3, gain**4], atol=1e-5)


def test_damping_keeps_its_share_of_the_old_mean_from_the_second_round_on() -> None:
    gain, damping, partners, guess, expected = -4 / 6, 0.25, 1.0, 1.0, []
    for number in range(4):
        partners = guess if number == 0 else damping * partners + (1 - damping) * guess
        guess = gain * partners  # the optimum against that mean
        expected.append(guess)
    assert_allclose(_guesses(5, damping, 4), expected, atol=1e-5)


def test_damping_calms_a_large_federation() -> None:
    undamped, damped = _guesses(5, 0.0, 6), _guesses(5, 0.25, 6)
    assert abs(damped[-1]) < 0.1 * abs(undamped[-1])


# --- where a rule has weighed the sums ---------------------------------------------------------------


def _judged_pair(judged: bool) -> tuple[PredictionSharing, Played]:
    algorithm = PredictionSharing(RECIPE, SharedLoss(), KEYS, judged=judged)
    return algorithm, played(algorithm, BY_LABEL, 1)


def _partners(judged: bool, scale: float) -> np.ndarray:
    """Return (keys,) what the first party takes for its partners' mean; scale: of all weights."""
    algorithm, now = _judged_pair(judged)
    total = now.state.total
    weighed = Totals(jax.tree.map(lambda leaf: scale * leaf, total), jnp.float32(scale))
    state = algorithm.absorb(now.state, weighed)
    member = now.members[0]
    member.answer(algorithm.ask(state))
    return np.asarray(member.local.partners)


def test_judged_partners_are_the_mean_of_all_however_a_rule_scales_its_weights() -> None:
    total = _judged_pair(True)[1].state.total
    support = np.asarray(total.support)
    mean = np.where(support > 0, np.asarray(total.prediction) / np.maximum(support, 1e-9), 0.0)  # (keys,)
    for scale in (1.0, 0.5, 1e-3):
        assert_allclose(_partners(True, scale), mean, atol=1e-5)


def test_unjudged_partners_are_without_the_party_itself() -> None:
    assert not np.allclose(_partners(True, 1.0), _partners(False, 1.0))


def test_a_key_that_a_rule_left_to_nobody_has_no_partners() -> None:
    algorithm, now = _judged_pair(True)
    nothing = Totals(jax.tree.map(jnp.zeros_like, now.state.total), jnp.zeros(()))
    member = now.members[0]
    terms = member.answer(algorithm.ask(algorithm.absorb(now.state, nothing)))
    assert_array_equal(member.local.partners, np.zeros(KEYS))
    assert np.isfinite(np.asarray(terms.values.prediction)).all()
    assert np.isfinite(float(member.local.loss))
