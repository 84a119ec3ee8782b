"""The folder of a node that was invited: its keys, the charter that it joined, what it keeps of the run."""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from hansa.core.charter import Charter
from hansa.core.charter_reader import parse_charter
from hansa.core.errors import FolderError
from hansa.nodes.seats import Asks
from hansa.protection.enrolment import Credential
from hansa.protection.invitation import Invitation, read_invitation
from hansa.registry.folders import MISSING, make_folder, read_json, write_json, write_text
from hansa.registry.identity import Identity, former_identity, load_identity, make_identity
from hansa.transport import subjects
from hansa.transport.nats_link import Access

_INVITATION, _JOINED, _AUTHORITY = "invitation.hansa", "joined.json", "authority.pem"
_FROM_A_COPY = "put it back from a copy"
_KINDS = {"consortium.json": "coordinator", "party.json": "party", "server.json": "server"}
"""What a folder is by a file in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """A charter that the member has signed."""

    invitation: Invitation
    charter: Charter
    data: Path | None  # a party's table, or the folder of a trial's records
    folder: Path  # where it keeps what it remembers of the run

    @property
    def asks(self) -> Asks:
        """Return who asks the member, and with which other servers, as the invitation tells."""
        return Asks(self.invitation.run, self.invitation.coordinator, dict(self.invitation.servers))


class MemberHome:
    """What lies in the folder of a party, or of a server beside the coordinator."""

    kind: ClassVar[str]  # the word of the command line for it
    _made_by: ClassVar[str]  # the command that makes such a folder

    def __init__(self, folder: Path) -> None:
        """Read it. Raises FolderError where it is no such folder."""
        self.folder = folder
        path = folder / f"{self.kind}.json"
        try:
            found = read_json(path, _FROM_A_COPY)
        except FolderError as fault:
            if not isinstance(fault.__cause__, MISSING):
                raise
            do = f"make it: {self._made_by.format(shlex.quote(str(folder)))}"
            raise FolderError(f"is no {self.kind}'s folder", do=do, where=str(folder)) from fault
        if not isinstance(found, dict) or not isinstance(found.get("name"), str):
            raise FolderError("is damaged", do=_FROM_A_COPY, where=str(path))
        self.name: str = found["name"]

    @classmethod
    def make(cls, folder: Path, name: str) -> Self:
        """Return a new home with fresh keys. Raises FolderError where the folder is one already."""
        cls._check_new(folder)
        make_folder(folder)
        make_identity(folder)
        cls._furnish(folder)
        write_json(folder / f"{cls.kind}.json", {"name": name})
        return cls(folder)

    @classmethod
    def _check_new(cls, folder: Path) -> None:
        """Pass if a folder is nothing else yet."""
        what = ""
        with contextlib.suppress(OSError):  # what the system refuses here it refuses to who makes it, too
            what = "is a file" if folder.is_file() else ""
            for file, kind in _KINDS.items():
                if kind != cls.kind and (folder / file).exists():
                    what = f"is a {kind}'s folder"
        if what:
            raise FolderError(what, do="choose another folder", where=str(folder))

    @classmethod
    def _furnish(cls, folder: Path) -> None:
        """Write what else a new home of this kind has."""

    @property
    def identity(self) -> Identity:
        """Return the member's newest keys."""
        return load_identity(self.folder)

    def credential(self, public: bytes) -> Credential:
        """Return the keys of which one is public: the newest, or those before while not all know these.

        Raises FolderError where the folder has neither.
        """
        for one in (self.identity, former_identity(self.folder)):
            if one is not None and one.signing.public == public:
                return Credential(self.name, one.signing, one.agreement)
        raise FolderError(
            "is not the key that the members of this run know",
            do="put back identity.key and identity.old.key as they were, or ask for another invitation",
            where=str(self.folder),
        )

    @property
    def has_joined(self) -> bool:
        """Return whether the member has accepted an invitation."""
        return (self.folder / _INVITATION).exists() and (self.folder / _JOINED).exists()

    def join(self, invitation: Invitation, text: str, data: Path | None = None) -> None:
        """Keep an invitation that was accepted, and where the records lie."""
        write_text(self.folder / _AUTHORITY, invitation.authority)
        write_text(self.folder / _INVITATION, text)
        where = "" if data is None else str(data.resolve())
        write_json(self.folder / _JOINED, {"data": where, "charter": invitation.charter})

    def joined(self) -> Joined:
        """Return the charter that was joined. Raises FolderError where none was."""
        path = self.folder / _INVITATION
        if not self.has_joined:
            do = f"run hansa {self.kind} join {shlex.quote(str(self.folder))} INVITATION"
            raise FolderError("has joined no charter", do=do, where=self.name)
        invitation = read_invitation(path.read_text(encoding="utf-8"))
        data = str(read_json(self.folder / _JOINED, _FROM_A_COPY)["data"])
        folder = self.folder / "runs" / invitation.run
        make_folder(folder)
        charter = parse_charter(invitation.charter, f"the charter of {invitation.consortium}")
        return Joined(invitation, charter, Path(data) if data else None, folder)

    def access(self, invitation: Invitation) -> Access:
        """Return how the member enters the NATS server."""
        authority = self.folder / _AUTHORITY if invitation.authority else None
        inbox = subjects.party_inbox(invitation.run, self.name)
        key = self.credential(invitation.key).signing
        return Access(invitation.urls, authority, key, invitation.token, inbox)
