"""Ditto: the battery, and both ends of its one setting."""

import numpy as np
from numpy.testing import assert_allclose

from hansa.algorithms.ditto import Ditto
from hansa.algorithms.fedavg import FedAvg
from hansa.models.training import Recipe
from tests.algorithms.lines import LINES, line_of
from tests.batteries.algorithm import AlgorithmBattery
from tests.batteries.roster import ALIKE, RECIPE, leaves, opened, played


class TestDitto(AlgorithmBattery):
    algorithm = Ditto(RECIPE, 0.3)
    seats = ALIKE


def test_the_common_model_is_fedavgs() -> None:
    one, other = played(Ditto(RECIPE, 5.0), ALIKE), played(FedAvg(RECIPE), ALIKE)
    for a, b in zip(leaves(one.state), leaves(other.state), strict=True):
        assert_allclose(a, b, atol=1e-6)


def test_a_strong_pull_holds_the_personal_model_at_the_common_one() -> None:
    recipe = Recipe("sgd", 0.01, 5, 20)
    algorithm = Ditto(recipe, 90.0)
    found = played(algorithm, LINES, 6)
    before = line_of(played(algorithm, LINES, 5).state.network)  # what the last round was pulled to
    for seat in LINES:
        own = line_of(found.network(seat.name, algorithm))
        assert_allclose(own.weight, before.weight, atol=0.02)


def test_without_a_pull_every_party_learns_alone() -> None:
    recipe = Recipe("sgd", 0.3, 100, 40)  # whole batches: the optimum whatever the order
    found = played(Ditto(recipe, 0.0), LINES, 5)
    for seat in LINES:
        own = line_of(found.network(seat.name, Ditto(recipe, 0.0)))
        rows = seat.learnt_from()
        miss = rows.x @ own.weight + own.bias - rows.y
        assert_allclose(rows.x.T @ miss, 0.0, atol=1e-2)
        assert_allclose(miss.sum(), 0.0, atol=1e-2)


def test_the_pull_is_half_lambda_times_the_squared_distance() -> None:
    """One whole batch, one step: the personal line moves by the loss's slope and lambda times its lead."""
    recipe, pull = Recipe("sgd", 0.1, 100, 1), 0.7
    algorithm = Ditto(recipe, pull)
    start = opened(algorithm, LINES)
    common = line_of(start.state.network)
    member = start.members[0]
    own, rows = line_of(member.network), member.rows
    member.answer(algorithm.ask(start.state))
    miss = np.asarray(rows.x @ own.weight + own.bias - rows.y, np.float64)
    slope = np.asarray(rows.x, np.float64).T @ miss / len(miss) + pull * (own.weight - common.weight)
    assert_allclose(line_of(member.local.personal.network).weight, own.weight - 0.1 * slope, atol=1e-6)
