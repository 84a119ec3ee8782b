"""Who is a member: one list of names and keys under one charter, which every member signs.

A list has a number, 0 at first. A later one is an amendment of the one before it (`amendment.py`). Numbers
count lists that were proposed: one that a member did not sign leaves a gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hansa.core import codec
from hansa.core.charter import Party
from hansa.core.charter_digest import party_value
from hansa.core.errors import MessageError
from hansa.crypto.signing import KEY_BYTES, SIGNATURE_BYTES, SigningKey, check_signature
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.signed_records import fields, fields_of, garbled, list_of

MOST_BYTES = 1 << 22  # of a list: 10,000 parties with what they map
_APPROVAL_BYTES = 512
_PURPOSE = "membership approval"
_FIELDS = {"run": str, "charter": str, "number": int, "parties": list, "servers": list}
_PARTY = {"name": str, "data": str, "columns": dict, "units": dict, "sensors": list, "hidden": list}
_RUN = re.compile(r"[0-9a-f]{8,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Member:
    """A party and the public key of its identity."""

    party: Party
    key: bytes  # (32,)


@dataclass(frozen=True)
class Membership:
    """Everybody who takes part in a run."""

    run: str
    charter: str  # its digest
    number: int  # of lists that were proposed before this one
    parties: tuple[Member, ...]  # in the order of the roster
    servers: tuple[tuple[str, bytes], ...]  # name and key: the coordinator, and who else owns no records

    @cached_property
    def digest(self) -> bytes:
        """Return the 32 bytes that name this list, and that members sign."""
        return bytes.fromhex(codec.digest(self.value))

    @cached_property
    def identities(self) -> dict[str, bytes]:
        """Return the public key of every member, servers included, by its name."""
        return {one.party.name: one.key for one in self.parties} | dict(self.servers)

    @property
    def roster(self) -> tuple[Party, ...]:
        """Return the parties as a charter lists them."""
        return tuple(one.party for one in self.parties)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parties' names in their order."""
        return tuple(one.party.name for one in self.parties)

    @property
    def coordinator(self) -> bytes:
        """Return the coordinator's public key."""
        return self.identities[COORDINATOR]

    @property
    def value(self) -> dict[str, Any]:
        """Return the list as one plain value."""
        return {
            "run": self.run,
            "charter": self.charter,
            "number": self.number,
            "parties": [[party_value(one.party), one.key] for one in self.parties],
            "servers": [[name, key] for name, key in self.servers],
        }


@dataclass(frozen=True, slots=True)
class Approval:
    """One member's word that it is in this list, with everybody else who is."""

    name: str
    signature: bytes  # (64,)

    def encoded(self) -> bytes:
        """Return its bytes."""
        return codec.encode({"name": self.name, "signature": self.signature})


def approved(membership: Membership, name: str, key: SigningKey) -> Approval:
    """Return a member's approval of a list."""
    return Approval(name, key.sign(_PURPOSE, membership.digest))


def read_approval(data: bytes, who: str) -> Approval:
    """Return an approval of bytes, not checked yet; raises MessageError for what is none."""
    if len(data) > _APPROVAL_BYTES:
        raise garbled(who, f"longer than {_APPROVAL_BYTES} bytes")
    found = fields(data, {"name": str, "signature": bytes}, who)
    if len(found["signature"]) != SIGNATURE_BYTES:
        raise garbled(who, "a signature of another length")
    return Approval(**found)


def check_approval(membership: Membership, approval: Approval) -> None:
    """Pass if a member of this list approves of it; else raise MessageError."""
    known = membership.identities.get(approval.name)
    if known is None:
        raise MessageError("signs a list of members that it is not in", do="drop it", where=approval.name)
    check_signature(known, approval.signature, _PURPOSE, membership.digest, approval.name)


def unsigned(membership: Membership, approvals: Iterable[Approval]) -> tuple[str, ...]:
    """Return who has not approved yet, parties first; an approval that does not hold is none."""
    signed = set()
    for approval in approvals:
        try:
            check_approval(membership, approval)
        except MessageError:
            continue
        signed.add(approval.name)
    return tuple(name for name in membership.identities if name not in signed)


def complete(membership: Membership, approvals: Iterable[Approval]) -> bool:
    """Return whether every party and every server has approved."""
    return not unsigned(membership, approvals)


def read_membership(data: bytes, who: str) -> Membership:
    """Return a list of bytes; raises MessageError for what is none, or no lawful one."""
    if len(data) > MOST_BYTES:
        raise garbled(who, f"longer than {MOST_BYTES} bytes")
    membership = membership_of(fields(data, _FIELDS, who), who)
    check_names(membership, who)
    return membership


def membership_of(value: Any, who: str) -> Membership:
    """Return a list of a decoded value; raises MessageError for what is none."""
    found = fields_of(value, _FIELDS, who)
    for name, due in (("run", _RUN), ("charter", _DIGEST)):
        if not due.fullmatch(found[name]):
            raise garbled(who, f"{name} that is none")
    if not 0 <= found["number"] < 1 << 31:
        raise garbled(who, "a number that is none")
    parties = [_pair(one, dict, who) for one in found["parties"]]
    servers = [_pair(one, str, who) for one in found["servers"]]
    members = tuple(Member(_party(party, who), key) for party, key in parties)
    return Membership(found["run"], found["charter"], found["number"], members, tuple(servers))


def check_names(membership: Membership, who: str) -> None:
    """Pass if every name and every key is one member's, and one member coordinates; else MessageError."""
    named = [(one.party.name, one.key) for one in membership.parties] + list(membership.servers)
    if len({name for name, _ in named}) != len(named):
        raise MessageError("its list gives two members one name", do="drop it", where=who)
    for name, key in named:
        if not _NAME.fullmatch(name):
            raise MessageError(f"its list has a name that is none, {name[:64]!r}", do="drop it", where=who)
        if len(key) != KEY_BYTES:
            raise MessageError(f"its list gives {name} a key that is none", do="drop it", where=who)
    if len({key for _, key in named}) != len(named):
        raise MessageError("its list gives two members one key", do="drop it", where=who)
    if not membership.parties or COORDINATOR not in dict(membership.servers):
        raise MessageError("its list has no party or no coordinator", do="drop it", where=who)


def _pair(value: Any, kind: type, who: str) -> tuple[Any, bytes]:
    if type(value) is not list or [type(one) for one in value] != [kind, bytes]:
        raise garbled(who, "a member that is none")
    return value[0], value[1]


def _party(value: dict[str, Any], who: str) -> Party:
    found = fields_of(value, _PARTY, who)
    for name in ("columns", "units"):
        list_of([*found[name], *found[name].values()], str, who, name)
    return Party(
        found["name"],
        found["data"],
        tuple(sorted(found["columns"].items())),
        tuple(sorted(found["units"].items())),
        tuple(list_of(found["sensors"], str, who, "sensors")),
        tuple(list_of(found["hidden"], int, who, "hidden")),
    )
