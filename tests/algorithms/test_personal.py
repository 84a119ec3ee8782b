"""Shared body, private part: the battery for each kind, and what may and may not leave a party."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.algorithms.personal import Personal
from hansa.core import arrays
from tests.batteries.algorithm import AlgorithmBattery
from tests.batteries.roster import ALIKE, RECIPE, leaves, opened, played


class TestFedPer(AlgorithmBattery):
    algorithm = Personal(RECIPE, "head")
    seats = ALIKE


class TestFedRep(AlgorithmBattery):
    algorithm = Personal(RECIPE, "head", in_turn=True)
    seats = ALIKE


@pytest.mark.parametrize("in_turn", [False, True])
def test_the_head_never_leaves_its_party(in_turn: bool) -> None:
    algorithm = Personal(RECIPE, "head", in_turn)
    start = opened(algorithm, ALIKE)
    terms = start.members[0].answer(algorithm.ask(start.state))
    sent = arrays.flatten(terms.values)
    assert sorted(sent) == ["biases/0", "weights/0"]
    assert {name: leaf.shape for name, leaf in sent.items()} == {"biases/0": (4,), "weights/0": (3, 4)}


def test_parties_share_a_body_and_differ_in_their_heads() -> None:
    algorithm = Personal(RECIPE, "head")
    found = played(algorithm, ALIKE)
    one, other = (found.network(seat.name, algorithm) for seat in ALIKE[:2])
    assert_array_equal(one.weights[0], other.weights[0])
    assert not np.allclose(one.weights[1], other.weights[1])


def test_training_in_turn_fits_the_head_to_the_body_that_was_sent() -> None:
    """The body's first step in a round sees a head that has been trained on it: its change is smaller."""
    start = opened(Personal(RECIPE, "head"), ALIKE)
    sizes = []
    for in_turn in (False, True):
        algorithm = Personal(RECIPE, "head", in_turn)
        fresh = opened(algorithm, ALIKE)
        fresh.members[0].answer(algorithm.ask(start.state))
        moved = leaves(fresh.members[0].local.private)
        drawn = leaves(opened(algorithm, ALIKE).members[0].local.private)
        sizes.append(sum(float(np.abs(a - b).sum()) for a, b in zip(moved, drawn, strict=True)))
    assert_allclose(sizes[0], sizes[1], rtol=0.9)
    assert sizes[0] != sizes[1]
