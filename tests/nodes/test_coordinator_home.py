"""An operator's folder: where parties find the server, and its certificate for another year."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hansa.core.charter_reader import parse_charter
from hansa.crypto.signing import signing_key
from hansa.nodes.coordinator_home import CoordinatorHome, Reach
from hansa.transport import subjects
from hansa.transport.certificates import check_dates, names_of
from hansa.transport.nats_link import Access
from tests.batteries.wire import linked

NOW = datetime.now(UTC)
CHARTER = (
    'name = "c"\nconsortium = "Three"\nparties = 3\nrounds = 2\ncompare = []\n[data]\nsource = "simulated"\n'
)


def home(folder: Path, reach: Reach, now: datetime = NOW) -> CoordinatorHome:
    return CoordinatorHome.make(folder / "hub", parse_charter(CHARTER, "the charter"), CHARTER, reach, now)


def test_parties_find_it_by_its_name_and_the_coordinator_beside_it(tmp_path: Path) -> None:
    anywhere = "0.0.0.0"  # noqa: S104 (a port that nobody else knows, for a second)
    hub = home(tmp_path, Reach(host=anywhere, names=("hub.example.org", anywhere, "localhost")))
    [url] = hub.urls
    assert url.startswith("tls://hub.example.org:")
    assert hub.access(NOW).urls == (url.replace("hub.example.org", "localhost"),)
    server = hub.server(NOW)
    assert server is not None
    with server, linked(hub.access(NOW)):
        pass


def test_a_certificate_is_renewed_for_the_same_names_and_parties_take_it(tmp_path: Path) -> None:
    hub = home(tmp_path, Reach(), NOW - timedelta(days=364, hours=12))
    path = hub.folder / "server.pem"
    assert check_dates(path, NOW) < NOW + timedelta(days=1)
    authority = (hub.folder / "authority.pem").read_bytes()
    ends = hub.renew_certificate(NOW)
    assert timedelta(days=364) < ends - NOW < timedelta(days=366)
    assert names_of(path) == ("127.0.0.1", "localhost")
    assert (hub.folder / "authority.pem").read_bytes() == authority
    key, server = signing_key(os.urandom), hub.server(NOW)
    assert server is not None
    token, inbox = hub.token("party-1", key.public, NOW, 1), subjects.party_inbox(hub.run, "party-1")
    with server, linked(Access(hub.urls, hub.authority, key, token, inbox)):
        pass


def test_what_servers_must_know_is_the_same_operator_every_time(tmp_path: Path) -> None:
    hub = home(tmp_path, Reach())
    later = hub.trust(NOW + timedelta(days=1))
    assert hub.trust(NOW).operator == later.operator
    assert hub.trust(NOW).accounts != later.accounts


@pytest.mark.parametrize("reach", [Reach(), Reach(url="tls://a:1,tls://b:2")])
def test_every_server_of_a_cluster_is_named(tmp_path: Path, reach: Reach) -> None:
    hub = home(tmp_path, reach)
    expected = ("tls://a:1", "tls://b:2") if reach.url else hub.urls
    assert hub.urls == hub.access(NOW).urls == expected
