"""Shared body, private part: the battery for each kind, and what may and may not leave a party."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.algorithms.personal import Personal
from hansa.core import arrays
from hansa.models.losses import squared_error
from hansa.models.network import perceptron
from hansa.models.parts import normalised
from hansa.models.rows import Rows
from hansa.models.training import learner, no_extras, train
from hansa.runtime.party import Member
from tests.batteries.algorithm import AlgorithmBattery
from tests.batteries.roster import ALIKE, RECIPE, Played, leaves, opened, played, played_on


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


def test_training_in_turn_moves_the_head_against_the_body_that_was_sent() -> None:
    """The head is trained with the body of the ask fixed, then the body with that head fixed."""
    algorithm = Personal(RECIPE, "head", in_turn=True)
    start = opened(algorithm, ALIKE)
    member, ask = start.members[0], algorithm.ask(start.state)
    drawn = member.local.private
    first, second = jax.random.split(jax.random.fold_in(member.local.key, ask.round))
    terms = member.answer(ask)

    def fitted(moving: Any, fixed: Any, key: jax.Array) -> Any:
        def loss(part: Any, rows: Rows, extras: Any) -> jax.Array:
            return squared_error(eqx.combine(part, fixed), rows, extras)

        return train(learner(moving, RECIPE), member.rows, no_extras, key, RECIPE, loss)[0].network

    head = fitted(drawn, ask.shared, first)
    body = fitted(ask.shared, head, second)
    for one, other in zip(leaves(member.local.private), leaves(head), strict=True):
        assert_allclose(one, other, atol=1e-6)
    for change, new, old in zip(leaves(terms.values), leaves(body), leaves(ask.shared), strict=True):
        assert_allclose(change, new - old, atol=1e-6)


def _network(seed: int) -> Any:
    return normalised(perceptron(np.random.default_rng(seed), 3, (4,), "sigmoid", "linear"), 3)


def _scaled(algorithm: Personal) -> Played:
    members = [
        Member(seat.name, algorithm, seat.learnt_from(), _network(place), jax.random.key(place))
        for place, seat in enumerate(ALIKE)
    ]
    return Played(algorithm.start(_network(9)), members)


def test_how_a_party_scales_its_inputs_never_leaves_it() -> None:
    algorithm = Personal(RECIPE, "normaliser")
    played = played_on(algorithm, _scaled(algorithm), 2)
    terms = played.members[0].answer(algorithm.ask(played.state))
    sent = [f"inner/{kind}/{n}" for kind in ("biases", "weights") for n in (0, 1)]
    assert sorted(arrays.flatten(terms.values)) == sent
    gains = [np.asarray(member.local.private.gain) for member in played.members]
    assert not np.allclose(gains[0], gains[1])
    assert not np.allclose(gains[0], 1.0)
