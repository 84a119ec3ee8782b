"""Names on the wire: subjects of messages, buckets of large bodies, and who may use which."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_ALL = "all"  # a party's token is 16 hexadecimal digits, so that none is called this or that
_COORDINATOR = "coordinator"
_RUN = re.compile(r"[0-9a-f]{1,32}")
_DIRECT_GET = "$JS.API.DIRECT.GET."
_BUCKET_ACTS = ("CREATE", "UPDATE", "PURGE", "DELETE", "INFO")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A JetStream stream whose messages are pieces of bodies; a body is all messages of one subject."""

    name: str
    prefix: str

    def subject(self, place: str) -> str:
        """Return the subject of one body's pieces."""
        return f"{self.prefix}.{place}"

    @property
    def reading(self) -> str:
        """Return the subject by which its messages are asked for."""
        return _DIRECT_GET + self.name


@dataclass(frozen=True, slots=True)
class Rights:
    """What a user of the server may send to and hear; all else it may not."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def token(name: str) -> str:
    """Return what stands for a party's name in a subject."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def is_run(run: str) -> bool:
    """Return whether a run's id is short and hexadecimal, as every subject needs it."""
    return bool(_RUN.fullmatch(run))


def to_party(run: str, name: str) -> str:
    """Return the subject that only this party hears and only the coordinator sends to."""
    return f"hansa.{run}.to.{token(name)}"


def from_party(run: str, name: str) -> str:
    """Return the subject that only this party sends to and only the coordinator hears."""
    return f"hansa.{run}.from.{token(name)}"


def from_all(run: str) -> str:
    """Return what the coordinator hears: every party's subject."""
    return f"hansa.{run}.from.*"


def party_inbox(run: str, name: str) -> str:
    """Return the prefix of the subjects on which the server replies to a party."""
    return f"hansa.{run}.inbox.{token(name)}"


def coordinator_inbox(run: str) -> str:
    """Return the prefix of the subjects on which the server replies to the coordinator."""
    return f"hansa.{run}.inbox.{_COORDINATOR}"


def shared_bucket(run: str) -> Bucket:
    """Return the bucket that the coordinator fills and all parties read."""
    return _bucket(run, _ALL)


def party_bucket(run: str, name: str) -> Bucket:
    """Return the bucket that one party fills and the coordinator reads."""
    return _bucket(run, token(name))


def party_rights(run: str, name: str) -> Rights:
    """Return what one party may do in a run: speak for itself, and hear what is for it."""
    own, shared = party_bucket(run, name), shared_bucket(run)
    return Rights(
        publish=(from_party(run, name), own.subject("*"), shared.reading),
        subscribe=(to_party(run, name), party_inbox(run, name) + ".>"),
    )


def coordinator_rights(run: str) -> Rights:
    """Return what the coordinator of a run may do."""
    acts = tuple(f"$JS.API.STREAM.{act}.*" for act in _BUCKET_ACTS)
    return Rights(
        publish=(f"hansa.{run}.to.*", shared_bucket(run).subject("*"), f"{_DIRECT_GET}*", *acts),
        subscribe=(from_all(run), coordinator_inbox(run) + ".>"),
    )


def _bucket(run: str, owner: str) -> Bucket:
    return Bucket(f"hansa_{run}_{owner}", f"hansa.{run}.piece.{owner}")
