"""The folder of a consortium's operator: keys, the server's certificate, the charter, and who was invited."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hansa.core.charter import Charter
from hansa.core.charter_reader import parse_charter
from hansa.core.errors import CharterError, FolderError
from hansa.crypto.identities import Succession
from hansa.crypto.signing import KEY_BYTES, SigningKey, signing_key
from hansa.nodes.changes import MEMBERS
from hansa.nodes.renewal import Renewal
from hansa.nodes.server_keys import check_servers
from hansa.nodes.stages import servers_of
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.membership import Membership, read_membership
from hansa.registry.folders import make_folder, read_json, write_json, write_text
from hansa.registry.identity import Identity, load_identity, make_identity
from hansa.registry.node_store import NodeStore
from hansa.transport import subjects
from hansa.transport.certificates import (
    AUTHORITY,
    SERVER,
    certificate_text,
    check_dates,
    make_authority,
    make_server_certificate,
    names_of,
    write_secret,
)
from hansa.transport.nats_link import Access
from hansa.transport.nats_server import NatsServer, Place, free_port
from hansa.transport.nats_tokens import Trust, trust, user_token

_ABOUT, _MEMBERS, _REVOKED, _CHARTER = "consortium.json", "members.json", "revoked.json", "charter.toml"
_RENEWED, _SERVERS = "renewed.json", "servers.json"
RESULT = "result.json"  # of the run, in its folder
_KEYS = ("operator", "account", "system")  # of the server, each in a file of its own
_RUN_BYTES = 8


@dataclass(frozen=True, slots=True)
class Reach:
    """Where parties find the server."""

    url: str = ""  # of the consortium's own cluster; empty: the coordinator starts a server of its own
    host: str = "127.0.0.1"  # where that one listens
    port: int = 0  # 0: one that is free
    names: tuple[str, ...] = ("127.0.0.1", "localhost")  # by which parties reach it, invitations by the first
    authority: Path | None = None  # a cluster's certificate is under it; None: one that all machines trust


class CoordinatorHome:
    """What lies in an operator's folder."""

    def __init__(self, folder: Path) -> None:
        """Read it. Raises FolderError where it is no operator's folder."""
        self.folder = folder
        self._about = _map(folder / _ABOUT)
        self.run = str(self._about["run"])

    @classmethod
    def make(cls, folder: Path, charter: Charter, text: str, reach: Reach, now: datetime) -> CoordinatorHome:
        """Return a new home for a charter. Raises FolderError where the folder is one already."""
        if (folder / _ABOUT).exists():
            raise FolderError(
                "is a coordinator's folder already", do="choose another folder", where=str(folder)
            )
        if not charter.roster:
            raise CharterError("names no party", do="name them: [party.NAME]", where=charter.name)
        authority = None if reach.authority is None else certificate_text(reach.authority)
        if _everywhere(reach.names[0]):
            raise FolderError(
                "is no address that parties can reach",
                do="add --named with this machine's name",
                where=reach.names[0],
            )
        make_folder(folder)
        make_identity(folder)
        for name in _KEYS:
            write_secret(folder / f"{name}.key", signing_key(os.urandom).secret)
        if not reach.url:
            make_authority(folder, now)
            make_server_certificate(folder, reach.names, now)
        elif authority is not None:
            write_text(folder / AUTHORITY, authority)
        write_text(folder / _CHARTER, text)
        write_json(folder / _MEMBERS, {})
        port = reach.port or (0 if reach.url else free_port(reach.host))  # invitations name it
        place = {"url": reach.url, "host": reach.host, "port": port, "named": reach.names[0]}
        write_json(folder / _ABOUT, {"run": os.urandom(_RUN_BYTES).hex(), **place})
        return cls(folder)

    @property
    def identity(self) -> Identity:
        """Return the coordinator's own keys."""
        return load_identity(self.folder)

    def charter(self) -> tuple[Charter, str]:
        """Return the charter and its text."""
        path = self.folder / _CHARTER
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise FolderError("cannot be read", do="put it back", where=str(path)) from fault
        return parse_charter(text, str(path)), text

    def members(self) -> dict[str, bytes]:
        """Return the public key of each party that was invited, by its name."""
        found = _map(self.folder / _MEMBERS)
        return {str(name): bytes.fromhex(key) for name, key in found.items()}

    def put_member(self, name: str, key: bytes | None) -> None:
        """Note a party's key, or that it is no member any more: its token then opens nothing."""
        members, revoked = self.members(), dict(_map(self.folder / _REVOKED))
        old = members.pop(name, None)
        if old is not None and old != key:
            revoked[old.hex()] = datetime.now(UTC).isoformat()
            write_json(self.folder / _REVOKED, revoked)
        if key is not None:
            if len(key) != KEY_BYTES:
                raise FolderError("is no public key", do="copy what hansa party init printed", where=name)
            members[name] = key
        write_json(self.folder / _MEMBERS, {one: own.hex() for one, own in members.items()})

    def renewals(self) -> dict[bytes, Renewal]:
        """Return each new key that an operator took, by the key that it follows."""
        found = {}
        for old, (_, new, signature, text) in _map(self.folder / _RENEWED).items():
            words = Succession(bytes.fromhex(old), bytes.fromhex(new), bytes.fromhex(signature))
            found[words.old] = Renewal(words, text)
        return found

    def put_renewal(self, name: str, renewal: Renewal) -> None:
        """Note that a party goes on under a new key; the one before is revoked once the members know it."""
        words = renewal.succession
        kept = dict(_map(self.folder / _RENEWED))
        since = datetime.now(UTC).isoformat()
        kept[words.old.hex()] = [since, words.new.hex(), words.signature.hex(), renewal.invitation]
        write_json(self.folder / _RENEWED, kept)
        members = self.members() | {name: words.new}
        write_json(self.folder / _MEMBERS, {one: own.hex() for one, own in members.items()})

    def listed(self) -> Membership | None:
        """Return the list of members of the run at work; None: it has not begun."""
        path = self.results / "node.db"
        if not path.exists():
            return None
        with closing(NodeStore(path)) as store:
            kept = store.state(MEMBERS)
        return None if kept is None else read_membership(kept, COORDINATOR)

    @property
    def results(self) -> Path:
        """Return the folder of the run."""
        return self.folder / "runs" / self.run

    def finished(self) -> dict[str, Any] | None:
        """Return what is known of the run once it is over; None: it has not begun, or can be gone on with."""
        path = self.results / RESULT
        result = read_json(path) if path.exists() else None
        return result if isinstance(result, dict) and result.get("state") == "finished" else None

    def name_servers(self, keys: Mapping[str, bytes]) -> None:
        """Keep the public key of each server beside the coordinator; another one takes another folder.

        Raises CharterError where these are not the servers of the charter, each with a key of its own.
        """
        charter, _ = self.charter()
        check_servers(charter, self.identity.signing.public, keys)
        write_json(self.folder / _SERVERS, {name: keys[name].hex() for name in servers_of(charter)})

    def servers(self) -> dict[str, bytes]:
        """Return the public key of each server beside the coordinator, by its name."""
        return {str(name): bytes.fromhex(key) for name, key in _map(self.folder / _SERVERS).items()}

    # --- the server ------------------------------------------------------------------------------------

    def revoked(self, listed: Membership | None) -> dict[bytes, datetime]:
        """Return the keys that open nothing any more, and since when; listed: the members of now."""
        at_work = set() if listed is None else set(listed.identities.values())
        found = dict(_map(self.folder / _REVOKED))
        for old, (since, *_) in _map(self.folder / _RENEWED).items():
            if bytes.fromhex(old) not in at_work:
                found.setdefault(old, since)
        return {bytes.fromhex(key): datetime.fromisoformat(when) for key, when in found.items()}

    def trust(self, now: datetime, listed: Membership | None = None) -> Trust:
        """Return what a server must know to let members in; listed: of now, or as the run keeps them."""
        system, revoked = self._key("system").public, self.revoked(listed or self.listed())
        return trust(self._key("operator"), self._key("account"), system, now, revoked)

    def server(self, now: datetime, listed: Membership | None = None) -> NatsServer | None:
        """Return the coordinator's own server, not started; None where the consortium has a cluster.

        listed: as `trust` takes it.
        """
        if self._about["url"]:
            return None
        certificate = self.folder / SERVER
        check_dates(certificate, now)
        place = Place(self.folder / "server", certificate, str(self._about["host"]), int(self._about["port"]))
        return NatsServer(place, self.trust(now, listed))

    def renew_certificate(self, now: datetime) -> datetime:
        """Make the server's certificate anew, for the same names; return when it ends. Raises FolderError."""
        certificate = self.folder / SERVER
        if self._about["url"]:
            raise FolderError(
                "has no server of its own",
                do="renew the cluster's certificates there",
                where=str(self.folder),
            )
        make_server_certificate(self.folder, names_of(certificate), now)
        return check_dates(certificate, now)

    @property
    def authority(self) -> Path | None:
        """Return the certificate that the server's is under; None: one that every machine trusts."""
        path = self.folder / AUTHORITY
        return path if path.exists() else None

    @property
    def urls(self) -> tuple[str, ...]:
        """Return where parties find the server."""
        if self._about["url"]:
            return tuple(str(self._about["url"]).split(","))
        return (f"tls://{self._about['named']}:{self._about['port']}",)

    def access(self, now: datetime) -> Access:
        """Return how the coordinator itself enters the server."""
        own = self.identity.signing
        token = user_token(self._key("account"), own.public, subjects.coordinator_rights(self.run), now)
        inbox = subjects.coordinator_inbox(self.run)
        return Access(self._own_urls(), self.authority, own, token, inbox)

    def _own_urls(self) -> tuple[str, ...]:
        """Return where the coordinator finds the server: its own beside it, whatever others call it."""
        if self._about["url"]:
            return self.urls
        host = "localhost" if _everywhere(self._about["host"]) else self._about["host"]
        return (f"tls://{host}:{self._about['port']}",)

    def token(self, name: str, key: bytes, now: datetime, days: int) -> str:
        """Return what lets a party into the server for so many days."""
        rights = subjects.party_rights(self.run, name)
        return user_token(self._key("account"), key, rights, now, now + timedelta(days=days))

    def _key(self, name: str) -> SigningKey:
        path = self.folder / f"{name}.key"
        try:
            secret = path.read_bytes()
        except OSError as fault:
            raise FolderError("cannot be read", do="put it back from a copy", where=str(path)) from fault
        if len(secret) != KEY_BYTES:
            raise FolderError("is damaged", do="put it back from a copy", where=str(path))
        return SigningKey(secret)


def _everywhere(host: str) -> bool:
    """Return whether a server that listens there does so on all addresses of its machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _map(path: Path) -> Mapping[str, Any]:
    if path.name in (_REVOKED, _RENEWED, _SERVERS) and not path.exists():
        return {}
    found = read_json(path)
    if not isinstance(found, dict):
        raise FolderError("is damaged", do="put it back from a copy", where=str(path))
    return dict(found)
