"""A member, party or server, reads an invitation, and finds out whether it may accept it."""

from __future__ import annotations

import os
from pathlib import Path

from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest
from hansa.core.charter_reader import parse_charter
from hansa.core.errors import CharterError, FolderError, RefusedError
from hansa.nodes.member_home import MemberHome
from hansa.nodes.party_home import PartyHome
from hansa.nodes.server_home import ServerHome
from hansa.nodes.server_keys import check_servers
from hansa.protection.invitation import Invitation, check_own, is_armoured, read_invitation


def accepted(
    folder: Path, path: Path, data: Path | None = None
) -> tuple[PartyHome, Invitation, str, Charter]:
    """Return the home, the invitation in a file, its text and its charter, if the site allows them.

    data: what the party named as its records. Raises FolderError, MessageError, CharterError or RefusedError.
    """
    home = PartyHome(folder)
    invitation, text, charter = _read(home, path)
    known = home.key_of(invitation.run)
    if known is not None and known != invitation.key:
        raise RefusedError(
            "is for another key than the one that the members of this run know this node by",
            do="keep the node running: once all have signed for the new key, it takes that by itself",
            where=str(path),
        )
    home.policy.check_charter(charter, charter_digest(charter))
    _check_data(charter, data)
    return home, invitation, text, charter


def accepted_by_server(folder: Path, path: Path) -> tuple[ServerHome, Invitation, str, Charter]:
    """Return the home, the invitation in a file, its text and its charter.

    Raises FolderError, MessageError, CharterError or RefusedError.
    """
    home = ServerHome(folder)
    return home, *_read(home, path)


def _read(home: MemberHome, path: Path) -> tuple[Invitation, str, Charter]:
    """Return an invitation, its text and its charter, if it is for this node and its servers are due."""
    do = "name the file that the operator sent"
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as fault:
        raise FolderError(f"cannot be read ({fault.strerror})", do=do, where=str(path)) from fault
    if not is_armoured(text):
        raise FolderError("is no invitation", do=do, where=str(path))
    invitation = read_invitation(text)
    check_own(invitation, home.name, home.identity.signing.public, str(path))
    charter = parse_charter(invitation.charter, f"the charter of {invitation.consortium}")
    check_servers(charter, invitation.coordinator, dict(invitation.servers))
    return invitation, text, charter


def _check_data(charter: Charter, data: Path | None) -> None:
    """Pass if what a party named as its records is there, and the charter reads any."""
    if data is None:
        return
    if charter.data.source == "simulated":
        raise CharterError("reads no table: its records are drawn", do="leave out --data", where=charter.name)
    if not os.access(data, os.R_OK):
        raise FolderError(
            "is missing, or not for this user to read",
            do="name your table, or the folder of a trial's records, with --data",
            where=str(data),
        )
