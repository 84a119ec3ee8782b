"""SCAFFOLD: the battery, Algorithm 1 by hand, and the drift that it removes."""

import numpy as np
from numpy.testing import assert_allclose

from hansa.algorithms.fedavg import FedAvg
from hansa.algorithms.scaffold import Scaffold
from hansa.models.training import Recipe
from tests.algorithms.lines import LINES, holdings, line_of
from tests.batteries.algorithm import AlgorithmBattery
from tests.batteries.roster import ALIKE, leaves, opened, played
from tests.oracles import averaged_lines
from tests.oracles.straight_line import Descent

PLAIN = Recipe("sgd", 0.1, 5, 2)
TAKEN = [2 * -(-seat.rows // 5) for seat in LINES]


class TestScaffold(AlgorithmBattery):
    algorithm = Scaffold(PLAIN)
    seats = ALIKE


def test_three_rounds_equal_the_loop_by_hand() -> None:
    algorithm = Scaffold(PLAIN, rate=0.7)
    start = line_of(opened(algorithm, LINES).state.course.network)
    expected = averaged_lines.scaffold(start, holdings(LINES, 3, PLAIN), 3, Descent(0.1, 5), TAKEN, 0.7)
    found = line_of(played(algorithm, LINES, 3).state.course.network)
    assert_allclose(found.weight, expected.weight, atol=1e-5)
    assert_allclose(found.bias, expected.bias, atol=1e-5)


def test_the_first_round_is_fedavgs() -> None:
    one, other = played(Scaffold(PLAIN), LINES, 1), played(FedAvg(PLAIN), LINES, 1)
    for a, b in zip(leaves(one.state.course.network), leaves(other.state.network), strict=True):
        assert_allclose(a, b, atol=1e-6)


def test_the_common_control_is_the_weighted_mean_of_the_parties() -> None:
    found = played(Scaffold(PLAIN), LINES, 3)
    weights = np.array([seat.rows for seat in LINES], float)
    for place, leaf in enumerate(leaves(found.state.course.control)):
        own = np.stack([leaves(member.local.control)[place] for member in found.members])
        assert_allclose(leaf, np.tensordot(weights / weights.sum(), own, 1), atol=1e-5)


def test_whole_batches_lead_to_the_optimum_of_all_rows_where_fedavg_stops_short() -> None:
    recipe = Recipe("sgd", 0.3, 100, 5)
    held = [seat.learnt_from() for seat in LINES]
    x = np.concatenate([np.c_[own.x, np.ones(len(own.y))] for own in held])
    y = np.concatenate([own.y for own in held])
    best = np.linalg.lstsq(x.astype(float), y.astype(float), rcond=None)[0]
    corrected = line_of(played(Scaffold(recipe), LINES, 150).state.course.network)
    plain = line_of(played(FedAvg(recipe), LINES, 150).state.network)
    assert_allclose([*corrected.weight, corrected.bias], best, atol=1e-3)
    assert np.abs([*plain.weight, plain.bias] - best).max() > 5e-3
