"""Parties on machines of their own are judged, vote and are paid as in a simulation of the same charter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hansa.core import arrays
from hansa.core.charter import Charter
from hansa.simulation.federation import Federation
from tests.runtime.judged_node_world import JudgedNodes, judged_charter
from tests.runtime.node_world import Network, NodeWorld

TOLERANCE = 1e-6
"""Between parties that are trained together and one by one: the same numbers, added up in another order."""

_NUMBER = re.compile(r"[0-9][0-9.,e+-]*")


def simulated(charter: Charter, nodes: NodeWorld) -> tuple[list[Network], dict[str, Any]]:
    """Return each party's network, and what was judged, as a simulation finds them."""
    session = Federation(charter, world=nodes.world).open(charter.algorithm.name)
    while session.done < session.rounds:
        session.step()
    networks = [arrays.flatten(one) for one in session.networks()]  # type: ignore[union-attr]
    return networks, session.judgement.found()  # type: ignore[union-attr]


CASES = [
    pytest.param("fedavg", {"defence": {"rule": "geometric_median"}}, id="a rule"),
    pytest.param("fedavg", {"defence": {"rule": "median"}, "gate": {"every": 2}}, id="a rule and a vote"),
    pytest.param("fedavg", {"reward": {"measure": "shapley"}}, id="a reward"),
    pytest.param(
        "fedavg",
        {"defence": {"rule": "foolsgold"}, "gate": {"every": 1}, "reward": {"measure": "gradient"}},
        id="everything",
    ),
    pytest.param("labsync_mean", {"defence": {"rule": "median"}, "gate": {"every": 2}}, id="by label"),
    pytest.param("aligned", {"reward": {"measure": "shapley"}}, id="aligned"),
    pytest.param("fedavg", {"gate": {"every": 2}, "protection": {"secrecy": "masked"}}, id="masked vote"),
]


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_nodes_are_judged_as_a_simulation_judges(tmp_path: Path, name: str, changes: dict[str, Any]) -> None:
    nodes = JudgedNodes(judged_charter(name, **changes), tmp_path)
    with closing(nodes):
        found = nodes.run()
    networks, judged = simulated(nodes.charter, nodes)
    for party, own in zip(nodes.names, networks, strict=True):
        for leaf in own:
            np.testing.assert_allclose(found[party][leaf], own[leaf], atol=TOLERANCE, rtol=0)
    _near(nodes.found, judged)


def _near(one: Any, other: Any) -> None:
    """Pass if two plain values are the same, numbers within what the order of additions leaves."""
    if isinstance(other, Mapping):
        assert one.keys() == other.keys()
        for name in other:
            _near(one[name], other[name])
    elif isinstance(other, list | tuple):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            _near(left, right)
    elif isinstance(other, float):
        assert one == pytest.approx(other, abs=2e-3, rel=2e-3)
    elif isinstance(other, str):
        assert _NUMBER.sub("", one) == _NUMBER.sub("", other)
    else:
        assert one == other
