"""One change of who is a member, signed by the coordinator: one joins, some leave, or a key is replaced.

The charter stays as it is. Each member checks an amendment by itself, against the list that counts for it, in
the only order that trusts nothing too early, and then approves of the new list.

A list counts once all its members have signed it. Who signs a list gives up every one of a lower number that
does not count yet, and signs no other of that number: of two lists over the same one, at most one comes to
count among those who are in both, whatever the coordinator shows to whom.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hansa.core.errors import MessageError, RefusedError
from hansa.crypto.identities import Succession, fingerprint
from hansa.crypto.signing import SIGNATURE_BYTES, SigningKey
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.membership import (
    MOST_BYTES,
    Approval,
    Member,
    Membership,
    check_approval,
    check_names,
    membership_of,
)
from hansa.protection.signed_records import checked, fields, garbled, signed

_PURPOSE = "membership amendment"
_FIELDS = {"before": bytes, "after": dict, "approval": bytes, "succession": bytes}


@dataclass(frozen=True, slots=True)
class Change:
    """What one amendment does to the list."""

    kind: str  # joins, leaves or rekeyed
    name: str
    old: bytes = b""  # its public key before; none of who joins
    new: bytes = b""  # its public key after; none of who leaves
    others: tuple[tuple[str, bytes], ...] = ()  # who leaves with it: none of them signs that the others do

    @property
    def words(self) -> str:
        """Return the change as people read it."""
        if self.kind == "joins":
            return f"{self.name} joins, key {fingerprint(self.new)}"
        if self.kind == "leaves":
            gone = ((self.name, self.old), *self.others)
            return "; ".join(f"{name} leaves, key {fingerprint(old)}" for name, old in gone)
        return f"{self.name} has a new key, {fingerprint(self.new)}, in place of {fingerprint(self.old)}"


@dataclass(frozen=True, slots=True)
class Amendment:
    """An amendment that a member checked: what it changes, the list after it, whose new key approves."""

    change: Change
    membership: Membership
    approval: Approval | None  # of who joins, or has a new key
    before: bytes  # the digest of the list that it amends


def with_party(mine: Membership, party: Member) -> Membership:
    """Return the list after a party has joined, which is then its last; numbered as the next one."""
    return replace(mine, number=mine.number + 1, parties=(*mine.parties, party))


def without_party(mine: Membership, *names: str) -> Membership:
    """Return the list after a party, or some, have left, numbered as the next one."""
    kept = tuple(one for one in mine.parties if one.party.name not in names)
    return replace(mine, number=mine.number + 1, parties=kept)


def with_key(mine: Membership, name: str, new: bytes) -> Membership:
    """Return the list after a member, or a server, has a new key; numbered as the next one."""
    parties = tuple(replace(one, key=new) if one.party.name == name else one for one in mine.parties)
    servers = tuple((server, new if server == name else key) for server, key in mine.servers)
    return replace(mine, number=mine.number + 1, parties=parties, servers=servers)


def amendment(
    mine: Membership,
    after: Membership,
    coordinator: SigningKey,
    approval: Approval | None = None,
    succession: Succession | None = None,
) -> bytes:
    """Return the message that turns one list into the next; coordinator: its key in the list before.

    approval: of the list after, by who joins or has a new key. succession: by the key that is replaced.
    """
    body = {
        "before": mine.digest,
        "after": after.value,
        "approval": b"" if approval is None else approval.signature,
        "succession": b"" if succession is None else succession.signature,
    }
    return signed(body, coordinator, _PURPOSE)


def read_amendment(mine: Membership, data: bytes) -> Amendment:
    """Return what an amendment makes of the list that counts for this member.

    Raises MessageError for what the coordinator did not sign or what is garbled, and RefusedError for what
    it signed and no honest coordinator would.
    """
    inner = checked(data, MOST_BYTES, mine.coordinator, _PURPOSE, COORDINATOR)
    found = fields(inner, _FIELDS, COORDINATOR)
    if found["before"] != mine.digest:
        raise _refused("amends another list than the one that this member signed")
    after = membership_of(found["after"], COORDINATOR)
    if after.number <= mine.number:
        raise _refused(f"is numbered {after.number}, and what comes after {mine.number} is lawful")
    if (after.run, after.charter) != (mine.run, mine.charter):
        raise _refused("changes the charter or the run, and not members alone")
    change = change_between(mine, after)
    check_names(after, COORDINATOR)
    _check_succession(change, found["succession"])
    return Amendment(change, after, _approval(change, after, found["approval"]), mine.digest)


def change_between(before: Membership, after: Membership) -> Change:
    """Return the one change between two lists; raises RefusedError where it is none, or more than one."""
    olds, news = list(before.parties), list(after.parties)
    if before.servers == after.servers and news[:-1] == olds:
        return Change("joins", news[-1].party.name, new=news[-1].key)
    gone = [old for old in olds if old not in news]
    if before.servers == after.servers and gone and [old for old in olds if old not in gone] == news:
        first, *others = ((one.party.name, one.key) for one in gone)
        return Change("leaves", first[0], old=first[1], others=tuple(others))
    if before.roster == after.roster and [name for name, _ in before.servers] == [
        name for name, _ in after.servers
    ]:
        return _rekeyed(before, after)
    raise _refused("makes more than one change, or changes what a party is")


def _rekeyed(before: Membership, after: Membership) -> Change:
    pairs = [
        (one.party.name, one.key, other.key) for one, other in zip(before.parties, after.parties, strict=True)
    ]
    pairs += [(name, old, new) for (name, old), (_, new) in zip(before.servers, after.servers, strict=True)]
    changed = [Change("rekeyed", name, old, new) for name, old, new in pairs if old != new]
    if len(changed) != 1:
        raise _refused(f"changes {len(changed)} keys, and one is lawful")
    return changed[0]


def _check_succession(change: Change, signature: bytes) -> None:
    """Pass if the key that is replaced signed for the new one; a lost key's party leaves and joins again."""
    if change.kind == "rekeyed":
        Succession(change.old, change.new, signature).check(change.name)
    elif signature:
        raise garbled(COORDINATOR, "a succession where no key is replaced")


def _approval(change: Change, after: Membership, signature: bytes) -> Approval | None:
    """Return the approval by the key that is new in the list; raises MessageError where it has none."""
    if change.kind == "leaves":
        if signature:
            raise garbled(COORDINATOR, "an approval of who leaves")
        return None
    if len(signature) != SIGNATURE_BYTES:
        raise MessageError("has not approved of the list that it is new in", do="drop it", where=change.name)
    approval = Approval(change.name, signature)
    check_approval(after, approval)
    return approval


def _refused(what: str) -> RefusedError:
    return RefusedError(f"its amendment {what}", do="ask its operator why", where=COORDINATOR)
