"""Who is computed with whom: everybody once, like with like, in shapes that outlive a change of roster."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from hansa.algorithms.fedavg import FedAvg
from hansa.core import seeds
from hansa.core.messages import Ask
from hansa.models.network import perceptron
from hansa.models.rows import Rows, Stream
from hansa.models.training import Recipe
from hansa.runtime.party import Member
from hansa.simulation import batched
from hansa.simulation.batched import BatchedParties
from hansa.simulation.blocks import Block, blocks_of, capacity

FEDAVG = FedAvg(Recipe("sgd", 0.1, 8, 1))
LARGE = (96, 84)
SMALL = (4,)


def _member(rows: int, hidden: Sequence[int] = SMALL, features: int = 3) -> Member:
    rng = np.random.default_rng(rows)
    own = Rows(
        rng.normal(size=(rows, features)).astype(np.float32),
        rng.uniform(size=rows).astype(np.float32),
        np.ones(rows, np.float32),
        np.zeros(rows, np.int32),
    )
    network = perceptron(np.random.default_rng(1), features, hidden, "sigmoid", "linear")
    return Member(f"party-{rows}", FEDAVG, own, network, seeds.key(1, str(rows)))


def _blocks(members: Sequence[Member]) -> list[Block]:
    return blocks_of(members)


lengths = st.lists(st.integers(1, 3000), min_size=1, max_size=40)


@given(lengths, st.sampled_from([SMALL, LARGE]))
def test_every_party_has_one_place_in_which_its_rows_fit(rows: list[int], hidden: tuple[int, ...]) -> None:
    blocks = _blocks([_member(count, hidden) for count in rows])
    assert sorted(party for block in blocks for party in block.parties) == list(range(len(rows)))
    for block in blocks:
        assert len(block.parties) <= block.places <= 64
        assert block.places % block.width == 0
        assert all(rows[party] <= block.rows for party in block.parties)


@given(lengths)
def test_no_party_fills_less_than_two_fifths_of_its_place(rows: list[int]) -> None:
    for block in _blocks([_member(count) for count in rows]):
        assert block.rows == 4 or all(5 * rows[party] >= 2 * block.rows for party in block.parties)


@given(st.integers(1, 10**7))
def test_capacities_have_four_steps_between_powers_of_two(rows: int) -> None:
    found = capacity(rows)
    assert rows <= found <= max(4, rows * 1.25 + 1)
    assert found <= 4 or found % (1 << (found.bit_length() - 3)) == 0
    assert capacity(found) == found


def test_large_networks_follow_one_another_and_small_ones_step_together() -> None:
    assert {block.width for block in _blocks([_member(100, LARGE, 16) for _ in range(9)])} == {1}
    assert {block.width for block in _blocks([_member(100) for _ in range(9)])} == {4}


def test_even_two_parties_can_use_two_cores() -> None:
    assert len(_blocks([_member(5000), _member(5000)])) == 2


def test_parties_so_small_that_a_call_costs_as_much_share_one() -> None:
    assert len(_blocks([_member(20) for _ in range(16)])) == 1


def test_different_networks_and_features_do_not_share_a_block() -> None:
    members = [_member(50), _member(50, (5,)), _member(50, features=4), _member(50)]
    together = {frozenset(block.parties) for block in _blocks(members)}
    assert not any({0, 1} <= parties or {0, 2} <= parties for parties in together)


def test_a_stream_has_a_block_of_its_own() -> None:
    streamed = _member(50)
    streamed.rows = Stream(jnp.ones(3), 8, 3, lambda number: ())
    blocks = blocks_of([_member(50), streamed])
    assert [block.parties for block in blocks if block.rows == 0] == [(1,)]


@pytest.mark.parametrize(
    "roster", [(600, 590, 580, 570, 560, 550, 540), (604, 603, 602, 601, 600, 599, 598, 597)]
)
def test_nothing_is_compiled_when_a_party_leaves_or_grows(roster: tuple[int, ...]) -> None:
    jax.clear_caches()
    _round((600, 590, 580, 570, 560, 550, 540, 530))
    before = batched._answer._cache_size()
    _round(roster)
    assert batched._answer._cache_size() == before
    _round((6000,))
    assert batched._answer._cache_size() == before + 1  # the count does tell


def test_parties_with_tests_of_their_own_share_programs_all_the_same() -> None:
    jax.clear_caches()
    members = [_member(600) for _ in range(4)]
    seen = [np.full((rows, 3), rows, np.float32) for rows in (41, 44, 47, 48)]
    parties = BatchedParties(FEDAVG, members, seen)
    ask = Ask(jnp.int32(1), members[0].network)
    parties(ask)
    found = parties.predict(ask)
    assert batched._answer._cache_size() == 1
    assert batched._predict._cache_size() == 1
    for own, x in zip(found, seen, strict=True):
        assert_allclose(own, members[0].network(x), atol=1e-6)


def _round(rows: Sequence[int]) -> None:
    members = [_member(count) for count in rows]
    parties = BatchedParties(FEDAVG, members, [np.zeros((2, 3), np.float32)] * len(rows))
    parties(Ask(jnp.int32(1), members[0].network))
