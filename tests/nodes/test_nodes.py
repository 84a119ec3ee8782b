"""Nodes on machines of their own find what a simulation of the same charter finds."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hansa.core import arrays
from hansa.core.messages import Ask, Terms, Totals
from hansa.runtime.coordinator import run_round
from hansa.simulation.federation import Federation
from hansa.transport.memory import MemoryTransport, ask_of, travelled
from tests.nodes.node_world import Network, NodeWorld, alike, charter_of, simulated

TOLERANCE = 1e-6
"""Between parties that are trained together and one by one: the same numbers, added up in another order."""

slow = pytest.mark.slow
REGRESSION = {"preparation": {"lacking": "regression"}}
PCA = {"preparation": {"features": "pca", "components": 2}}
LONG = {"network": {"hidden": (160,)}}
PUNCTUAL = {"algorithm": {"name": "vafl", "staleness": 0}}
CASES = [
    pytest.param("fedavg", "open", {}, id="fedavg, open"),
    pytest.param("fedavg", "masked", {}, id="fedavg, masked"),
    pytest.param("fsvrg", "masked", {}, id="fsvrg, masked"),
    pytest.param("labsync_mean", "masked", {}, id="labsync_mean, masked"),
    pytest.param("fedavg", "shared", {}, id="fedavg, shared"),
    pytest.param("fedavg", "encrypted", {}, id="fedavg, encrypted"),
    pytest.param("fedavg", "shared", LONG, id="fedavg, shared, with products"),
    pytest.param("labsync_mean", "shared", {}, id="labsync_mean, shared", marks=slow),
    pytest.param("labsync_mean", "encrypted", {}, id="labsync_mean, encrypted", marks=slow),
    pytest.param("labsync", "open", {}, id="labsync, open", marks=slow),
    pytest.param("aligned", "masked", REGRESSION, id="aligned with regression, masked", marks=slow),
    pytest.param("aligned", "open", REGRESSION, id="aligned with regression, open", marks=slow),
    pytest.param("clustered", "open", {}, id="clustered, open", marks=slow),
    pytest.param("fedavg", "open", PCA, id="components, open", marks=slow),
    pytest.param("fedavg", "masked", PCA, id="components, masked", marks=slow),
    *(
        pytest.param(name, secrecy, {}, id=f"{name}, {secrecy}", marks=slow)
        for name in ("scaffold", "fedprox", "fedadam", "fednova", "fedper", "own_scaling", "ditto", "hyfdca")
        for secrecy in ("open", "masked")
    ),
    *(
        pytest.param(name, secrecy, {}, id=f"{name}, {secrecy}", marks=slow)
        for name in ("labsync_mean", "mixed", "vertical")
        for secrecy in ("open", "masked")
        if (name, secrecy) != ("labsync_mean", "masked")
    ),
    *(  # a simulation draws who is late, and between companies nobody is unless a node is
        pytest.param("vafl", secrecy, PUNCTUAL, id=f"vafl, {secrecy}", marks=slow)
        for secrecy in ("open", "masked")
    ),
]


each_case = pytest.mark.parametrize(("name", "secrecy", "changes"), CASES)


@each_case
def test_nodes_find_to_the_bit_what_the_same_parties_find_in_one_process(
    tmp_path: Path, name: str, secrecy: str, changes: dict[str, Any]
) -> None:
    nodes = NodeWorld(charter_of(name, secrecy, **changes), tmp_path)
    with closing(nodes):
        found = nodes.run()
    assert nodes.rounds == [1, 2]
    assert list(found) == nodes.names
    assert alike(found, one_by_one(nodes))


@pytest.mark.slow
@each_case
def test_nodes_find_what_a_simulation_finds(
    tmp_path: Path, name: str, secrecy: str, changes: dict[str, Any]
) -> None:
    nodes = NodeWorld(charter_of(name, secrecy, **changes), tmp_path)
    with closing(nodes):
        found = nodes.run()
    for party, own in zip(nodes.names, simulated(nodes.charter, nodes.world), strict=True):
        assert own.keys() == found[party].keys()
        for leaf in own:
            np.testing.assert_allclose(found[party][leaf], own[leaf], atol=TOLERANCE, rtol=0)


def one_by_one(nodes: NodeWorld) -> dict[str, Network]:
    """Return what the parties of a simulation find where each is asked by itself, in one process."""
    cohort, _ = Federation(nodes.charter, world=nodes.world).gathered(nodes.charter.algorithm.name)
    algorithm, members = cohort.algorithm, cohort.members
    in_clear = MemoryTransport([member.answer for member in members], addressed=algorithm.addressed)

    def exchange(ask: Ask) -> Totals | Sequence[Terms]:
        if cohort.sums is None:
            return in_clear(ask)
        return cohort.sums.totals(ask, {one.name: one.answer(travelled(ask)) for one in members})

    state = algorithm.start(cohort.common)
    for _ in range(len(algorithm.openings) + nodes.charter.rounds * (1 + len(algorithm.preludes))):
        state = run_round(algorithm, state, exchange)
    ask = algorithm.ask(state)
    return {
        member.name: arrays.flatten(algorithm.network(member.local, travelled(ask_of(ask, place))))
        for place, member in enumerate(members)
    }
