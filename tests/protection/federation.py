"""A whole masked sum in memory: parties that may drop out, and a broker who sees and changes what is carried."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from hansa.core.errors import HansaError
from hansa.protection.enrolment import COORDINATOR, Channels, Credential, Roster, channels, credential
from hansa.protection.fixed_point import FixedPoint
from hansa.protection.masked_coordinator import MaskedSum
from hansa.protection.masked_party import MaskedParty
from hansa.protection.occasion import Occasion, Past

NAMES = tuple(f"p{number}" for number in range(50))
STEPS = ("keys", "masked", "agreed", "revealed")


@dataclass
class World:
    """Parties and a coordinator that know one another."""

    roster: Roster
    nodes: dict[str, Channels]
    pasts: dict[str, Past]
    credentials: dict[str, Credential]
    trouble: list[HansaError] = field(default_factory=list)  # what any node refused or dropped

    @property
    def names(self) -> tuple[str, ...]:
        return self.roster.names


def enrolled(parties: int, task: str = "task") -> World:
    """Return parties that have exchanged their keys."""
    own = {name: credential(name, os.urandom) for name in (*NAMES[:parties], COORDINATOR)}
    identities = {name: own[name].signing.public for name in NAMES[:parties]}
    roster = Roster(task, own[COORDINATOR].signing.public, identities)
    adverts = {name: one.advert(roster) for name, one in own.items()}
    nodes = {name: channels(one, roster, adverts, os.urandom) for name, one in own.items()}
    return World(roster, nodes, {name: Past() for name in identities}, own)


def occasion(world: World, size: int = 5, **changes: object) -> Occasion:
    """Return what a sum is for."""
    form = FixedPoint(len(world.names), 10.0)
    plain = {"round": 1, "number": 0, "kind": "values", "model": "m", "form": form, "size": size, "cohort": 3}
    return Occasion(roster=world.roster.digest, **(plain | changes))  # type: ignore[arg-type]


Broker = Callable[[str, str, bytes], bytes | None]
"""Sees each message (step, party, bytes) either way, and may change or swallow it."""


def honest(step: str, party: str, message: bytes) -> bytes | None:
    return message


def words_of(world: World, what: Occasion, seed: int = 0) -> dict[str, np.ndarray]:
    """Return each party's words: of numbers in the range."""
    rng = np.random.default_rng(seed)
    return {
        name: what.form.encoded(rng.uniform(-10, 10, what.size // what.form.words)) for name in world.names
    }


def summed(
    world: World,
    what: Occasion,
    words: Mapping[str, np.ndarray],
    broker: Broker = honest,
    own: Mapping[str, Occasion] | None = None,
    kind: type[MaskedSum] = MaskedSum,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the sum and its cohort; own: what some parties believe the sum is for; kind: the coordinator.

    Raises AbortedError. What nodes refused or dropped is added to the world's trouble.
    """
    coordinator = kind(world.nodes[COORDINATOR], what)
    parties: dict[str, MaskedParty] = {}
    for name in world.names:
        believed = (own or {}).get(name, what)
        _tried(world, lambda name=name, on=believed: parties.update({name: _party(world, name, on)}))
    takes = (
        coordinator.take_keys,
        coordinator.take_masked,
        coordinator.take_agreed,
        coordinator.take_revealed,
    )
    asks: tuple[Callable[[], Mapping[str, bytes]], ...] = (
        lambda: dict.fromkeys(parties, b""), coordinator.relays, coordinator.survivors, coordinator.proofs,
    )  # fmt: skip
    for step, take, ask in zip(STEPS, takes, asks, strict=True):
        for name, question in ask().items():
            asked = broker(f"ask {step}", name, question)
            if asked is not None and name in parties:
                party, term = parties[name], words[name].copy()
                answers = {
                    "keys": lambda party=party: party.keys(),
                    "masked": lambda party=party, term=term, asked=asked: party.masked(term, asked),
                    "agreed": lambda party=party, asked=asked: party.agreed(asked),
                    "revealed": lambda party=party, asked=asked: party.revealed(asked),
                }
                _tried(world, lambda: _sent(broker, step, name, answers[step](), take))  # noqa: B023
    return coordinator.total()


def _sent(broker: Broker, step: str, name: str, message: bytes, take: Callable[[str, bytes], None]) -> None:
    arrived = broker(step, name, message)
    if arrived is not None:
        take(name, arrived)


def _party(world: World, name: str, on: Occasion) -> MaskedParty:
    return MaskedParty(world.nodes[name], on, world.pasts[name])


def _tried(world: World, act: Callable[[], None]) -> None:
    try:
        act()
    except HansaError as fault:
        world.trouble.append(fault)


def plain_sum(words: Mapping[str, np.ndarray], cohort: tuple[str, ...]) -> np.ndarray:
    """Return the sum as a loop over the cohort finds it."""
    total = np.zeros_like(words[cohort[0]])
    for name in cohort:
        total = total + words[name]
    return total
