"""A charter of five small fleets that a red team can attack within seconds, and the team."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hansa.core.charter import Charter
from hansa.runtime.world import World
from hansa.simulation.attack_outcome import Outcome
from hansa.simulation.attack_plan import plan
from hansa.simulation.red_team import RedTeam
from tests.batteries.fleets import charter, fleet

SENSORS = 4


def world() -> World:
    """Return 15 assets to learn from and 4 to be judged on."""
    return World("small", fleet([20, 24, 18, 22, 26] * 3, SENSORS), fleet([18, 25, 15, 21], SENSORS, seed=9))


def attacked(name: str = "fedavg", kind: str = "horizontal", parties: int = 5, **changes: Any) -> Charter:
    """Return the charter under an algorithm."""
    settings: dict[str, Any] = {
        "algorithm": {"name": name},
        "partition": {"kind": kind, "sensors_per_party": 0 if kind == "horizontal" else 3},
        "rounds": 4,
    }
    return charter(parties, SENSORS, **(settings | changes))


def team(own: Charter, rules: Sequence[str], attacks: Sequence[str], bad: int = 2) -> RedTeam:
    """Return a team over the small world."""
    return RedTeam(plan(own, rules, attacks, bad), world())


def outcomes(found: RedTeam) -> dict[tuple[str, str], Outcome]:
    """Return what comes of all runs, by rule and attack."""
    return {(one.rule, one.attack): one for one in found.outcomes(lambda _: None)}
