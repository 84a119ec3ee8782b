"""Three parties of one masked sum, stopped before any step, with what honest nodes sent at that step."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TypeVar

from benchmarks.secure_sums import enrolled, occasion, words_of
from hansa.crypto.masks import Words
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.masked_coordinator import MaskedSum
from hansa.protection.masked_party import MaskedParty
from hansa.protection.occasion import Occasion, Past
from hansa.simulation.masked_sums import STEPS
from hansa.simulation.nodes import Nodes

Node = TypeVar("Node", MaskedSum, MaskedParty)

PARTIES = 3
VICTIM, SENDER = "p0", "p1"
"""The party that reads what the coordinator sends, and the one whose messages the coordinator reads."""


@dataclass
class World:
    """Nodes, and the state of each before it reads a message of a step."""

    nodes: Nodes
    occasion: Occasion
    words: dict[str, Words]
    coordinators: dict[str, MaskedSum] = field(default_factory=dict)  # before the sender's message, by step
    parties: dict[str, MaskedParty] = field(default_factory=dict)  # the victim before its step
    said: dict[str, bytes] = field(default_factory=dict)  # the sender's sealed message of each step
    asked: dict[str, bytes] = field(default_factory=dict)  # the coordinator's sealed question of each step

    def coordinator(self, step: str) -> MaskedSum:
        """Return a coordinator that waits for the sender's message of a step."""
        return self.copied(self.coordinators[step])

    def victim(self, step: str) -> MaskedParty:
        """Return a party that waits for the coordinator's question of a step."""
        return self.copied(self.parties[step])

    def copied(self, node: Node) -> Node:
        """Return a node that can go on without the first one knowing."""
        shared = [*self.nodes.channels.values(), self.occasion, self.nodes.roster]
        return copy.deepcopy(node, {id(one): one for one in shared})


@cache
def world() -> World:
    """Return three parties whose sum was run once."""
    nodes = enrolled(PARTIES)
    what = replace(occasion(nodes), unchanging=True)
    made = World(nodes, what, words_of(nodes, what))
    coordinator = MaskedSum(nodes.channels[COORDINATOR], what)
    parties = {name: MaskedParty(nodes.channels[name], what, Past()) for name in nodes.names}
    for step in STEPS:
        asked = _asked(coordinator, step, made)
        for name in nodes.names:
            if name == VICTIM:
                made.parties[step], made.asked[step] = made.copied(parties[name]), asked[name]
            if name == SENDER:
                made.coordinators[step] = made.copied(coordinator)
            message = answer(parties[name], step, made.words[name].copy(), asked[name])
            if name == SENDER:
                made.said[step] = message
            take(coordinator, step, name, message)
    return made


def answer(party: MaskedParty, step: str, words: Words, asked: bytes) -> bytes:
    """Return what a party says to a question of a step."""
    if step == "keys":
        return party.keys()
    if step == "masked":
        return party.masked(words, asked)
    return party.agreed(asked) if step == "agreed" else party.revealed(asked)


def take(coordinator: MaskedSum, step: str, name: str, message: bytes) -> None:
    """Give a party's message of a step to the coordinator."""
    getattr(coordinator, f"take_{step}")(name, message)


def _asked(coordinator: MaskedSum, step: str, made: World) -> dict[str, bytes]:
    if step == "keys":
        return dict.fromkeys(made.nodes.names, b"")
    return {"masked": coordinator.relays, "agreed": coordinator.survivors, "revealed": coordinator.proofs}[
        step
    ]()
