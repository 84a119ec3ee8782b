"""A world of twelve short-lived assets, charters that judge, and sessions in which some parties are bad."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hansa.core import arrays
from hansa.core.charter import Charter
from hansa.core.charter_reader import generated_roster
from hansa.core.messages import Ask, Terms
from hansa.runtime.exams import exam_of
from hansa.runtime.world import World
from hansa.simulation.cohort import Cohort, gather
from hansa.simulation.federation import Federation
from hansa.simulation.judged import JudgedSums, Tamper
from hansa.simulation.session import Session
from tests.batteries.fleets import charter, fleet
from tests.simulation.small_world import world

SENSORS = 4
WORLD = World(
    "judged", fleet([10, 12, 11, 14, 10, 13, 12, 11, 15, 10, 12, 11], SENSORS, seed=3), world().test
)
KINDS = {"fedavg": "horizontal", "aligned": "hybrid", "labsync_mean": "hybrid", "vertical": "vertical"}
"""A method of each kind of terms, and its partition."""

Change = Callable[[Terms], Terms]


def contract(name: str = "fedavg", parties: int = 5, **changes: Any) -> Charter:
    """Return a charter of three rounds for the world; partitions are those of the method."""
    method = {"name": name} | changes.pop("algorithm", {})
    kind = KINDS.get(name, "mixed" if name == "mixed" else "vertical" if name == "fedbcd" else "horizontal")
    whole: dict[str, Any] = {
        "algorithm": method,
        "partition": {"kind": kind, "sensors_per_party": 0, "shared_assets": 0.5 if kind == "mixed" else 0.0},
        "roster": generated_roster(parties),
        "training": {"batch_size": 8, "learning_rate": 0.01},
    }
    return charter(parties, SENSORS, **(whole | changes))


def gathered(given: Charter, tamper: Tamper | None = None) -> Cohort:
    """Return the parties of the charter's algorithm; tamper: what bad ones make of their terms."""
    name = given.algorithm.name
    cohort = gather(given, name, WORLD)
    return replace(cohort, judge=JudgedSums(given, name, cohort.sums, tamper)) if tamper else cohort


def opened(given: Charter, tamper: Tamper | None = None) -> Session:
    """Return a session before its first round."""
    exam = exam_of(WORLD.test, given, "the test")
    session = Session(gathered(given, tamper), [exam] * given.parties, given.rounds)
    session.open()
    return session


def played(given: Charter, tamper: Tamper | None = None) -> Session:
    """Return a session after its last round."""
    session = opened(given, tamper)
    for _ in range(given.rounds):
        session.step()
    return session


def found(given: Charter) -> Any:
    """Return the figures of a whole run of the charter's algorithm."""
    federation = Federation(given, world=WORLD)
    assert list(federation.train(lambda _: None, lambda: False)) == [given.algorithm.name]
    return federation.result().scenarios[given.algorithm.name]


def shared(session: Session) -> np.ndarray:
    """Return (numbers,) all that the coordinator sends out."""
    leaves = jax.tree.leaves(session.ask().shared)
    return np.concatenate([np.asarray(leaf, np.float64).reshape(-1) for leaf in leaves])


def bits(session: Session) -> dict[str, bytes]:
    """Return what the coordinator sends out, to the bit."""
    return {name: leaf.tobytes() for name, leaf in arrays.flatten(session.ask().shared).items()}


def bad(change: Change, *names: str, rounds: Any = None, openings: bool = True) -> Tamper:
    """Return what changes the terms of some parties, in some rounds; none: in all."""

    def tamper(ask: Ask, terms: Mapping[str, Terms]) -> Mapping[str, Terms]:
        at_work = (rounds is None or int(ask.round) in rounds) and (openings or not ask.opening)
        return {name: change(own) if name in names and at_work else own for name, own in terms.items()}

    return tamper


def times(factor: float) -> Change:
    """Return what multiplies an update, and leaves what it says of inputs or keys."""

    def change(terms: Terms) -> Terms:
        values = terms.values
        if hasattr(values, "has"):
            grown = jax.tree.map(lambda leaf: factor * leaf, values.change)
            return Terms(type(values)(grown, values.has), terms.weight)
        if hasattr(values, "support"):
            return Terms(type(values)(factor * values.prediction, values.support), terms.weight)
        return Terms(jax.tree.map(lambda leaf: factor * leaf, values), terms.weight)

    return change


def filled(number: float) -> Change:
    """Return what puts one number everywhere."""
    return lambda terms: Terms(
        jax.tree.map(lambda leaf: jnp.full_like(leaf, number), terms.values), terms.weight
    )


def counting(weight: float) -> Change:
    """Return what changes what a party says that it counts for."""
    return lambda terms: Terms(terms.values, jnp.full_like(terms.weight, weight))


def verdicts(session: Session, party: str) -> list[tuple[int, str, str]]:
    """Return round, outcome and check of every verdict on a party."""
    judge = session.cohort.judge
    assert judge is not None
    return [(one.round, one.outcome, one.by) for one in judge.memory.verdicts if one.party == party]
