"""A store that is damaged, lost, old or somebody else's stops its node in one sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hansa.core.errors import FolderError, HansaError, RefusedError
from hansa.core.steps import Step
from hansa.protection.enrolment import COORDINATOR
from tests.nodes.node_world import NodeWorld, charter_of

LEVELS = ("open", "masked")


@pytest.fixture(scope="module", params=LEVELS)
def stopped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NodeWorld:
    """Return a run whose nodes stopped after their first round."""
    nodes = NodeWorld(charter_of("fedavg", request.param), tmp_path_factory.mktemp("stopped"))

    def stop(step: Step, party: str) -> None:
        del party
        if step.round == 2:
            raise RefusedError("it is night", do="wait", where="the gate")

    nodes.leaving = stop
    with closing(nodes), pytest.raises(HansaError, match="it is night"):
        nodes.run()
    return nodes


def _copied(nodes: NodeWorld, folder: Path) -> NodeWorld:
    for file in nodes.folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return NodeWorld(nodes.charter, folder)


def test_a_party_refuses_a_store_that_is_anothers(stopped: NodeWorld, tmp_path: Path) -> None:
    nodes = _copied(stopped, tmp_path)
    (tmp_path / "party-1.db").replace(tmp_path / "kept")
    (tmp_path / "party-2.db").replace(tmp_path / "party-1.db")
    (tmp_path / "kept").replace(tmp_path / "party-2.db")
    for name, other in (("party-1", "party-2"), ("party-2", "party-1")):
        with pytest.raises(FolderError, match=rf"{name}.db: is not what {name} in .* keeps, but {other} in"):
            nodes.party(name)


def test_a_party_refuses_a_store_of_another_charter(stopped: NodeWorld, tmp_path: Path) -> None:
    nodes = _copied(stopped, tmp_path)
    nodes.charter = replace(nodes.charter, rounds=3)
    with pytest.raises(FolderError, match="is not what party-1 in"):
        nodes.party("party-1")


@pytest.mark.parametrize("name", ["party-1", COORDINATOR])
def test_a_store_that_is_cut_or_overwritten_stops_its_node_in_one_sentence_or_does_no_harm(
    stopped: NodeWorld, tmp_path: Path, name: str
) -> None:
    nodes = _copied(stopped, tmp_path)
    nodes.store(name).close()  # what is in its journal goes into its file
    path, chance, told = tmp_path / f"{name}.db", np.random.default_rng(2), 0
    whole = path.read_bytes()
    for length in (50, 3000, len(whole) // 2, len(whole) - 4096):
        path.write_bytes(whole[:length])
        told += _is_told(nodes, name)
    for _ in range(6):
        data, first = bytearray(whole), int(chance.integers(0, len(whole) - 500))
        data[first : first + 500] = chance.bytes(500)
        path.write_bytes(data)
        told += _is_told(nodes, name)
    assert told >= 4


def _is_told(nodes: NodeWorld, name: str) -> bool:
    try:
        if name == COORDINATOR:
            nodes.run(_Nobody())
        else:
            nodes.party(name)
    except FolderError as fault:
        assert "\n" not in str(fault)
        return True
    except _ReachedError:
        return False
    finally:
        for rest in nodes.folder.glob(f"{name}.db-*"):
            rest.unlink()
    return False


class _ReachedError(Exception):
    """A coordinator took its store, and asks."""


class _Nobody:
    """A transport that carries nothing."""

    def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
        """End here."""
        del step, questions, seconds
        raise _ReachedError


def test_a_party_whose_store_is_lost_takes_no_part_any_more(stopped: NodeWorld, tmp_path: Path) -> None:
    nodes = _copied(stopped, tmp_path)
    for file in tmp_path.glob("party-2.db*"):
        file.unlink()
    with closing(nodes), pytest.raises(HansaError, match=r"party-2: refuses training.* out of turn"):
        nodes.run()


def test_a_party_whose_store_is_of_an_earlier_day_takes_no_part_any_more(
    stopped: NodeWorld, tmp_path: Path
) -> None:
    nodes = _copied(stopped, tmp_path)
    with closing(nodes):
        nodes.run()
        nodes.close()
        for file in stopped.folder.glob("party-2.db*"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
        with closing(sqlite3.connect(tmp_path / "coordinator.db")) as base, base:
            base.execute("DELETE FROM state WHERE name = 'taken'")  # that all have heard of the end
        with pytest.raises(HansaError, match=r"party-2: refuses finish.* out of turn"):
            nodes.run()
