"""Who takes part in a task: a roster that all have signed, and a secret of each two that nobody else has.

Every identity signs its key agreement together with the digest of the roster, so that a key which somebody
puts in between is nobody's, and a party that was shown another roster is found out before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from hansa.core import codec
from hansa.core.charter import LEAST_SUMMED, MOST_SUMMED, quorum
from hansa.core.errors import CharterError, MessageError
from hansa.crypto.agreement import AgreementKey, derived
from hansa.crypto.sealing import opened, seal
from hansa.crypto.signing import (
    KEY_BYTES,
    SIGNATURE_BYTES,
    SigningKey,
    Source,
    check_signature,
    signing_key,
)

COORDINATOR = "coordinator"
_PURPOSE = "roster and key"
_ADVERT_BYTES = 1 + (2 + KEY_BYTES) + (2 + SIGNATURE_BYTES)  # a list of two, each with its length


@dataclass(frozen=True)
class Roster:
    """The nodes of a task in their order, each with the public key of its identity, 32 bytes."""

    task: str  # what is agreed: the digest of the charter
    servers: Mapping[
        str, bytes
    ]  # name to identity: the coordinator, and who else computes but owns no records
    parties: Mapping[str, bytes]  # name to identity, in the order of the charter

    def __post_init__(self) -> None:
        for name in self.servers:
            if name in self.parties:
                raise CharterError(
                    f'a party is called "{name}", as one of the servers is',
                    do="give the party another name",
                    where="roster",
                )
        span = f"{LEAST_SUMMED} to {MOST_SUMMED}"
        if not LEAST_SUMMED <= len(self.parties) <= MOST_SUMMED:
            raise CharterError(
                f"a protected sum is over {span} parties, and these are {len(self.parties)}",
                do=f'give {span} parties, or write secrecy = "open" if all members agree',
                where="roster",
            )

    @cached_property
    def digest(self) -> bytes:
        """Return the 32 bytes that name this roster."""
        kinds = [[[name, key] for name, key in kind.items()] for kind in (self.servers, self.parties)]
        return bytes.fromhex(codec.digest([self.task, *kinds]))

    @cached_property
    def places(self) -> dict[str, int]:
        """Return each party's place, from 0."""
        return {name: place for place, name in enumerate(self.parties)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the parties' names in their order."""
        return tuple(self.parties)

    @property
    def threshold(self) -> int:
        """Return how many parties it takes to open a masked sum."""
        return quorum(len(self.parties))

    @cached_property
    def identities(self) -> dict[str, bytes]:
        """Return the public key of every node."""
        return {**self.parties, **self.servers}


@dataclass(frozen=True, slots=True)
class Credential:
    """The secrets of one node in one task."""

    name: str
    signing: SigningKey
    agreement: AgreementKey

    def advert(self, roster: Roster) -> bytes:
        """Return what the node tells the others: its key, signed together with the roster."""
        signature = self.signing.sign(_PURPOSE, roster.digest + self.agreement.public)
        return codec.encode([self.agreement.public, signature])


def credential(name: str, source: Source) -> Credential:
    """Return a node's credential with fresh keys."""
    return Credential(name, signing_key(source), AgreementKey(source(KEY_BYTES)))


@dataclass(frozen=True)
class Channels:
    """What one node shares with each other one."""

    name: str
    signing: SigningKey
    roster: Roster
    source: Source
    _secrets: Mapping[str, bytes] = field(repr=False)
    _keys: dict[tuple[str, str], bytes] = field(default_factory=dict, repr=False)  # of each way

    def seal(self, to: str, message: bytes, about: bytes) -> bytes:
        """Return a message that `to` alone can open, and knows to be this node's."""
        return seal(self._key(self.name, to), message, about, self.source)

    def opened(self, sender: str, sealed: bytes, about: bytes) -> bytes:
        """Return what a sender sealed for this node about this; raises MessageError."""
        return opened(self._key(sender, self.name), sealed, about, sender)

    def common(self, other: str, *uses: bytes) -> bytes:
        """Return the 32 bytes that only this node and another know; uses: what they are bound to."""
        return derived(self._secrets[other], b"common", *uses)

    def _key(self, sender: str, to: str) -> bytes:
        way = (sender, to)
        if way not in self._keys:
            shared = self._secrets[to if sender == self.name else sender]
            self._keys[way] = derived(shared, b"seal", sender.encode(), to.encode())
        return self._keys[way]


def channels(own: Credential, roster: Roster, adverts: Mapping[str, bytes], source: Source) -> Channels:
    """Return a node's channels to all others; adverts: of every node of the roster, by name.

    Raises MessageError for an advert that is missing, garbled, or not signed by the identity of the roster.
    """
    secrets = {}
    for name in roster.identities:
        if name != own.name:
            public = _advertised(adverts.get(name, b""), roster, name)
            secrets[name] = derived(own.agreement.shared_with(public, name), roster.digest)
    return Channels(own.name, own.signing, roster, source, secrets)


def _advertised(advert: bytes, roster: Roster, name: str) -> bytes:
    try:
        stated = codec.decode(advert[: _ADVERT_BYTES + 1])  # read no further: anybody may send one
    except ValueError as fault:
        raise _garbled(name) from fault
    if not (isinstance(stated, list) and [type(one) for one in stated] == [bytes, bytes]):
        raise _garbled(name)
    public, signature = stated
    check_signature(roster.identities[name], signature, _PURPOSE, roster.digest + public, name)
    return bytes(public)


def _garbled(name: str) -> MessageError:
    return MessageError("its key and signature are garbled", do="ask for them again", where=name)
