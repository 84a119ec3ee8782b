"""An operator invites, before a run or into one: the party's key is noted, its way in is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from hansa.core.charter import Charter, Party
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_writer import render_charter
from hansa.core.errors import CharterError, FolderError
from hansa.crypto.signing import KEY_BYTES
from hansa.protection.invitation import Invitation, armoured
from hansa.runtime.coordinator_home import CoordinatorHome


def invitation_text(home: CoordinatorHome, name: str, key: str, now: datetime, days: int) -> str:
    """Return the invitation of a party of the charter; key: its public key, in hexadecimal."""
    charter, text = home.charter()
    if name not in {party.name for party in charter.roster}:
        listed = ", ".join(party.name for party in charter.roster)
        raise CharterError(
            f"names no party {name}",
            do=f"choose among {listed}, or let it join the run with hansa coordinator admit",
            where=charter.name,
        )
    public = _public(key)
    home.put_member(name, public)
    return _written(home, name, public, text, home.token(name, public, now, days))


def admission_text(home: CoordinatorHome, name: str, key: str, now: datetime, days: int) -> str:
    """Return the invitation of a party that joins a run at work; raises CharterError where it cannot."""
    charter, _ = home.charter()
    if not charter.changes_members:
        raise CharterError(
            "its members began together and go on together: masks, votes and rewards need it",
            do="begin another run with the new member, in another folder",
            where=charter.name,
        )
    members, named = home.members(), {party.name: party for party in charter.roster}
    if name in members or name in named:
        raise CharterError(f"{name} is a member already", do="invite it again, or choose another name")
    public = _public(key)
    roster = [named.get(one, Party(one)) for one in sorted(members, key=_place(charter))]
    home.put_member(name, public)
    joint = replace(charter, roster=(*roster, Party(name)))
    return _written(home, name, public, render_charter(joint), home.token(name, public, now, days))


def _place(charter: Charter) -> Callable[[str], int]:
    """Return what sorts members: the charter's in its order, then who came later, as they came."""
    places = {party.name: place for place, party in enumerate(charter.roster)}
    return lambda name: places.get(name, len(places))


def _written(home: CoordinatorHome, name: str, public: bytes, text: str, token: str) -> str:
    charter, authority = parse_charter(text), home.authority
    invitation = Invitation(
        consortium=charter.consortium,
        run=home.run,
        urls=home.urls,
        authority="" if authority is None else authority.read_text(encoding="ascii"),
        coordinator=home.identity.signing.public,
        party=name,
        key=public,
        token=token,
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
