"""A party reads an invitation, and finds out whether it may accept it."""

from __future__ import annotations

from pathlib import Path

from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest
from hansa.core.charter_reader import parse_charter
from hansa.core.errors import FolderError, RefusedError
from hansa.protection.invitation import Invitation, check_own, read_invitation
from hansa.runtime.party_home import PartyHome


def accepted(folder: Path, path: Path) -> tuple[PartyHome, Invitation, str, Charter]:
    """Return the home, the invitation in a file, its text and its charter, if the site allows them.

    Raises FolderError, MessageError, CharterError or RefusedError.
    """
    home = PartyHome(folder)
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as fault:
        raise FolderError(
            "cannot be read", do="name the file that the operator sent", where=str(path)
        ) from fault
    invitation = read_invitation(text)
    known = home.key_of(invitation.run)
    if known is not None and known != invitation.key:
        raise RefusedError(
            "is for another key than the one that the members of this run know this node by",
            do="keep the node running: once all have signed for the new key, it takes that by itself",
            where="invitation",
        )
    check_own(invitation, home.name, home.identity.signing.public)
    charter = parse_charter(invitation.charter, f"the charter of {invitation.consortium}")
    home.policy.check_charter(charter, charter_digest(charter))
    return home, invitation, text, charter
