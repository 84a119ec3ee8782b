"""An operator invites: the party's key is noted, and its way in is written down."""

from __future__ import annotations

from datetime import datetime

from hansa.core.errors import CharterError, FolderError
from hansa.crypto.signing import KEY_BYTES
from hansa.protection.invitation import Invitation, armoured
from hansa.runtime.coordinator_home import CoordinatorHome


def invitation_text(home: CoordinatorHome, name: str, key: str, now: datetime, days: int) -> str:
    """Return the invitation of a party of the charter; key: its public key, in hexadecimal."""
    charter, text = home.charter()
    if name not in {party.name for party in charter.roster}:
        listed = ", ".join(party.name for party in charter.roster)
        raise CharterError(f"names no party {name}", do=f"choose among {listed}", where=charter.name)
    public = _public(key)
    home.put_member(name, public)
    authority = home.authority
    invitation = Invitation(
        consortium=charter.consortium,
        run=home.run,
        urls=home.urls,
        authority="" if authority is None else authority.read_text(encoding="ascii"),
        coordinator=home.identity.signing.public,
        party=name,
        key=public,
        token=home.token(name, public, now, days),
        charter=text,
    )
    return armoured(invitation, home.identity.signing)


def _public(key: str) -> bytes:
    try:
        public = bytes.fromhex(key)
    except ValueError:
        public = b""
    if len(public) != KEY_BYTES:
        raise FolderError(
            "is no public key", do="copy the 64 digits that hansa party init printed", where=key[:16]
        )
    return public
