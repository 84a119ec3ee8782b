"""An operator says who shall be a member, before a run or in one: a party's key is noted, or taken out.

Who is invited has its way in written down; a key that changes needs a new one, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from hansa.core.charter import Charter, Party
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_writer import render_charter
from hansa.core.errors import CharterError, FolderError
from hansa.crypto.identities import Succession
from hansa.crypto.signing import KEY_BYTES
from hansa.nodes.coordinator_home import CoordinatorHome
from hansa.nodes.renewal import Renewal
from hansa.nodes.server_keys import SERVER_NAMES, check_servers, not_taken
from hansa.nodes.stages import servers_of
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.invitation import Invitation, armoured
from hansa.protection.membership import Membership

SIGNING = (
    'Each member whose policy.toml says amendments = "ask", as it does by default, runs: '
    "hansa party approve FOLDER."
)


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
        if name in SERVER_NAMES:
            raise not_taken(charter, name)
        do = f"choose among {', '.join(party.name for party in charter.roster)}"
        if charter.changes_members:
            do += ", or let it join the run with hansa coordinator admit"
        raise CharterError(f"names no party {name}", do=do, where=charter.name)
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
    _check_not_over(home, name)
    members, listed = home.members(), home.listed()
    if name in members or (listed is None and name in {party.name for party in charter.roster}):
        raise CharterError(
            f"{name} is a member already", do="take it out first, or choose another name", where=charter.name
        )
    public = _own_key(home, name, key)
    home.put_member(name, public)
    text = _text_with(charter, listed, name)
    return _written(home, name, public, text, home.token(name, public, now, days))


def expelled(home: CoordinatorHome, name: str) -> str:
    """Take a member out and return what comes of it. Raises CharterError for who is none, or a server."""
    charter, _ = home.charter()
    members, listed = home.members(), home.listed()
    if name in home.servers():
        raise CharterError(
            "cannot be expelled", do="make another folder with hansa coordinator init", where=name
        )
    if name not in members:
        do = f"choose among {', '.join(members)}" if members else "invite it first"
        raise CharterError(f"has no member {name}", do=do, where=str(home.folder))
    home.put_member(name, None)
    if home.finished() is not None:
        return f"{name} opens the server no more. The run is over: what it did in it stays as it is."
    if listed is None or name not in listed.names:
        said = f"The invitation of {name} opens nothing any more."
        if listed is None and name in {party.name for party in charter.roster}:
            said += f" The run cannot begin without it, or its new key: {_inviting(home, name)}"
        return said
    if not charter.changes_members:
        return (
            f"{name} is heard no more, and the run ends here: its members may not change. Begin another "
            "without it: hansa coordinator init."
        )
    return (
        f"{name} is heard no more, and no member once the others have signed, after the round at work. "
        f"{SIGNING}"
    )


def renew(
    home: CoordinatorHome, rotation: tuple[str, Succession], now: datetime, days: int
) -> tuple[str, str | None]:
    """Return a party whose key changes, and its new invitation; none where its node is in a run at work.

    rotation: what `hansa party rotate` printed, as `read_rotation` returns it. Raises CharterError where the
    former key is none of a member's, and FolderError once the run is over.
    """
    name, words = rotation
    _check_not_over(home, name)
    charter, text = home.charter()
    members, listed = home.members(), home.listed()
    if members.get(name) not in (words.old, words.new):
        do = "ask which line it sent"
        if listed is None and name in {party.name for party in charter.roster}:
            do += f", or invite it under the key that it has now: {_inviting(home, name)}"
        elif name in members:
            do += f", or expel it: hansa coordinator expel {home.folder} {name}"
        raise CharterError(f"{name} is no member under the key before this one", do=do, where=charter.name)
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


def _check_not_over(home: CoordinatorHome, name: str) -> None:
    """Raise FolderError once the run is over: its members and their keys change no more."""
    if home.finished() is not None:
        raise FolderError(
            "the run is over, and its members and their keys stay as they are",
            do=f"keep the line of {name} for the next run, and invite it there: hansa coordinator init",
            where=str(home.folder),
        )


def _inviting(home: CoordinatorHome, name: str) -> str:
    return f"hansa coordinator invite {home.folder} {name} KEY > {name}.invitation"


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
