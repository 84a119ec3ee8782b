"""A consortium on loopback for measurements: a NATS server with TLS, and parties that are processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hansa.crypto.signing import SigningKey, signing_key
from hansa.transport import subjects
from hansa.transport.certificates import AUTHORITY, make_authority, make_server_certificate
from hansa.transport.nats import COORDINATOR, End, NatsTransport
from hansa.transport.nats_link import Access, Link
from hansa.transport.nats_server import NatsServer, Place
from hansa.transport.nats_tokens import trust, user_token
from hansa.transport.subjects import Rights

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Seat:
    """What one node needs to enter."""

    run: str
    key: SigningKey = field(repr=False)
    coordinator: bytes
    access: Access


def seat_of(folder: Path, name: str) -> Seat:
    """Return a party's seat from what was written for it."""
    value = json.loads((folder / f"{name}.seat").read_text(encoding="utf-8"))
    key = SigningKey(bytes.fromhex(value["key"]))
    inbox = subjects.party_inbox(value["run"], name)
    access = Access((value["url"],), folder / AUTHORITY, key, value["token"], inbox)
    return Seat(value["run"], key, bytes.fromhex(value["coordinator"]), access)


@contextmanager
def consortium(
    folder: Path, names: Sequence[str], size: int
) -> Iterator[tuple[NatsTransport, Link, NatsServer]]:
    """Yield the coordinator's end of a run whose parties answer with so many bytes, once all are there."""
    now, run, key = datetime.now(UTC), os.urandom(4).hex(), signing_key(os.urandom)
    make_authority(folder, now)
    certificate = make_server_certificate(folder, ["127.0.0.1"], now)
    account = signing_key(os.urandom)
    trusted = trust(signing_key(os.urandom), account, signing_key(os.urandom).public, now)
    keys = {name: signing_key(os.urandom) for name in names}
    with NatsServer(Place(folder / "server", certificate), trusted) as server:
        for name, own in keys.items():
            token = user_token(account, own.public, subjects.party_rights(run, name), now)
            seat = {"run": run, "key": own.secret.hex(), "coordinator": key.public.hex()}
            seat |= {"url": server.url, "token": token}
            (folder / f"{name}.seat").write_text(json.dumps(seat), encoding="utf-8")
        everything = Rights((">",), (">",))  # to compare with raw NATS on the same connection
        token = user_token(account, key.public, everything, now)
        inbox = subjects.coordinator_inbox(run)
        link = Link(Access((server.url,), folder / AUTHORITY, key, token, inbox))
        link.open(_PATIENCE_S)
        end = End(link, run, COORDINATOR, key)
        transport = NatsTransport(end, {name: own.public for name, own in keys.items()}, lambda *_: None)
        with _processes(folder, names, size):
            try:
                transport.exchange("0.0.ready", dict.fromkeys(names, b""), _PATIENCE_S)
                yield transport, link, server
            finally:
                transport.close()
                link.close()


@contextmanager
def _processes(folder: Path, names: Sequence[str], size: int) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.deployed_party", str(folder)]
    children = [subprocess.Popen([*command, name, str(size)]) for name in names]  # noqa: S603 (our own)
    try:
        yield
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait()
