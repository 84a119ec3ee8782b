"""Masked sums with all nodes in one process: every message is carried as bytes, by whoever carries them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from hansa.core.errors import HansaError
from hansa.crypto.masks import Words
from hansa.crypto.signing import Source
from hansa.protection.enrolment import COORDINATOR, Channels, Credential, Roster, channels, credential
from hansa.protection.masked_coordinator import MaskedSum
from hansa.protection.masked_party import MaskedParty
from hansa.protection.occasion import Occasion, Past

STEPS = ("keys", "masked", "agreed", "revealed")
"""What a party sends, in order; the question before each is `ask keys` and so on."""

Broker = Callable[[str, str, bytes], bytes | None]
"""Carries a message (step, party, bytes) either way; None: it was lost."""


@dataclass
class Nodes:
    """Parties and a coordinator that know one another."""

    roster: Roster
    channels: Mapping[str, Channels]
    credentials: Mapping[str, Credential]
    pasts: dict[str, Past]
    trouble: list[HansaError] = field(default_factory=list)  # what any node refused or dropped
    coordinator: type[MaskedSum] = MaskedSum  # an honest one, or a test's

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parties in their order."""
        return self.roster.names


def enrolled(names: Sequence[str], task: str, source: Source) -> Nodes:
    """Return nodes that have exchanged their keys."""
    own = {name: credential(name, source) for name in (*names, COORDINATOR)}
    roster = Roster(task, own[COORDINATOR].signing.public, {name: own[name].signing.public for name in names})
    adverts = {name: one.advert(roster) for name, one in own.items()}
    known = {name: channels(one, roster, adverts, source) for name, one in own.items()}
    return Nodes(roster, known, own, {name: Past() for name in names})


def delivered(step: str, party: str, message: bytes) -> bytes:
    """Carry a message as it is."""
    del step, party
    return message


def masked_sum(
    nodes: Nodes,
    occasion: Occasion,
    words: Mapping[str, Words],
    broker: Broker = delivered,
    believed: Mapping[str, Occasion] | None = None,
) -> tuple[Words, tuple[str, ...]]:
    """Return (size,) the sum of the survivors' words, and their names.

    believed: what the sum is for in the eyes of some parties. What a node refuses or drops is added to the
    trouble, and the others go on. Raises AbortedError.
    """
    coordinator = nodes.coordinator(nodes.channels[COORDINATOR], occasion)
    at_work: dict[str, MaskedParty] = {}
    for name in nodes.names:
        with _noted(nodes):
            at_work[name] = MaskedParty(
                nodes.channels[name], (believed or {}).get(name, occasion), nodes.pasts[name]
            )
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
            with _noted(nodes):
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


@contextmanager
def _noted(nodes: Nodes) -> Iterator[None]:
    try:
        yield
    except HansaError as fault:
        nodes.trouble.append(fault)
