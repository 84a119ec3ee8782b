"""A judged run whose nodes are killed at any step ends in the same bits, verdicts, votes and credits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.nodes.judged_node_world import JudgedNodes, judged_charter
from tests.nodes.node_world import Network, alike
from tests.nodes.test_node_kills import Mortal, _by_chance, _once_each

EVERYTHING: dict[str, Any] = {
    "defence": {"rule": "foolsgold"},
    "gate": {"every": 2, "quorum": 5, "tolerance": 0.0},
    "reward": {"measure": "shapley"},
}


LEARNS, SPOILT = 0.3, 100.0
Whole = tuple[JudgedNodes, Mapping[str, Network]]


@pytest.fixture(scope="module", params=[LEARNS, SPOILT], ids=["adopted", "voted down"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """Return a run that nobody interrupted: one whose models are adopted, and one in which all go back."""
    training = {"optimizer": "sgd", "learning_rate": request.param, "batch_size": 8}
    nodes = JudgedNodes(judged_charter(**EVERYTHING, training=training), tmp_path_factory.mktemp("whole"))
    with closing(nodes):
        found = dict(nodes.run())
    votes = [(one["round"], one["promoted"]) for one in nodes.found["votes"]]
    assert votes == [(2, request.param == LEARNS), (3, request.param == LEARNS)]
    assert len(nodes.found["verdicts"]) == 3 * 5
    yield nodes, found


def _dies(folder: Path, whole: Whole, dies: Callable[[str], bool]) -> Mortal:
    """Return what carried a run of whose nodes some died; passes if it found what an unharmed one finds."""
    unharmed, due = whole
    nodes = JudgedNodes(unharmed.charter, folder)
    mortal = Mortal(nodes, dies)
    nodes.leaving = mortal.leaving
    with closing(nodes):
        found = mortal.run()
    assert alike(found, due)
    assert nodes.found == unharmed.found
    assert nodes.judged == unharmed.judged
    assert mortal.deaths > 0
    assert all(mortal.later), "an answer came back as another one"
    assert all(len(answers) == 1 for answers in nodes.sent.values())
    return mortal


@pytest.mark.parametrize(
    ("start", "word"),
    [
        ("coordinator", "after"),
        ("party-2", "after"),
        pytest.param("coordinator", "before", marks=pytest.mark.slow),
        pytest.param("party-1", "in", marks=pytest.mark.slow),
    ],
)
def test_killed_at_every_step_a_run_ends_in_the_same_bits_verdicts_and_credits(
    tmp_path: Path, whole: Whole, start: str, word: str
) -> None:
    mortal = _dies(tmp_path, whole, _once_each(start, word))
    assert mortal.deaths == len({step for step, _ in whole[0].made})


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_so_does_one_whose_nodes_are_killed_by_chance(tmp_path: Path, whole: Whole, seed: int) -> None:
    _dies(tmp_path, whole, _by_chance(seed, 0.1))
