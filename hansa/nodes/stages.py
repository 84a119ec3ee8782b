"""The messages of one protected sum, by the charter's secrecy: of each party, and of each server beside the
coordinator, both in their order. A step of a sum is called by what is summed and its stage: `training/share`.
"""

from __future__ import annotations

from collections.abc import Mapping

from hansa.core import codec
from hansa.core.charter import Charter
from hansa.core.errors import MessageError
from hansa.protection import shared_messages
from hansa.protection.encrypted_messages import CUSTODIAN

PARTY_STAGES: Mapping[str, tuple[str, ...]] = {
    "open": (),
    "masked": ("keys", "masked", "agreed", "revealed"),
    "shared": (shared_messages.SHARE, shared_messages.RESULT),
    "encrypted": ("committed", "encrypted"),
}
CUSTODIAN_STAGES = ("key", "list", "total")
SERVERS: Mapping[str, tuple[str, ...]] = {
    "shared": (shared_messages.SECOND, shared_messages.THIRD),
    "encrypted": (CUSTODIAN,),
}
"""Who computes beside the coordinator, by secrecy; the names that members sign."""


def servers_of(charter: Charter) -> tuple[str, ...]:
    """Return who computes beside the coordinator, in order; nobody, at most levels of secrecy."""
    return SERVERS.get(charter.secrecy, ())


def split(kind: str) -> tuple[str, str]:
    """Return what a step sums, and its stage; empty: it is a step of no protected sum."""
    summed, _, stage = kind.partition("/")
    return summed, stage


def sealed_by_name(body: bytes, who: str) -> dict[str, bytes]:
    """Return sealed messages by who sent them, or is sent them; raises MessageError for anything else."""
    try:
        found = codec.decode(body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(type(one) is bytes for one in found.values()):
        raise MessageError("its sealed messages are none", do="see which version it runs", where=who)
    return found
