"""The coordinator's side of a masked sum whose parties are elsewhere: four exchanges, and what they open."""

from __future__ import annotations

from hansa.crypto.masks import Words
from hansa.nodes.party_questions import PartyQuestions
from hansa.protection.enrolment import Channels
from hansa.protection.masked_coordinator import MaskedSum
from hansa.protection.occasion import Occasion


def masked_sum(channels: Channels, occasion: Occasion, parties: PartyQuestions) -> Words:
    """Return (size,) the sum of the parties' words.

    Raises what asking raises, and AbortedError where too few are left.
    """
    coordinator = MaskedSum(channels, occasion)
    parties.begin("keys", coordinator.take_keys)
    parties.ask("masked", coordinator.relays(), coordinator.take_masked)
    parties.ask("agreed", coordinator.survivors(), coordinator.take_agreed)
    parties.ask("revealed", coordinator.proofs(), coordinator.take_revealed)
    return coordinator.total()[0]
