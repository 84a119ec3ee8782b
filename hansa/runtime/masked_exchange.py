"""The coordinator's side of a masked sum whose parties are elsewhere: four exchanges, and what they open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hansa.core import codec
from hansa.crypto.masks import Words
from hansa.protection.enrolment import Channels
from hansa.protection.masked_coordinator import MaskedSum
from hansa.protection.occasion import Occasion

Ask = Callable[[str, Mapping[str, bytes]], Mapping[str, bytes]]
"""Asks each party its question in a stage, and returns the answers that arrived."""


def masked_sum(channels: Channels, occasion: Occasion, first: Mapping[str, bytes], ask: Ask) -> Words:
    """Return (size,) the sum of the parties' words; first: what each is asked to add.

    Raises MessageError for what is no message of the protocol, and AbortedError where too few are left.
    """
    coordinator = MaskedSum(channels, occasion)
    for name, message in ask(
        "keys", {name: codec.encode({"of": one}) for name, one in first.items()}
    ).items():
        coordinator.take_keys(name, message)
    for name, message in ask("masked", coordinator.relays()).items():
        coordinator.take_masked(name, message)
    for name, message in ask("agreed", coordinator.survivors()).items():
        coordinator.take_agreed(name, message)
    for name, message in ask("revealed", coordinator.proofs()).items():
        coordinator.take_revealed(name, message)
    return coordinator.total()[0]
