"""Ensembles: the mean of members that are trained apart, and one network to everybody else."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.core import arrays
from hansa.core.charter import Network
from hansa.models.build import drawn
from hansa.models.ensemble import Ensemble
from hansa.models.losses import squared_error
from hansa.models.network import Shape
from hansa.models.parts import marked, normalised
from hansa.models.rows import Rows
from hansa.models.training import Recipe, learner, no_extras, train

ROWS, SHAPE, MEMBERS = 13, Shape(2, 5, 1), 3
DESIGNS = [Network((4,), "tanh", ensemble=MEMBERS)]
DESIGNS += [Network((4,), "tanh", "sigmoid", "convolution", (3,), 2, 1, ensemble=MEMBERS)]
KEY = jax.random.key(3)

each_design = pytest.mark.parametrize("design", DESIGNS, ids=lambda one: one.kind)
run = partial(jax.jit, static_argnums=(2, 4, 5))(train)


def _drawn(design: Network) -> Ensemble:
    return jax.tree.map(jnp.asarray, drawn(np.random.default_rng(1), design, SHAPE))


def _rows() -> Rows:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(ROWS, SHAPE.inputs)), rng.uniform(size=ROWS)
    return Rows(
        jnp.asarray(x, jnp.float32),
        jnp.asarray(y, jnp.float32),
        jnp.ones(ROWS),
        jnp.zeros(ROWS, jnp.int32),
    )


def _members(network: Ensemble) -> list[Any]:
    return [arrays.take(network.members, place) for place in range(MEMBERS)]


@each_design
def test_it_predicts_and_scores_the_mean_of_its_members(design: Network) -> None:
    network, x = _drawn(design), _rows().x
    alone = np.array([member(x) for member in _members(network)])
    assert network.size == MEMBERS
    assert_allclose(network.each(x), alone, rtol=1e-5, atol=1e-6)
    assert_allclose(network(x), alone.mean(axis=0), rtol=1e-5, atol=1e-6)
    scores = np.array([member.score(x) for member in _members(network)])
    assert_allclose(network.score(x), scores.mean(axis=0), rtol=1e-5, atol=1e-6)
    assert np.abs(alone[0] - alone[1]).max() > 0.1  # they start from other weights


@each_design
def test_its_loss_is_the_mean_of_each_members_own(design: Network) -> None:
    network, rows = _drawn(design), _rows()
    own = np.array([0.5 * (np.asarray(member(rows.x)) - rows.y) ** 2 for member in _members(network)])
    assert_allclose(squared_error(network, rows, ()), own.mean(axis=0), rtol=1e-4, atol=1e-6)


@each_design
@pytest.mark.parametrize(("optimizer", "faster"), [("adam", 1), ("sgd", MEMBERS)])
def test_members_are_trained_as_each_would_be_alone(design: Network, optimizer: str, faster: int) -> None:
    """Adam does not see the 1 / members of the mean; sgd's rate makes up for it here."""
    network, rows = _drawn(design), _rows()
    together = Recipe(optimizer, 0.01 * faster, 4, 3)
    trained, _ = run(learner(network, together), rows, no_extras, KEY, together, squared_error)
    alone = Recipe(optimizer, 0.01, 4, 3)
    for before, after in zip(_members(network), _members(trained.network), strict=True):
        expected, _ = run(learner(before, alone), rows, no_extras, KEY, alone, squared_error)
        for one, other in zip(jax.tree.leaves(after), jax.tree.leaves(expected.network), strict=True):
            assert_allclose(one, other, rtol=1e-3, atol=1e-4)


@each_design
def test_head_and_reach_are_those_of_every_member(design: Network) -> None:
    network = _drawn(design)
    for whole, alone in zip(network.head(), _members(network)[1].head(), strict=True):
        assert_array_equal(whole[1], alone)
    has = jnp.asarray([1.0, 0.0] * 5 + [1.0])
    reach = network.reach(has)
    assert jax.tree.structure(reach) == jax.tree.structure(network)
    for one, member in zip(_members(reach), _members(network), strict=True):
        expected = member.reach(has)
        for found, due in zip(jax.tree.leaves(one), jax.tree.leaves(expected), strict=True):
            assert_array_equal(found, due)


@each_design
def test_a_part_of_it_can_be_marked_also_behind_a_normaliser(design: Network) -> None:
    network, x = _drawn(design), _rows().x
    behind = normalised(network, SHAPE.inputs)
    assert sum(jax.tree.leaves(marked(network, "head"))) == 2  # the last weights and biases of all members
    assert sum(jax.tree.leaves(marked(behind, "normaliser"))) == 2
    assert_array_equal(behind.each(x), network.each(x))
