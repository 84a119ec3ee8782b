"""Who sits where in a run: all sign one list of members, and where sums are masked they exchange keys.

Both sides of four steps. `join`: the coordinator shows the list, and a party that finds itself, its charter
and its coordinator in it signs it. `amend`: it shows one change, which the others sign; `rekey`: a party's
own new key, which signs. `meet`: all get all signatures, and go on only if none is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest, roster_value
from hansa.core.errors import MessageError, RefusedError
from hansa.crypto.signing import SigningKey, Source
from hansa.nodes.questions import named_in
from hansa.protection.amendment import Amendment, Change, change_between, read_amendment
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

Countersign = Callable[[Amendment], None]


@dataclass(frozen=True, slots=True)
class Asks:
    """Who asks a member, and in which run."""

    run: str
    coordinator: bytes  # (32,), its public key
    others: Mapping[str, bytes] = field(default_factory=dict)  # name to key: servers beside the coordinator


@dataclass(frozen=True, slots=True)
class Standing:
    """Which lists a party has signed, and with which keys."""

    own: Credential
    signed: Membership | None = None  # the list that counts, once met; none: the party has not joined
    met: bool = False  # whether all have signed that one
    next: Membership | None = None  # the newest that this party has signed beside it, and not all yet
    renewed: Credential | None = None  # its keys in that one, where they are new


class PartySeat:
    """One member's place in a run: a party's, or that of a server beside the coordinator."""

    def __init__(
        self, charter: Charter, asks: Asks, own: Credential, source: Source, countersign: Countersign
    ) -> None:
        """Take what the party signed, and its keys; source: of masks and salts.

        countersign: raises RefusedError for a change of members that the site does not sign by itself.
        """
        self._charter, self._run, self._coordinator = charter, asks.run, asks.coordinator
        self._servers = {COORDINATOR: asks.coordinator, **asks.others}
        self.source, self._countersign = source, countersign
        self._now = Standing(own)

    @property
    def standing(self) -> Standing:
        """Return where the party stands, to go back to."""
        return self._now

    @property
    def signed(self) -> Membership | None:
        """Return the list that counts once all have signed it; None: the party has not joined."""
        return self._now.signed

    @property
    def met(self) -> bool:
        """Return whether all have signed the list that counts."""
        return self._now.met

    @property
    def name(self) -> str:
        """Return the member's name."""
        return self._now.own.name

    def join(self, shown: bytes, *, later: bool) -> dict[str, bytes]:
        """Return the member's signature of a list, and its key for protected sums; later: a run is at work.

        Raises RefusedError for a list that is not of this charter, run and servers, or without the member.
        """
        membership, known = read_membership(shown, COORDINATOR), self.signed
        if self.met and known is not None and known != membership:
            raise _refused("it shows another list of members to join")
        self._check_listed(membership, later=later)
        _check_newer(membership, known)
        self._now = replace(self._now, signed=membership)
        return self._word(membership, self._now.own)

    def amend(self, told: bytes, *, again: bool = False) -> dict[str, bytes]:
        """Return the party's signature of a list with one change, if the site lets it be signed.

        The list counts once all have signed it: `meet`. again: it was signed before this node was started.
        Raises MessageError or RefusedError for what is no lawful change, or waits for a person.
        """
        found = read_amendment(self._counting(), told)
        if found.change.kind != "rekeyed" and not self._charter.changes_members:
            raise _refused("it changes members within a run whose members began together")
        _check_newer(found.membership, self._now.next)
        if not again:
            self._countersign(found)
        self._now = replace(self._now, next=found.membership, renewed=None)
        return self._word(found.membership, self._now.own)

    def rekey(self, shown: bytes, renewed: Credential) -> dict[str, bytes]:
        """Return the signature, by a new key of this party, of a list that differs by that key alone."""
        before, after = self._counting(), read_membership(shown, COORDINATOR)
        own = self._now.own
        due = Change("rekeyed", own.name, own.signing.public, renewed.signing.public)
        same = (after.run, after.charter) == (before.run, before.charter)
        if not same or after.number <= before.number or change_between(before, after) != due:
            raise _refused("it shows a list that has more than this party's new key")
        _check_newer(after, self._now.next)
        self._now = replace(self._now, next=after, renewed=renewed)
        return self._word(after, renewed)

    def meet(self, told: Mapping[str, Any]) -> Channels | None:
        """Return what the party shares with each node, in protected sums; raises where a signature lacks.

        Shown the signatures of the list that counts again, the party stands as it stood.
        """
        approvals, now = named_in(told, "approvals"), self._now
        listed = now.next or now.signed
        if listed is None:
            raise _refused("it goes on before anybody joined")
        try:
            check_all(listed, approvals)
        except MessageError:
            if now.next is None or now.signed is None or not _signed_by_all(now.signed, approvals):
                raise
            listed = now.signed
        if listed is not now.signed or not now.met:
            rekeyed = now.renewed is not None and listed is now.next
            self._now = Standing((now.renewed if rekeyed else None) or now.own, listed, met=True)
        if self._charter.secrecy == "open":
            return None
        roster = roster_of(listed, self._charter)
        return channels(self._now.own, roster, named_in(told, "adverts"), self.source)

    def go_back(self, standing: Standing) -> None:
        """Stand as before; what came after it did not leave."""
        self._now = standing

    def take_up(self, listed: Membership) -> None:
        """Take a list that this party has signed for the one that it is about to meet again."""
        self._now = replace(self._now, signed=listed, met=False)

    def _counting(self) -> Membership:
        """Return the list that counts; raises RefusedError where none does."""
        if self.signed is None or not self.met:
            raise _refused("it goes on before anybody joined")
        return self.signed

    def _check_listed(self, membership: Membership, *, later: bool) -> None:
        """Pass if a list is of this run, and this party is in it; of who comes later, at its end."""
        own = self._now.own
        listed = [party for party, _ in membership.value["parties"]]
        roster = roster_value(self._charter)
        if later:  # others come and go, and all of them sign
            roster, listed = [one for one in roster if one["name"] == own.name], listed[-1:]
        facts = {
            "charter": membership.charter == charter_digest(self._charter),
            "run": membership.run == self._run,
            "coordinator": membership.coordinator == self._coordinator,
            "roster": roster == listed,
            "number": (membership.number > 0) == later,
            "server": dict(membership.servers) == self._servers,
            "own key": membership.identities.get(own.name) == own.signing.public,
        }
        for name, holds in facts.items():
            if not holds:
                raise _refused(f"its list of members has another {name} than this node knows")

    def _word(self, membership: Membership, own: Credential) -> dict[str, bytes]:
        """Return the signature of a list, and the key for protected sums among its members."""
        told = {"approval": approved(membership, own.name, own.signing).encoded()}
        if self._charter.secrecy != "open":
            told["advert"] = own.advert(roster_of(membership, self._charter))
        return told


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
            roster = roster_of(membership, self._charter)
            adverts[COORDINATOR] = self._own.advert(roster)
            channels(self._own, roster, adverts, self._source)  # what is told to all is theirs
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


def _signed_by_all(membership: Membership, approvals: Mapping[str, bytes]) -> bool:
    try:
        check_all(membership, approvals)
    except MessageError:
        return False
    return True


def _check_newer(membership: Membership, known: Membership | None) -> None:
    """Pass if a list is the newest one that this party has signed, or is numbered above that."""
    if known is not None and known != membership and membership.number <= known.number:
        raise _refused(f"it shows a second list of members with a number up to {known.number}")


def _refused(what: str) -> RefusedError:
    return RefusedError(what, do="ask the coordinator's operator why", where=COORDINATOR)


def text_of(told: Mapping[str, Any], name: str, party: str) -> bytes:
    """Return the bytes that a party's answer to join has under a name; raises MessageError."""
    value = told.get(name)
    if type(value) is not bytes:
        raise MessageError(f"its answer to join has no {name}", do="see which version it runs", where=party)
    return value
