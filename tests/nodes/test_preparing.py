"""A party that prepares itself from sums has what a simulation of all gives it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from hansa.core.charter import Charter
from hansa.core.errors import PartyError
from hansa.nodes.preparing import Preparing
from hansa.simulation.federation import Federation
from tests.nodes.node_world import NodeWorld, charter_of

CASES = {
    "all sensors": charter_of("fedavg"),
    "sensors of its own": charter_of("labsync_mean"),
    "rows of all": charter_of("vertical"),
    "scaled alone": charter_of("own_scaling"),
    "what is lacking as the mean": charter_of("aligned", preparation={"lacking": "mean"}),
    "what is lacking by regression": charter_of("aligned", preparation={"lacking": "regression"}),
    "components": charter_of("fedavg", preparation={"features": "pca", "components": 2}),
    "some rows of all": charter_of("mixed"),
}
each = pytest.mark.parametrize("charter", CASES.values(), ids=CASES)


def _prepared(charter: Charter, folder: Path) -> tuple[NodeWorld, list[Preparing]]:
    """Return parties that have gone on from the sums of all."""
    nodes = NodeWorld(charter, folder)
    parties = [nodes.preparing(name) for name in nodes.names]
    totals = np.sum([one.readings().reshape(-1) for one in parties], axis=0)
    for one in parties:
        one.scale(totals, None)
    if charter.preparation.features == "pca" or charter.preparation.lacking == "regression":
        products = np.sum([one.products().reshape(-1) for one in parties], axis=0)
        assert {one.pairs for one in parties} == {len(products) // 2}
        for one in parties:
            one.turn(products)
    return nodes, parties


@each
def test_its_rows_and_its_network_are_those_of_a_simulation(charter: Charter, tmp_path: Path) -> None:
    nodes, parties = _prepared(charter, tmp_path)
    with closing(Federation(charter, world=nodes.world)) as federation:
        cohort, _ = federation.gathered(charter.algorithm.name)
    keys = max(one.keys for one in parties)
    for own, due, name in zip(parties, cohort.members, nodes.names, strict=True):
        found = own.member(keys)
        assert (found.name, own.name, found.algorithm) == (name, name, due.algorithm)
        assert _bytes(found.rows) == _bytes(due.rows)
        assert _bytes(found.network) == _bytes(due.network)
        assert np.array_equal(jax.random.key_data(found.key), jax.random.key_data(due.key))


def _bytes(tree: Any) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]


@pytest.mark.parametrize("name", ["labsync_mean", "aligned"])
def test_cells_that_too_few_have_are_left_out_as_a_masked_simulation_leaves_them_out(
    name: str, tmp_path: Path
) -> None:
    nodes = NodeWorld(charter_of(name, "masked", preparation={"lacking": "mean"}), tmp_path)
    parties = [nodes.preparing(party) for party in nodes.names]
    enough = np.sum([one.has_readings().reshape(-1) for one in parties], axis=0) >= 3  # (numbers,)
    assert 0 < enough.sum() < enough.size
    totals = np.sum([one.readings().reshape(3, -1) * enough for one in parties], axis=0)
    with closing(Federation(nodes.charter, world=nodes.world)) as federation:
        cohort, _ = federation.gathered(name)
    for own, due in zip(parties, cohort.members, strict=True):
        own.scale(totals.reshape(-1), enough)
        member = own.member(own.keys)
        np.testing.assert_allclose(member.rows.x, due.rows.x, atol=1e-6)  # type: ignore[union-attr]
        assert _bytes(member.network) == _bytes(due.network)
        assert member.algorithm == due.algorithm


def test_a_party_without_a_row_to_learn_from_is_told_so(tmp_path: Path) -> None:
    nodes = NodeWorld(charter_of("fedavg", data={"label_cap": 1000.0}), tmp_path)
    share = nodes.shares["party-1"]
    unknown = np.full_like(share.fleet.remaining, np.nan)
    nodes.shares["party-1"] = replace(share, fleet=replace(share.fleet, remaining=unknown))
    with pytest.raises(PartyError, match=r"^party-1: none of its rows has a known remaining life"):
        nodes.preparing("party-1")
