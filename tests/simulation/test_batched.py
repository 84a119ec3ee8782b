"""All parties at once: who stands where. That the numbers equal the loop is in the algorithms' battery."""

import jax
import jax.numpy as jnp
from numpy.testing import assert_allclose

from hansa.algorithms.isolated import Isolated
from hansa.core.messages import Ask
from hansa.simulation.batched import BatchedParties
from tests.batteries.roster import BY_LABEL, RECIPE, opened, same_bits

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


def test_memories_that_were_put_back_are_the_ones_that_are_used() -> None:
    batched, _ = _batched()
    before = batched.memories
    other, _ = _batched()
    other.memories = before
    assert all(same_bits(a, b) for a, b in zip(batched.each(), other.each(), strict=True))
