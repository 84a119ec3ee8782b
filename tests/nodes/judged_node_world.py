"""Nodes of a run that is judged, over the world of twelve short-lived assets, and parties that are bad."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hansa.core.charter import Charter, DefenceChoice, Gate, Protection, Reward, Validation
from hansa.runtime.world import World
from tests.nodes.node_world import NodeWorld
from tests.simulation.judged_world import WORLD, contract


@dataclass
class JudgedNodes(NodeWorld):
    """One run of a charter that judges."""

    world: World = field(default_factory=lambda: WORLD)


def judged_charter(name: str = "fedavg", **changes: Any) -> Charter:
    """Return a charter of five parties and three rounds that judges; changes: of its tables."""
    kinds: dict[str, Any] = {"defence": DefenceChoice, "gate": Gate, "reward": Reward}
    made: dict[str, Any] = {
        table: kinds[table](**changes.pop(table)) for table in tuple(changes) if table in kinds
    }
    protection = Protection(**({"secrecy": "open"} | changes.pop("protection", {})))
    if name == "scaffold":
        made["training"] = {"optimizer": "sgd", "learning_rate": 0.02, "batch_size": 8}
    return contract(name, validation=Validation(0.4), protection=protection, **(made | changes))
