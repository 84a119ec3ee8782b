"""A consortium of three parties and their keys, for the tests of membership."""

import hashlib

from hansa.core.charter import Party
from hansa.crypto.signing import SigningKey
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.membership import Member, Membership

CHARTER = "c" * 64


def key(name: str) -> SigningKey:
    """Return the key that a name always has in these tests."""
    return SigningKey(hashlib.sha256(name.encode()).digest())


def member(name: str) -> Member:
    """Return a party with what it maps."""
    party = Party(name, "records.csv", (("a", "b"),), (("a", "bar"),), ("s1", "s2"), (8, 4))
    return Member(party, key(name).public)


def first() -> Membership:
    """Return the list that the consortium starts with."""
    parties = tuple(member(f"airline-{number}") for number in (1, 2, 3))
    servers = ((COORDINATOR, key(COORDINATOR).public), ("auditor", key("auditor").public))
    return Membership("0123456789abcdef", CHARTER, 0, parties, servers)
