"""FedNova: the battery, the paper's Algorithm 1 by hand, and a case in closed form."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from hansa.algorithms.fednova import FedNova, effective
from hansa.models.training import Recipe
from tests.algorithms.lines import LINES, holdings, line_of
from tests.batteries.algorithm import AlgorithmBattery
from tests.batteries.roster import ALIKE, RECIPE, opened, played
from tests.oracles import averaged_lines
from tests.oracles.straight_line import Descent


class TestFedNova(AlgorithmBattery):
    algorithm = FedNova(RECIPE)
    seats = ALIKE


def test_two_rounds_equal_the_loop_by_hand() -> None:
    recipe = Recipe("sgd", 0.1, 5, 2)
    algorithm = FedNova(recipe)
    start = line_of(opened(algorithm, LINES).state.network)
    taken = [2.0 * -(-seat.rows // 5) for seat in LINES]
    expected = averaged_lines.fednova(start, holdings(LINES, 2, recipe), 2, Descent(0.1, 5), taken)
    found = line_of(played(algorithm, LINES, 2).state.network)
    assert_allclose(found.weight, expected.weight, atol=1e-5)
    assert_allclose(found.bias, expected.bias, atol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_effective_steps_are_how_far_momentum_goes_along_one_gradient(momentum: float) -> None:
    for taken in range(1, 8):
        speed, far = 0.0, 0.0
        for _ in range(taken):
            speed = momentum * speed + 1.0
            far += speed
        assert_allclose(effective(jnp.float32(taken), momentum), far, rtol=1e-5)


def test_a_party_of_more_steps_does_not_draw_the_mean_to_itself() -> None:
    """Two parties of equal weight pull apart by constant gradients, one with three times the steps."""
    gradients, taken, rate = np.array([1.0, -1.0]), np.array([1.0, 3.0]), 0.1
    plain = np.mean(-rate * taken * gradients)
    fair = np.mean(taken) * np.mean(-rate * gradients)
    assert plain > 0.05
    assert fair == 0.0
