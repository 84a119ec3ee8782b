"""Who is computed with whom: everybody once, like with like, in shapes that outlive a change of roster."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    return blocks_of(members, [_seen(member) for member in members])


def _seen(member: Member) -> np.ndarray:
    return np.zeros((2, member.network.weights[0].shape[0]), np.float32)


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
def test_no_party_fills_less_than_half_of_its_place(rows: list[int]) -> None:
    for block in _blocks([_member(count) for count in rows]):
        assert block.rows == 4 or all(2 * rows[party] >= block.rows for party in block.parties)


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
    assert len(_blocks([_member(100), _member(100)])) == 2


def test_different_networks_and_features_do_not_share_a_block() -> None:
    members = [_member(50), _member(50, (5,)), _member(50, features=4), _member(50)]
    together = {frozenset(block.parties) for block in _blocks(members)}
    assert not any({0, 1} <= parties or {0, 2} <= parties for parties in together)


def test_a_stream_has_a_block_of_its_own() -> None:
    streamed = _member(50)
    streamed.rows = Stream(jnp.ones(3), 8, 3, lambda number: ())
    blocks = blocks_of([_member(50), streamed], [np.zeros((2, 3))] * 2)
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


def _round(rows: Sequence[int]) -> None:
    members = [_member(count) for count in rows]
    parties = BatchedParties(FEDAVG, members, [_seen(members[0])] * len(rows))
    parties(Ask(jnp.int32(1), members[0].network))
