"""A real NATS server on a free loopback port, over TLS, and both ends of runs on it."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hansa.crypto.signing import SigningKey, signing_key
from hansa.transport import subjects
from hansa.transport.certificates import make_authority, make_server_certificate
from hansa.transport.nats import COORDINATOR, End, NatsTransport
from hansa.transport.nats_door import NatsDoor
from hansa.transport.nats_link import Access, Link
from hansa.transport.nats_server import NatsServer, Place
from hansa.transport.nats_tokens import trust, user_token
from hansa.transport.seam import Answer
from hansa.transport.subjects import Rights

NOW = datetime.now(UTC)
PATIENCE = 20.0


@dataclass
class Wire:
    """A server, and what lets users in."""

    server: NatsServer
    authority: Path
    account: SigningKey
    way: str = ""  # where users find it; empty: straight

    def access(self, key: SigningKey, rights: Rights, inbox: str) -> Access:
        """Return what a user with these rights shows."""
        token = user_token(self.account, key.public, rights, NOW)
        return Access((self.way or self.server.url,), self.authority, key, token, inbox)

    def party_access(self, run: str, name: str, key: SigningKey) -> Access:
        """Return what a party shows."""
        return self.access(key, subjects.party_rights(run, name), subjects.party_inbox(run, name))

    def coordinator_access(self, run: str, key: SigningKey) -> Access:
        """Return what the coordinator shows."""
        return self.access(key, subjects.coordinator_rights(run), subjects.coordinator_inbox(run))


@contextmanager
def wire(
    folder: Path,
    hosts: Sequence[str] = ("127.0.0.1",),
    made: datetime = NOW,
    revoked: Mapping[bytes, datetime] | None = None,
) -> Iterator[Wire]:
    """Yield a server that runs, with an account of its own; made: when its certificate was."""
    authority = make_authority(folder, NOW - timedelta(days=1000))
    certificate = make_server_certificate(folder, hosts, made)
    account = signing_key(os.urandom)
    trusted = trust(signing_key(os.urandom), account, signing_key(os.urandom).public, NOW, revoked)
    with NatsServer(Place(folder / "server", certificate), trusted) as server:
        yield Wire(server, authority, account)


@contextmanager
def linked(access: Access) -> Iterator[Link]:
    """Yield a link that is up."""
    link = Link(access)
    try:
        link.open(PATIENCE)
        yield link
    finally:
        link.close()


@dataclass
class Run:
    """A run's coordinator, and the keys of all."""

    wire: Wire
    id: str
    key: SigningKey
    keys: dict[str, SigningKey]
    transport: NatsTransport
    link: Link
    told: list[tuple[str, list[str]]] = field(default_factory=list)

    def admit(self, name: str) -> None:
        """Let one more party in."""
        self.keys[name] = signing_key(os.urandom)
        self.transport.admit(name, self.keys[name].public)

    @contextmanager
    def party(self, name: str, answer: Answer) -> Iterator[Link]:
        """Yield the link of a party that answers meanwhile."""
        over, heard = threading.Event(), threading.Event()

        def closing() -> bool:
            heard.set()
            return over.is_set()

        with linked(self.wire.party_access(self.id, name, self.keys[name])) as link:
            door = NatsDoor(End(link, self.id, name, self.keys[name]), self.key.public)
            thread = threading.Thread(target=door.serve, args=(answer, closing))
            thread.start()
            assert heard.wait(PATIENCE)
            try:
                yield link
            finally:
                over.set()
                thread.join()


@contextmanager
def run_of(wire: Wire, names: Sequence[str], **limits: int) -> Iterator[Run]:
    """Yield a run of which no party is there yet."""
    run, key = os.urandom(4).hex(), signing_key(os.urandom)
    keys = {name: signing_key(os.urandom) for name in names}
    told: list[tuple[str, list[str]]] = []
    with linked(wire.coordinator_access(run, key)) as link:
        end = End(link, run, COORDINATOR, key, **limits)
        public = {name: one.public for name, one in keys.items()}
        transport = NatsTransport(end, public, lambda step, missing: told.append((step, list(missing))))
        try:
            yield Run(wire, run, key, keys, transport, link, told)
        finally:
            transport.close()
            for name in keys:
                transport.expel(name)
