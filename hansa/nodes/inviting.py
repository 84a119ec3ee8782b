"""An operator invites, before a run or into one: the party's key is noted, its way in is written down.

A key that changes needs a new way in, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from hansa.core.charter import Charter, Party
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_writer import render_charter
from hansa.core.errors import CharterError, FolderError
from hansa.crypto.signing import KEY_BYTES
from hansa.nodes.coordinator_home import CoordinatorHome
from hansa.nodes.renewal import Renewal, read_rotation
from hansa.nodes.server_keys import check_servers
from hansa.nodes.stages import servers_of
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.invitation import Invitation, armoured
from hansa.protection.membership import Membership


def invitation_text(home: CoordinatorHome, name: str, key: str, now: datetime, days: int) -> str:
    """Return the invitation of a party of the charter, or of a server; key: its public one, as digits."""
    charter, text = home.charter()
    servers = home.servers()
    check_servers(charter, home.identity.signing.public, servers)
    if name in servers:
        public = key_of(key)
        _check_server(servers, name, public)
        return _written(home, name, public, text, home.token(name, public, now, days))
    if name not in {party.name for party in charter.roster}:
        listed = ", ".join(party.name for party in charter.roster)
        raise CharterError(
            f"names no party {name}",
            do=f"choose among {listed}, or let it join the run with hansa coordinator admit",
            where=charter.name,
        )
    public = _own_key(home, name, key)
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
    members, listed = home.members(), home.listed()
    if name in members or (listed is None and name in {party.name for party in charter.roster}):
        raise CharterError(
            f"{name} is a member already", do="take it out first, or choose another name", where=charter.name
        )
    public = _own_key(home, name, key)
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
    _own_key(home, name, words.new.hex())
    at_work = listed is not None and listed.identities.get(name) in (words.old, words.new)
    if at_work and servers_of(charter):
        raise CharterError(
            f"a run with servers goes on under the keys that it began with, that of {name} too",
            do="take the new key for the next run, or expel it and begin another",
            where=charter.name,
        )
    if name not in {party.name for party in charter.roster}:
        text = _text_with(charter, listed, name)
    made = _written(home, name, words.new, text, home.token(name, words.new, now, days))
    home.put_renewal(name, Renewal(words, made))
    return name, None if at_work else made


def _text_with(charter: Charter, listed: Membership | None, name: str) -> str:
    """Return the charter with the members of now, and one of them, or who comes, at its end."""
    named = {party.name: party for party in charter.roster}
    roster = [one for one in (charter.roster if listed is None else listed.roster) if one.name != name]
    return render_charter(replace(charter, roster=(*roster, named.get(name, Party(name)))))


def _check_server(servers: Mapping[str, bytes], name: str, public: bytes) -> None:
    """Pass if this is the key of a server that all members are told."""
    if servers[name] != public:
        raise CharterError(
            f"is not the key of {name} that the members are told",
            do="make another folder with hansa coordinator init, for another server",
            where=public.hex()[:16],
        )


def _own_key(home: CoordinatorHome, name: str, key: str) -> bytes:
    """Return a party's public key; raises CharterError where it is another node's."""
    public = key_of(key)
    known = {COORDINATOR: home.identity.signing.public} | home.servers() | home.members()
    for other, its in known.items():
        if its == public and other != name:
            raise CharterError(
                f"{name} has the key of {other}", do="let each node make a key of its own", where=key[:16]
            )
    return public


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
        servers=tuple(home.servers().items()),
    )
    return armoured(invitation, home.identity.signing)


def key_of(key: str) -> bytes:
    """Return a public key of its 64 digits. Raises FolderError."""
    try:
        public = bytes.fromhex(key)
    except ValueError:
        public = b""
    if len(public) != KEY_BYTES:
        raise FolderError("is no public key", do="copy the 64 digits that init printed", where=key[:16])
    return public
