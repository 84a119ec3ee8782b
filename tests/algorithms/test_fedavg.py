"""FedAvg: the battery, and eq. 3 against a loop over parties, batches and rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.algorithms.fedavg import FedAvg
from hansa.algorithms.server import Server
from hansa.core.messages import Terms, Totals
from hansa.models.training import Recipe
from tests.algorithms.lines import LINES, holdings, line_of
from tests.batteries.algorithm import AlgorithmBattery
from tests.batteries.roster import ALIKE, RECIPE, leaves, opened, played
from tests.oracles import averaged_lines, straight_line


class TestFedAvg(AlgorithmBattery):
    algorithm = FedAvg(RECIPE)
    seats = ALIKE


class TestFedProx(AlgorithmBattery):
    algorithm = FedAvg(RECIPE, proximal=0.5)
    seats = ALIKE


class TestFedAdam(AlgorithmBattery):
    algorithm = FedAvg(RECIPE, server=Server("adam", 0.05))
    seats = ALIKE


def test_two_rounds_equal_eq_3_by_hand() -> None:
    recipe = Recipe("sgd", 0.1, 5, 2)
    algorithm = FedAvg(recipe)
    start = line_of(opened(algorithm, LINES).state.network)
    expected = straight_line.fedavg(start, holdings(LINES, 2, recipe), 2, straight_line.Descent(0.1, 5))
    found = line_of(played(algorithm, LINES, 2).state.network)
    assert_allclose(found.weight, expected.weight, atol=1e-5)
    assert_allclose(found.bias, expected.bias, atol=1e-5)


def test_a_party_weighs_as_many_times_as_it_has_rows() -> None:
    algorithm = TestFedAvg.algorithm
    start = opened(algorithm, ALIKE)
    terms = [member.answer(algorithm.ask(start.state)) for member in start.members]
    assert [float(term.weight) for term in terms] == [12.0, 7.0, 12.0]


def test_the_common_model_moves_by_the_mean_change() -> None:
    algorithm = TestFedAvg.algorithm
    state = opened(algorithm, ALIKE).state
    sums = jax.tree.map(lambda leaf: jnp.full_like(leaf, 6.0), state.network)
    moved = algorithm.absorb(state, Totals(sums, jnp.float32(3.0)))
    for old, new in zip(leaves(state.network), leaves(moved.network), strict=True):
        assert_allclose(new, old + 2.0, rtol=1e-6)
    assert int(moved.round) == int(state.round) + 1


def test_all_parties_predict_with_the_common_model() -> None:
    found = played(TestFedAvg.algorithm, ALIKE)
    for seat in ALIKE:
        for one, other in zip(
            leaves(found.network(seat.name, TestFedAvg.algorithm)), leaves(found.state.network), strict=True
        ):
            assert_array_equal(one, other)


def test_the_term_is_the_change_and_not_the_weights() -> None:
    algorithm = TestFedAvg.algorithm
    start = opened(algorithm, ALIKE)
    terms = start.members[0].answer(algorithm.ask(start.state))
    assert isinstance(terms, Terms)
    assert max(np.abs(leaf).max() for leaf in leaves(terms.values)) < 0.3  # 3 Adam steps of at most 0.05


@pytest.mark.parametrize("mu", [0.0, 0.5, 4.0])
def test_the_proximal_term_equals_the_loop_by_hand(mu: float) -> None:
    recipe = Recipe("sgd", 0.1, 5, 2)
    algorithm = FedAvg(recipe, proximal=mu)
    start = line_of(opened(algorithm, LINES).state.network)
    descent = straight_line.Descent(0.1, 5)
    expected = averaged_lines.fedprox(start, holdings(LINES, 2, recipe), 2, descent, mu)
    found = line_of(played(algorithm, LINES, 2).state.network)
    assert_allclose(found.weight, expected.weight, atol=1e-5)
    assert_allclose(found.bias, expected.bias, atol=1e-5)


def test_the_loss_that_is_reported_is_that_of_the_rows_alone() -> None:
    recipe = Recipe("sgd", 1e-6, 100, 1)  # it hardly moves
    losses = [float(played(FedAvg(recipe, proximal=mu), ALIKE, 1).members[0].local.loss) for mu in (0.0, 1e3)]
    assert_allclose(losses[0], losses[1], rtol=1e-4)
