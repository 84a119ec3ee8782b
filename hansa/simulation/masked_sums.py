"""Masked sums with all nodes in one process: every message is carried as bytes, by whoever carries them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hansa.crypto.masks import Words
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.masked_coordinator import MaskedSum
from hansa.protection.masked_party import MaskedParty
from hansa.protection.occasion import Occasion
from hansa.simulation.nodes import Broker, Nodes, delivered

STEPS = ("keys", "masked", "agreed", "revealed")
"""What a party sends, in order; the question before each is `ask keys` and so on."""


def masked_sum(
    nodes: Nodes,
    occasion: Occasion,
    words: Mapping[str, Words],
    broker: Broker = delivered,
    server: type[MaskedSum] = MaskedSum,
) -> tuple[Words, tuple[str, ...]]:
    """Return (size,) the sum of the survivors' words, and their names; who has no words takes no part.

    server: an honest coordinator, or a test's. What a node refuses or drops is added to the trouble, and the
    others go on. Raises AbortedError.
    """
    coordinator = server(nodes.channels[COORDINATOR], occasion)
    at_work: dict[str, MaskedParty] = {}
    for name in words:
        with nodes.noted():
            believed = nodes.believed.get(name, occasion)
            at_work[name] = MaskedParty(nodes.channels[name], believed, nodes.pasts[name])
    rounds: tuple[tuple[str, Callable[[], Mapping[str, bytes]], Callable[[str, bytes], None]], ...] = (
        ("keys", lambda: dict.fromkeys(at_work, b""), coordinator.take_keys),
        ("masked", coordinator.relays, coordinator.take_masked),
        ("agreed", coordinator.survivors, coordinator.take_agreed),
        ("revealed", coordinator.proofs, coordinator.take_revealed),
    )
    for step, ask, take in rounds:
        for name, question in ask().items():
            asked = broker(f"ask {step}", name, question)
            if asked is None or name not in at_work:
                continue
            with nodes.noted():
                arrived = broker(step, name, _answer(at_work[name], step, words[name], asked))
                if arrived is not None:
                    take(name, arrived)
    return coordinator.total()


def _answer(party: MaskedParty, step: str, words: Words, asked: bytes) -> bytes:
    """Return a party's message of a step."""
    if step == "keys":
        return party.keys()
    if step == "masked":
        return party.masked(words.copy(), asked)
    return party.agreed(asked) if step == "agreed" else party.revealed(asked)
