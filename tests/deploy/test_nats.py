"""A consortium's own NATS cluster: what is in deploy/ starts, and lets in whom the operator invited."""

import logging
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from hansa.cli.main import cli
from hansa.core.charter_reader import parse_charter
from hansa.core.errors import FolderError, LinkError
from hansa.crypto.signing import signing_key
from hansa.nodes.coordinator_home import CoordinatorHome, Reach
from hansa.nodes.inviting import invitation_text
from hansa.nodes.joining import accepted
from hansa.nodes.party_home import PartyHome
from hansa.protection.enrolment import COORDINATOR
from hansa.transport.nats import End, NatsTransport
from hansa.transport.nats_door import NatsDoor
from hansa.transport.nats_link import Access, Link
from tests.batteries.wire import PATIENCE, linked
from tests.deploy.cluster import NAMES, PROGRAM, Cluster, certificates, free_ports, running

NOW = datetime.now(UTC)
CHARTER = """
name = "c"
consortium = "Three airlines"
parties = 3
rounds = 2
compare = []
[data]
source = "simulated"
"""


def home(folder: Path, urls: str, authority: Path) -> CoordinatorHome:
    """Return the operator's folder for a cluster."""
    charter = parse_charter(CHARTER, "the charter")
    reach = Reach(url=urls, authority=authority)
    return CoordinatorHome.make(folder / "hub", charter, CHARTER, reach, NOW)


def accounts(hub: CoordinatorHome) -> str:
    """Return what the operator gives to the cluster."""
    done = CliRunner().invoke(cli, ["coordinator", "accounts", str(hub.folder)])
    assert done.exit_code == 0, done.output
    return done.output


def joined(hub: CoordinatorHome, folder: Path, name: str) -> Access:
    """Return how a party enters that was invited and has joined."""
    party = PartyHome.make(folder / name, name)
    text = invitation_text(hub, name, party.identity.signing.public.hex(), NOW, 30)
    (folder / f"{name}.invitation").write_text(text, encoding="ascii")
    party, found, text, _ = accepted(party.folder, folder / f"{name}.invitation")
    party.join(found, text, None)
    return party.access(found)


@contextmanager
def one_server(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server of the operator's own that includes accounts.conf."""
    (folder / "server.conf").write_text(
        f'listen: "127.0.0.1:{port}"\ntls {{ cert_file: "{folder}/tls/nats-1/server.pem"\n'
        f'key_file: "{folder}/tls/nats-1/server.key"\nhandshake_first: true }}\n'
        f'jetstream {{ store_dir: "{folder}/store" }}\ninclude "accounts.conf"\n'
    )
    process = subprocess.Popen(
        [str(PROGRAM), "--config", str(folder / "server.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def refused(access: Access) -> str:
    """Return why a server that runs does not let somebody in."""
    link = Link(access)
    try:
        with pytest.raises(LinkError) as why:
            link.open(0.7)
        return str(why.value)
    finally:
        link.close()


def test_a_server_with_the_include_lets_the_invited_in_and_nobody_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    authority, [port] = certificates(tmp_path), free_ports(1)
    hub = home(tmp_path, f"tls://127.0.0.1:{port}", authority)
    one, two = joined(hub, tmp_path, "party-1"), joined(hub, tmp_path, "party-2")
    (tmp_path / "accounts.conf").write_text(accounts(hub))
    stranger = signing_key(os.urandom)
    with one_server(tmp_path, port) as server:
        for access in (one, two, hub.access(NOW)):
            with linked(access):
                pass
        for other in (replace(one, key=stranger), replace(one, token=two.token), replace(one, token="")):
            assert "authorization violation" in refused(other).lower()
        elsewhere = home(tmp_path / "elsewhere", f"tls://127.0.0.1:{port}", authority)
        other = joined(elsewhere, tmp_path / "elsewhere", "party-1")
        assert "authorization violation" in refused(other).lower()

        with linked(two) as link:
            hub.put_member("party-2", None)
            (tmp_path / "accounts.conf").write_text(accounts(hub))
            server.send_signal(signal.SIGHUP)
            ends = time.monotonic() + PATIENCE
            while link.is_up():
                assert time.monotonic() < ends, "who is revoked is put out"
                time.sleep(0.02)
        assert "authorization violation" in refused(two).lower()
        with linked(one):
            pass


def test_the_include_names_nobody_and_holds_no_secret(tmp_path: Path) -> None:
    hub = home(tmp_path, "tls://127.0.0.1:4222", certificates(tmp_path))
    joined(hub, tmp_path, "party-1")
    said = accounts(hub)
    assert re.findall(r"^(\w+):", said, re.MULTILINE) == [
        "operator", "system_account", "resolver", "resolver_preload",
    ]  # fmt: skip
    assert "party-1" not in said
    for key in hub.folder.glob("*.key"):
        secret = key.read_bytes()
        assert secret not in said.encode()
        assert secret.hex() not in said


def test_three_servers_take_the_configuration_of_deploy(tmp_path: Path) -> None:
    authority, cluster = certificates(tmp_path), Cluster(tmp_path)
    cluster.write(accounts(home(tmp_path, cluster.urls, authority)))
    for name in NAMES:
        done = cluster.checked(name)
        assert done.returncode == 0, done.stderr
    conf = tmp_path / "nats-2" / "server.conf"
    conf.write_text(conf.read_text() + "\nmax_pyload: 1\n")
    assert cluster.checked("nats-2").returncode != 0  # the check sees a key that is none


def test_a_certificate_that_is_no_authority_or_of_a_cluster_is_said(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("nothing")
    with pytest.raises(FolderError, match="is no certificate"):
        home(tmp_path, "tls://127.0.0.1:4222", tmp_path / "key.pem")
    assert not (tmp_path / "hub").exists()
    hub = home(tmp_path, "tls://127.0.0.1:4222", certificates(tmp_path))
    with pytest.raises(FolderError, match="renew the cluster's certificates there"):
        hub.renew_certificate(NOW)


@pytest.mark.slow
def test_three_servers_carry_a_run_and_go_on_without_any_one_of_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    authority, cluster = certificates(tmp_path), Cluster(tmp_path)
    hub = home(tmp_path, cluster.urls, authority)
    access, own = joined(hub, tmp_path, "party-1"), hub.identity.signing
    cluster.write(accounts(hub))
    with running(cluster), linked(hub.access(NOW)) as link, linked(access) as party:
        transport = _transport(End(link, hub.run, COORDINATOR, own), access.key.public)
        with _serving(NatsDoor(End(party, hub.run, "party-1", access.key), own.public)):
            body = os.urandom(3 << 20)
            for step in ("1", "2"):
                found = transport.exchange(step, {"party-1": body}, 60.0)
                assert found["party-1"].read() == body
            for name in NAMES:
                cluster.kill(name)
                found = transport.exchange(f"without {name}", {"party-1": b"small"}, 60.0)
                assert found["party-1"].read() == b"small"
                cluster.start(name)
                _await_all(cluster)
            found = transport.exchange("3", {"party-1": body}, 90.0)
            assert found["party-1"].read() == body


def _transport(end: End, key: bytes) -> NatsTransport:
    """Return a transport once the cluster has elected who keeps its store."""
    ends = time.monotonic() + PATIENCE * 2
    while True:
        try:
            return NatsTransport(end, {"party-1": key}, lambda step, missing: None)
        except LinkError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.5)


@contextmanager
def _serving(door: NatsDoor) -> Iterator[None]:
    over = threading.Event()
    thread = threading.Thread(target=door.serve, args=(lambda step, question: question, over.is_set))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _await_all(cluster: Cluster) -> None:
    for port in cluster.clients.values():
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
