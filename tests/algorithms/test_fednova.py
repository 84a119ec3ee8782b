"""FedNova: the battery, the paper's Algorithm 1 by hand, and a case in closed form."""

import jax
import jax.numpy as jnp
import pytest
from numpy.testing import assert_allclose

from hansa.algorithms.fednova import FedNova, Pace, effective
from hansa.core import arrays
from hansa.core.messages import Totals
from hansa.models.rows import Rows, Stream
from hansa.models.training import Recipe, steps
from tests.algorithms.lines import LINES, holdings, line_of
from tests.batteries.algorithm import AlgorithmBattery
from tests.batteries.roster import ALIKE, RECIPE, leaves, opened, played
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
    """Two parties of equal weight pulled apart by equal steps; one of them took three times as many."""
    algorithm = FedNova(RECIPE)
    state = opened(algorithm, ALIKE).state
    step = jax.tree.map(jnp.ones_like, state.network)
    terms = [Pace(step, jnp.float32(1.0)), Pace(jax.tree.map(jnp.negative, step), jnp.float32(3.0))]
    moved = algorithm.absorb(state, Totals(arrays.weighted_sum(terms, [5.0, 5.0]), jnp.float32(10.0)))
    for old, new in zip(leaves(state.network), leaves(moved.network), strict=True):
        assert_allclose(new, old)


@pytest.mark.parametrize(("rows", "batch"), [(90, 30), (91, 30), (60, 15), (7, 7), (1, 30), (0, 30)])
def test_steps_are_counted_in_whole_numbers(rows: int, batch: int) -> None:
    """90 / 30 in single precision may be taken for a little more than 3."""
    real = (jnp.arange(120) < rows).astype(jnp.float32)
    held = Rows(jnp.zeros((120, 1)), jnp.zeros(120), real, jnp.zeros(120))
    recipe = Recipe("sgd", 0.1, batch, 2)
    assert float(jax.jit(lambda own: steps(own, recipe))(held)) == 2 * -(-rows // batch)


def test_steps_of_a_stream_are_those_of_its_blocks() -> None:
    stream = Stream(jnp.asarray([90.0, 61.0]), 120, 1, lambda place: ())
    assert float(steps(stream, Recipe("sgd", 0.1, 30, 1))) == 3 + 3


class TestFedNovaWithMomentum(AlgorithmBattery):
    algorithm = FedNova(Recipe("sgd", 0.05, 5, 1, momentum=0.5))
    seats = ALIKE
