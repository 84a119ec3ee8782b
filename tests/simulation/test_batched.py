"""All parties at once: who stands where. That the numbers equal the loop is in the algorithms' battery."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose

from hansa.algorithms.fedavg import FedAvg
from hansa.algorithms.isolated import Isolated
from hansa.core.messages import Ask
from hansa.simulation.batched import BatchedParties
from tests.batteries.roster import ALIKE, BY_LABEL, RECIPE, opened, same_bits

LONG = replace(ALIKE[0], name="e", rows=60, keys=(0,) * 60)
APART = [ALIKE[1], LONG]  # so unlike in length that each has a block, the longer one first
TURNED = [BY_LABEL[0], BY_LABEL[2], BY_LABEL[1]]  # the odd design stands in the middle


def _batched() -> tuple[BatchedParties, list]:
    algorithm = Isolated(RECIPE)
    members = opened(algorithm, TURNED).members
    return BatchedParties(algorithm, members, [_seen(place) for place in range(3)]), members


def _seen(place: int) -> jax.Array:
    return jnp.full((4, TURNED[place].features), 1.0 + place)


def test_memories_come_out_in_roster_order_whatever_is_batched_with_what() -> None:
    batched, members = _batched()
    for one, member in zip(batched.each(), members, strict=True):
        assert same_bits(one.learner.network, member.network)
        assert one.key == member.key


def test_predictions_come_out_in_roster_order_each_on_its_own_rows() -> None:
    batched, members = _batched()
    found = batched.predict(Ask(jnp.int32(1), ()))
    for place, (predicted, member) in enumerate(zip(found, members, strict=True)):
        expected = member.network(_seen(place))
        assert_allclose(predicted, expected, atol=1e-6)


def test_the_first_member_is_the_first_of_the_roster_whatever_its_block() -> None:
    algorithm = Isolated(RECIPE)
    members = opened(algorithm, APART).members
    batched = BatchedParties(algorithm, members, [np.zeros((4, 3), np.float32)] * 2)
    assert [block.parties for block in batched._blocks] == [(1,), (0,)]
    assert same_bits(batched.first().learner.network, members[0].network)


def test_what_a_member_keeps_lets_its_block_go() -> None:
    batched, _ = _batched()
    kept = jax.tree.leaves(batched.each()[0].learner)
    assert kept
    for leaf in kept:
        assert leaf.base is None
        assert not any(np.shares_memory(leaf, np.asarray(one)) for one in _numbers(batched.memories))


def _numbers(memories: list) -> list[jax.Array]:
    leaves = jax.tree.leaves(memories)
    return [leaf for leaf in leaves if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)]


def test_who_sees_the_same_shares_one_prediction_of_the_common_model_over_all_blocks() -> None:
    algorithm = FedAvg(RECIPE)
    members = opened(algorithm, APART).members
    same, other = (np.full((4, 3), value, np.float32) for value in (1, 2))
    ask = Ask(jnp.int32(1), members[0].network)
    one, shared = BatchedParties(algorithm, members, [same, same]).predict(ask, common=True)
    assert one is shared
    assert_allclose(one, members[0].network(same), atol=1e-6)
    apart = BatchedParties(algorithm, members, [same, other]).predict(ask, common=True)
    assert_allclose(apart, [members[0].network(same), members[0].network(other)], atol=1e-6)


def test_memories_that_were_put_back_are_the_ones_that_are_used() -> None:
    batched, _ = _batched()
    before = batched.memories
    other, _ = _batched()
    other.memories = before
    assert all(same_bits(a, b) for a, b in zip(batched.each(), other.each(), strict=True))
