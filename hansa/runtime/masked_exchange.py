"""The coordinator's side of a masked sum whose parties are elsewhere: four exchanges, and what they open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hansa.core import codec
from hansa.crypto.masks import Words
from hansa.protection.enrolment import Channels
from hansa.protection.masked_coordinator import MaskedSum
from hansa.protection.occasion import Occasion

Take = Callable[[str, bytes], None]
"""Takes a party's message; raises MessageError for one that is none."""
Ask = Callable[[str, Mapping[str, bytes], Take], None]
"""Asks each party its question in a stage, and has the answers that arrive taken."""


def masked_sum(channels: Channels, occasion: Occasion, first: Mapping[str, bytes], ask: Ask) -> Words:
    """Return (size,) the sum of the parties' words; first: what each is asked to add.

    Raises what `ask` raises, and AbortedError where too few are left.
    """
    coordinator = MaskedSum(channels, occasion)
    ask("keys", {name: codec.encode({"of": one}) for name, one in first.items()}, coordinator.take_keys)
    ask("masked", coordinator.relays(), coordinator.take_masked)
    ask("agreed", coordinator.survivors(), coordinator.take_agreed)
    ask("revealed", coordinator.proofs(), coordinator.take_revealed)
    return coordinator.total()[0]
