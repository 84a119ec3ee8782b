"""What one party brings to a scenario: what it trains on, what it keeps back, and its network."""

from __future__ import annotations

from typing import Any

from hansa.core.charter import Charter
from hansa.core.errors import PartyError
from hansa.data.held_back import split_share
from hansa.data.partition import Share
from hansa.data.prepare import Inputs
from hansa.models.parts import Partial, normalised
from hansa.runtime.large_fleet import LargeShare


def parts(share: Share | LargeShare, charter: Charter) -> tuple[Share | LargeShare, Share | None]:
    """Return what a party trains on, and what it keeps back; None where the charter keeps nothing back."""
    if not charter.validation.share:
        return share, None
    if isinstance(share, LargeShare):
        raise PartyError(
            "its table is too large to be held in memory, and assets that are kept back are",
            do="leave [validation] out, or give it a smaller table",
            where=share.party,
        )
    return split_share(share, charter)


def check_known(party: str, learnt: int) -> None:
    """Raise PartyError where none of so many rows can be learnt from."""
    if not learnt:
        raise PartyError(
            "none of its rows has a known remaining life",
            do="give it assets that were seen until they failed, or leave it out",
            where=party,
        )


def dressed(scenario: str, network: Any, inputs: Inputs) -> Any:
    """Return a network as the scenario's algorithm takes it."""
    if scenario == "own_scaling":
        return normalised(network, inputs.features)
    has: Any = inputs.has  # NumPy's, as the network's own arrays
    return Partial(network, has) if scenario == "aligned" else network
