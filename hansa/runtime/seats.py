"""Who sits where in a run: all sign one list of members, and where sums are masked they exchange keys.

Both sides of two steps. `join`: the coordinator shows the list, and a party that finds itself, its charter
and its coordinator in it signs it. `meet`: all get all signatures, and go on only if none is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hansa.core import codec
from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest, roster_value
from hansa.core.errors import MessageError, RefusedError
from hansa.crypto.signing import SigningKey, Source
from hansa.protection.amendment import Amendment, read_amendment
from hansa.protection.enrolment import COORDINATOR, Channels, Credential, Roster, channels
from hansa.protection.membership import (
    Approval,
    Membership,
    approved,
    check_approval,
    read_approval,
    read_membership,
    unsigned,
)
from hansa.runtime.questions import named_of

Countersign = Callable[[Amendment], None]


@dataclass(frozen=True, slots=True)
class Asks:
    """Who asks a member, and in which run."""

    run: str
    coordinator: bytes  # (32,), its public key
    others: Mapping[str, bytes] = field(default_factory=dict)  # name to key: servers beside the coordinator


class PartySeat:
    """One member's place in a run: a party's, or that of a server beside the coordinator."""

    def __init__(
        self, charter: Charter, asks: Asks, own: Credential, source: Source, countersign: Countersign
    ) -> None:
        """Take what the party signed, and its keys; source: of masks.

        countersign: raises RefusedError for a change of members that the site does not sign by itself.
        """
        self._charter, self._run, self._coordinator = charter, asks.run, asks.coordinator
        self._servers = {COORDINATOR: asks.coordinator, **asks.others}
        self._own, self._source = own, source
        self._countersign = countersign
        self.signed: Membership | None = None  # the list that counts; none: the party has not joined
        self._next: Membership | None = None  # one that this party has signed, and not all yet
        self.met = False  # whether all have signed the list that counts

    @property
    def name(self) -> str:
        """Return the member's name."""
        return self._own.name

    def join(self, shown: bytes, *, later: bool) -> dict[str, bytes]:
        """Return the member's signature of a list, and its key for protected sums; later: a run is at work.

        Raises RefusedError for a list that is not of this charter, run and servers, or without the member.
        """
        if self.met and self.signed is not None and self.signed.value != codec.decode(shown):
            raise RefusedError("it shows another list of members to join", do="ask why", where=COORDINATOR)
        membership = read_membership(shown, COORDINATOR)
        facts = {
            "charter": membership.charter == charter_digest(self._charter),
            "run": membership.run == self._run,
            "coordinator": membership.coordinator == self._coordinator,
            "roster": roster_value(self._charter) == [party for party, _ in membership.value["parties"]],
            "number": (membership.number > 0) == later,
            "server": dict(membership.servers) == self._servers,
            "own key": membership.identities.get(self._own.name) == self._own.signing.public,
        }
        for name, holds in facts.items():
            if not holds:
                raise RefusedError(
                    f"its list of members has another {name} than this node knows",
                    do="ask the coordinator's operator why",
                    where=COORDINATOR,
                )
        self.signed = membership
        signed = approved(membership, self._own.name, self._own.signing)
        return {"approval": signed.encoded()} | self._advert(membership)

    def amend(self, told: bytes, *, again: bool = False) -> dict[str, bytes]:
        """Return the party's signature of a list with one change, if the site lets it be signed.

        The list counts once all have signed it: `meet`. again: it was signed before this node was started.
        Raises MessageError or RefusedError for what is no lawful change, or waits for a person.
        """
        if self.signed is None or not self.met:
            raise RefusedError("it goes on before anybody joined", do="ask why", where=COORDINATOR)
        if not self._charter.changes_members:
            raise RefusedError(
                "it changes members within a run whose members began together",
                do="begin another run",
                where=COORDINATOR,
            )
        found = read_amendment(self.signed, told)
        if not again:
            self._countersign(found)
        self._next = found.membership
        return {"approval": approved(found.membership, self._own.name, self._own.signing).encoded()}

    def meet(self, told: Mapping[str, Any]) -> Channels | None:
        """Return what the member shares with each node, in protected sums; raises where a signature lacks."""
        listed = self._next or self.signed
        if listed is None:
            raise RefusedError("it goes on before anybody joined", do="ask why", where=COORDINATOR)
        check_all(listed, named_of(told, "approvals"))
        self.signed, self._next, self.met = listed, None, True
        if self._charter.secrecy == "open":
            return None
        roster = roster_of(listed, self._charter)
        return channels(self._own, roster, named_of(told, "adverts"), self._source)

    def go_back(self, signed: Membership | None, met: bool) -> None:
        """Go back to a list that was signed, by all if they have met; what came after it did not leave."""
        self.signed, self._next = signed, None
        self.met = met

    def _advert(self, membership: Membership) -> dict[str, bytes]:
        if self._charter.secrecy == "open":
            return {}
        return {"advert": self._own.advert(roster_of(membership, self._charter))}


class CoordinatorSeat:
    """The coordinator's place in a run."""

    def __init__(self, charter: Charter, membership: Membership, own: Credential, source: Source) -> None:
        """Take the list of members; source: of keys."""
        self._charter, self.membership, self._own, self._source = charter, membership, own, source

    @property
    def key(self) -> SigningKey:
        """Return what the coordinator signs with."""
        return self._own.signing

    def met(
        self, joined: Mapping[str, Mapping[str, Any]], membership: Membership
    ) -> dict[str, dict[str, bytes]]:
        """Return what all are told once all have signed a list. Raises MessageError naming who did not."""
        own = approved(membership, COORDINATOR, self._own.signing).encoded()
        approvals = {name: text_of(one, "approval", name) for name, one in joined.items()}
        check_all(membership, approvals | {COORDINATOR: own})
        adverts = {}
        if self._charter.secrecy != "open":
            adverts = {name: text_of(one, "advert", name) for name, one in joined.items()}
            adverts[COORDINATOR] = self._own.advert(roster_of(membership, self._charter))
        return {"approvals": approvals | {COORDINATOR: own}, "adverts": adverts}

    def channels(self, adverts: Mapping[str, bytes]) -> Channels:
        """Return what the coordinator shares with each other node."""
        return channels(self._own, roster_of(self.membership, self._charter), adverts, self._source)


def roster_of(membership: Membership, charter: Charter) -> Roster:
    """Return the nodes of protected sums."""
    parties = {one.party.name: one.key for one in membership.parties}
    task = f"{membership.charter} {charter.algorithm.name} {membership.run}"
    return Roster(task, dict(membership.servers), parties)


def check_all(membership: Membership, approvals: Mapping[str, bytes]) -> None:
    """Pass if everybody has signed a list; raises MessageError naming the first who has not."""
    read: list[Approval] = []
    for name, data in approvals.items():
        approval = read_approval(data, name)
        if approval.name != name:
            raise MessageError("its signature is shown as another's", do="drop the message", where=name)
        check_approval(membership, approval)
        read.append(approval)
    for name in unsigned(membership, read):
        raise MessageError("has not signed the list of members", do="wait until it has joined", where=name)


def text_of(told: Mapping[str, Any], name: str, party: str) -> bytes:
    """Return the bytes that a party's answer to join has under a name; raises MessageError."""
    value = told.get(name)
    if type(value) is not bytes:
        raise MessageError(f"its answer to join has no {name}", do="see which version it runs", where=party)
    return value
