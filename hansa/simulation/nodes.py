"""Nodes of a task in one process, and who carries their messages: as bytes, as a network would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from hansa.core.errors import HansaError
from hansa.crypto.signing import Source
from hansa.protection.enrolment import COORDINATOR, Channels, Credential, Roster, channels, credential
from hansa.protection.occasion import Occasion, Past

Broker = Callable[[str, str, bytes], bytes | None]
"""Carries a message (step, node, bytes) either way; None: it was lost."""


@dataclass
class Nodes:
    """Parties and servers that know one another."""

    roster: Roster
    channels: Mapping[str, Channels]
    credentials: Mapping[str, Credential]
    pasts: dict[str, Past]
    trouble: list[HansaError] = field(default_factory=list)  # what any node refused or dropped
    believed: dict[str, Occasion] = field(
        default_factory=dict
    )  # what a sum is for, to who was told otherwise

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parties in their order."""
        return self.roster.names

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Add what a node refuses or drops to the trouble; the others go on."""
        try:
            yield
        except HansaError as fault:
            self.trouble.append(fault)


def enrolled(
    names: Sequence[str], task: str, source: Source, servers: Sequence[str] = (COORDINATOR,)
) -> Nodes:
    """Return nodes that have exchanged their keys."""
    own = {name: credential(name, source) for name in (*names, *servers)}
    keys = {name: one.signing.public for name, one in own.items()}
    roster = Roster(task, {name: keys[name] for name in servers}, {name: keys[name] for name in names})
    adverts = {name: one.advert(roster) for name, one in own.items()}
    known = {name: channels(one, roster, adverts, source) for name, one in own.items()}
    return Nodes(roster, known, own, {name: Past() for name in own})


def delivered(step: str, node: str, message: bytes) -> bytes:
    """Carry a message as it is."""
    del step, node
    return message
