"""Parties on machines of their own are judged, vote and are paid as in a simulation of the same charter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from hansa.core import arrays
from hansa.core.charter import Charter
from hansa.core.defences import DEFENCES
from hansa.core.errors import DataError
from hansa.models.rows import Rows
from hansa.nodes.preparing import Preparing
from hansa.simulation.federation import Federation
from tests.nodes.judged_node_world import JudgedNodes, judged_charter
from tests.nodes.node_world import Network, NodeWorld

TOLERANCE = 1e-6
"""Between parties that are trained together and one by one: the same numbers, added up in another order."""

_MORE: dict[str, Any] = {
    "monna": {"trusted": "party-1"}, "fltrust": {"trusted": "party-1"},
    "bulyan": {"bad": 0},
}  # fmt: skip
_NUMBER = re.compile(r"[0-9][0-9.,e+-]*")


def simulated(charter: Charter, nodes: NodeWorld) -> tuple[list[Network], dict[str, Any]]:
    """Return each party's network, and what was judged, as a simulation finds them."""
    session = Federation(charter, world=nodes.world).open(charter.algorithm.name)
    while session.done < session.rounds:
        session.step()
    networks = [arrays.flatten(one) for one in session.networks()]  # type: ignore[union-attr]
    return networks, session.judgement.found()  # type: ignore[union-attr]


EVERYTHING = {"defence": {"rule": "foolsgold"}, "gate": {"every": 1}, "reward": {"measure": "gradient"}}
SPOILT: dict[str, Any] = {
    "training": {"optimizer": "adam", "learning_rate": 30.0, "batch_size": 8},
    "gate": {"every": 1, "quorum": 5, "tolerance": 0.0},
}
MASKED = {"protection": {"secrecy": "masked"}, "gate": {"every": 2}}
BY_LABEL = {"defence": {"rule": "median"}, "gate": {"every": 2}}
slow = pytest.mark.slow
CASES = [
    pytest.param("fedavg", EVERYTHING, id="everything"),
    pytest.param("fedavg", EVERYTHING | SPOILT, id="spoilt", marks=slow),
    pytest.param("fedavg", MASKED, id="a vote under masks"),
    pytest.param("labsync_mean", BY_LABEL, id="by label", marks=slow),
    pytest.param("vertical", {"defence": {"rule": "multi_krum"}}, id="by row", marks=slow),
    pytest.param("aligned", {"reward": {"measure": "shapley"}}, id="aligned", marks=slow),
    pytest.param("scaffold", {"defence": {"rule": "mda", "before": "nnm"}}, id="scaffold", marks=slow),
    pytest.param("fedper", {"reward": {"measure": "shapley"}}, id="own parts", marks=slow),
    *(
        pytest.param("fedavg", {"defence": {"rule": name} | _MORE.get(name, {})}, id=name, marks=slow)
        for name in DEFENCES
    ),
]


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_nodes_are_judged_as_a_simulation_judges(tmp_path: Path, name: str, changes: dict[str, Any]) -> None:
    nodes = JudgedNodes(judged_charter(name, **changes), tmp_path)
    with closing(nodes):
        found = nodes.run()
    assert nodes.rounds == [1, 2, 3]
    networks, judged = simulated(nodes.charter, nodes)
    for party, own in zip(nodes.names, networks, strict=True):
        for leaf in own:
            np.testing.assert_allclose(found[party][leaf], own[leaf], atol=TOLERANCE, rtol=TOLERANCE)
    _near(nodes.found, judged)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"gate": {"every": 1, "quorum": 2}}, r"\[gate\] needs 2 parties that keep back a row .* and 1 do"),
        ({"reward": {"measure": "shapley"}}, r"\[reward\] needs 2 parties that keep back a row .* and 1 do"),
    ],
)
def test_a_vote_or_a_reward_that_too_few_can_give_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], says: str
) -> None:
    nodes = JudgedNodes(judged_charter("fedavg", **changes), tmp_path)
    whole = Preparing.kept_back

    def one_keeps(self: Preparing) -> Rows:
        rows = whole(self)
        return rows if self.name == "party-1" else jax.tree.map(lambda leaf: np.asarray(leaf)[:0], rows)

    monkeypatch.setattr(Preparing, "kept_back", one_keeps)
    with closing(nodes), pytest.raises(DataError, match=says):
        nodes.run()
    assert not any(step.startswith("1.") for step, _ in nodes.made)


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
