"""An operator invites, before a run or into one: the party's key is noted, its way in is written down.

A key that changes needs a new way in, too.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from hansa.core.charter import Charter, Party
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_writer import render_charter
from hansa.core.errors import CharterError, FolderError
from hansa.crypto.signing import KEY_BYTES
from hansa.protection.invitation import Invitation, armoured
from hansa.protection.membership import Membership
from hansa.runtime.coordinator_home import CoordinatorHome
from hansa.runtime.renewal import Renewal, read_rotation


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
            "its members began together and go on together: sums of two cohorts would show one party's part",
            do="begin another run with the new member, in another folder",
            where=charter.name,
        )
    members, listed = home.members(), home.listed()
    if name in members or (listed is None and name in {party.name for party in charter.roster}):
        raise CharterError(
            f"{name} is a member already", do="take it out first, or choose another name", where=charter.name
        )
    public = _public(key)
    home.put_member(name, public)
    text = _text_with(charter, listed, name)
    return _written(home, name, public, text, home.token(name, public, now, days))


def renew(home: CoordinatorHome, line: str, now: datetime, days: int) -> tuple[str, str | None]:
    """Return a party whose key changes, and its new invitation; none where its node is in a run at work.

    line: what `hansa party rotate` printed. Raises MessageError, or CharterError where the former key is none
    of a member's.
    """
    name, words = read_rotation(line)
    charter, text = home.charter()
    members, listed = home.members(), home.listed()
    if members.get(name) not in (words.old, words.new):
        raise CharterError(
            f"{name} is no member under the key before this one",
            do=f"ask which line it sent, or expel it: hansa coordinator expel {home.folder} {name}",
            where=charter.name,
        )
    if words.new in (key for other, key in members.items() if other != name):
        raise CharterError(
            f"the new key of {name} is another member's", do="ask which line is whose", where=charter.name
        )
    if name not in {party.name for party in charter.roster}:
        text = _text_with(charter, listed, name)
    made = _written(home, name, words.new, text, home.token(name, words.new, now, days))
    home.put_renewal(name, Renewal(words, made))
    at_work = listed is not None and listed.identities.get(name) in (words.old, words.new)
    return name, None if at_work else made


def _text_with(charter: Charter, listed: Membership | None, name: str) -> str:
    """Return the charter with the members of now, and one of them, or who comes, at its end."""
    named = {party.name: party for party in charter.roster}
    roster = [one for one in (charter.roster if listed is None else listed.roster) if one.name != name]
    return render_charter(replace(charter, roster=(*roster, named.get(name, Party(name)))))


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
