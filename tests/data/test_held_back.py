"""What a party keeps out of its training: whole assets, its share of them, the same at all who have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.charter import Charter, Validation
from hansa.core.errors import PartyError
from hansa.data.held_back import split_share
from hansa.data.partition import Share, deal
from tests.batteries.fleets import charter, fleet

FLEET = fleet([5, 7, 4, 6, 3, 8, 5, 4, 6, 7, 5, 6], sensors=4)


def contract(kind: str = "horizontal", share: float = 0.25, parties: int = 3, **changes: Any) -> Charter:
    dealt = {"kind": kind, "sensors_per_party": 0, "shared_assets": 0.5 if kind == "mixed" else 0.0}
    return charter(parties, 4, partition=dealt, validation=Validation(share), **changes)


def shares(given: Charter) -> list[Share]:
    return deal(FLEET, given, given.partition.kind)


def records(share: Share) -> set[bytes]:
    """Return what tells each row of a share from every other."""
    return {row.tobytes() for row in np.column_stack([share.fleet.sensors, share.fleet.time])}


@pytest.mark.parametrize("kind", ["horizontal", "hybrid", "vertical", "mixed"])
def test_assets_are_trained_on_or_kept_back_and_none_is_lost(kind: str) -> None:
    given = contract(kind)
    for share in shares(given):
        rest, kept = split_share(share, given)
        assert rest.party == kept.party == share.party
        assert not set(rest.fleet.asset_names) & set(kept.fleet.asset_names)
        assert {*rest.fleet.asset_names, *kept.fleet.asset_names} == set(share.fleet.asset_names)
        assert rest.fleet.asset_names
        assert kept.fleet.asset_names
        assert not records(rest) & records(kept)
        assert records(rest) | records(kept) == records(share)


@pytest.mark.parametrize("kind", ["horizontal", "vertical", "mixed"])
def test_rows_that_all_have_keep_their_number(kind: str) -> None:
    given = contract(kind)
    for share in shares(given):
        number = dict(zip(map(bytes, share.fleet.sensors), share.shared_row.tolist(), strict=True))
        for part in split_share(share, given):
            assert len(part.shared_row) == len(part.fleet.sensors)
            for row, found in zip(part.fleet.sensors, part.shared_row.tolist(), strict=True):
                assert found == number[bytes(row)]


@pytest.mark.parametrize(("kind", "shared"), [("vertical", True), ("mixed", True), ("horizontal", False)])
def test_who_has_the_same_assets_keeps_back_the_same(kind: str, shared: bool) -> None:
    given = contract(kind)
    kept = [split_share(share, given)[1] for share in shares(given)]
    rows = [tuple(one.shared_row[one.shared_row >= 0].tolist()) for one in kept]
    assert len(set(rows)) == 1
    assert bool(rows[0]) == shared


def test_the_order_of_assets_and_who_has_them_does_not_matter() -> None:
    given = contract(share=0.4)
    whole = Share("party-1", FLEET, np.full(len(FLEET.asset), -1))
    first = set(split_share(whole, given)[1].fleet.asset_names)
    turned = Share("another", FLEET.take_assets(np.arange(len(FLEET.asset_names))[::-1]), whole.shared_row)
    assert set(split_share(turned, given)[1].fleet.asset_names) == first
    other = contract(share=0.4, seed=8)
    assert set(split_share(whole, other)[1].fleet.asset_names) != first


@given(st.floats(0.01, 0.99), st.integers(2, 12))
@settings(max_examples=40)
def test_its_share_is_kept_back_at_least_one_asset_and_never_all(share: float, assets: int) -> None:
    held = FLEET.take_assets(np.arange(assets))
    given = contract(share=share)
    rest, kept = split_share(Share("party-1", held, np.full(len(held.asset), -1)), given)
    assert len(kept.fleet.asset_names) == min(max(round(share * assets), 1), assets - 1)
    assert len(rest.fleet.asset_names) + len(kept.fleet.asset_names) == assets


def test_of_shared_assets_and_of_its_own_a_party_keeps_back_alike() -> None:
    given = contract("mixed", share=0.5)
    for share in shares(given):
        _, kept = split_share(share, given)
        shared = {kept.fleet.asset_names[one] for one in np.unique(kept.fleet.asset[kept.shared_row >= 0])}
        own = set(kept.fleet.asset_names) - shared
        assert len(shared) == 3  # of 6
        assert len(own) == 1  # of 2


def test_a_party_with_one_asset_of_each_kind_still_keeps_one_back() -> None:
    held = FLEET.take_assets([0, 1])
    numbers = np.where(held.asset == 0, np.arange(len(held.asset)), -1)  # the first is everybody's
    rest, kept = split_share(Share("party-1", held, numbers), contract("mixed"))
    assert len(kept.fleet.asset_names) == len(rest.fleet.asset_names) == 1


def test_a_party_with_one_asset_is_told_what_to_do() -> None:
    held = FLEET.take_assets([3])
    one = Share("party-1", held, np.full(len(held.asset), -1))
    with pytest.raises(PartyError, match="party-1: it has one asset, and share in") as caught:
        split_share(one, contract())
    assert "give it more assets, or leave it out" in str(caught.value)
