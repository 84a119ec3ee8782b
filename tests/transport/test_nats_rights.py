"""A party can neither read nor write what is another's, nor use the server for anything but its own part."""

import json
import logging
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hansa.core.errors import LinkError, MessageError
from hansa.crypto.signing import SigningKey, signing_key
from hansa.transport import nats_objects as objects
from hansa.transport import subjects
from hansa.transport.nats_link import Access, Link
from hansa.transport.nats_tokens import OPERATOR, USER, nkey, nonce_signature, user_token
from tests.batteries.post import PATIENCE, echo
from tests.batteries.wire import NOW, Run, Wire, linked, run_of, wire


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with wire(tmp_path_factory.mktemp("wire")) as found:
        yield found


@pytest.fixture
def run(server: Wire) -> Iterator[Run]:
    with run_of(server, ["anna", "bert"]) as found:
        yield found


@pytest.fixture
def anna(run: Run) -> Iterator[Link]:
    with linked(run.wire.party_access(run.id, "anna", run.keys["anna"])) as link:
        yield link


def forbidden(caplog: pytest.LogCaptureFixture, link: Link, kind: str, subject: str) -> bool:
    """Return whether the server says so; it says it after whatever it was asked before."""
    link.ask(_round_trip, link)
    return any(f'permissions violation for {kind} to "{subject.lower()}"' in line for line in caplog.messages)


async def _round_trip(link: Link) -> None:
    for _ in range(2):  # the client's question may overtake what was sent before
        await link.client.flush()


def test_a_party_sends_nothing_in_anothers_name(
    run: Run, anna: Link, caplog: pytest.LogCaptureFixture
) -> None:
    other, own = subjects.party_bucket(run.id, "bert"), subjects.party_bucket(run.id, "anna")
    for subject in (
        subjects.from_party(run.id, "bert"),
        subjects.to_party(run.id, "bert"),
        subjects.to_party(run.id, "anna"),
        subjects.from_party("ff", "anna"),
        subjects.party_inbox(run.id, "bert") + ".x",
        other.subject("ab"),
        subjects.shared_bucket(run.id).subject("ab"),
        other.reading,
        own.reading,
        f"$JS.API.STREAM.PURGE.{other.name}",
        f"$JS.API.STREAM.INFO.{own.name}",
        f"$JS.API.STREAM.MSG.GET.{other.name}",
        f"$JS.API.CONSUMER.CREATE.{other.name}",
        "$JS.API.STREAM.NAMES",
        "$JS.API.INFO",
        "$SYS.REQ.SERVER.PING",
        "elsewhere",
    ):
        anna.publish([(subject, b"{}")])
        assert forbidden(caplog, anna, "publish", subject), subject


def test_a_party_hears_nothing_that_is_anothers(
    run: Run, anna: Link, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[bytes] = []
    for subject in (
        subjects.to_party(run.id, "bert"),
        subjects.from_party(run.id, "bert"),
        subjects.from_party(run.id, "anna"),
        subjects.from_all(run.id),
        subjects.party_inbox(run.id, "bert") + ".>",
        subjects.coordinator_inbox(run.id) + ".>",
        subjects.shared_bucket(run.id).subject("*"),
        f"hansa.{run.id}.>",
        "_INBOX.>",
        "$SYS.>",
        ">",
    ):
        anna.hear(subject, heard.append)
        assert forbidden(caplog, anna, "subscription", subject), subject
    with run.party("bert", echo):
        assert set(run.transport.exchange("1", {"bert": b"secret"}, PATIENCE)) == {"bert"}
    anna.ask(_round_trip, anna)
    assert heard == []


def test_what_another_was_asked_at_length_lies_there_encrypted(run: Run, anna: Link) -> None:
    secret = b"addressed to bert alone " * 100
    shared = subjects.shared_bucket(run.id)
    objects.store(run.link, shared, secret, PATIENCE)

    async def first(link: Link) -> bytes:
        reply = await link.client.request(shared.reading, json.dumps({"seq": 1}).encode(), 5)
        return reply.data

    found = anna.ask(first, anna)
    assert len(found) == len(secret)
    assert b"bert" not in found


def test_a_buckets_oldest_pieces_go_when_it_is_full(server: Wire) -> None:
    with run_of(server, ["anna"], largest=600_000) as run:
        access = server.party_access(run.id, "anna", run.keys["anna"])
        with linked(access) as link:
            for _ in range(4):
                objects.store(link, subjects.party_bucket(run.id, "anna"), bytes(1_000_000), PATIENCE)
        info = run.link.ask(_stored_bytes, run.link, subjects.party_bucket(run.id, "anna"))
        assert 0 < info <= 1_200_000


async def _stored_bytes(link: Link, bucket: subjects.Bucket) -> int:
    reply = await link.client.request(f"$JS.API.STREAM.INFO.{bucket.name}", b"", 5)
    return int(json.loads(reply.data)["state"]["bytes"])


def refused(access: Access) -> str:
    """Return why a link does not come up."""
    link = Link(access)
    try:
        with pytest.raises(LinkError) as why:
            link.open(0.5)
        return str(why.value)
    finally:
        link.close()


def test_a_token_ends_when_it_says_so(server: Wire, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    key = signing_key(os.urandom)
    good = server.party_access("ab", "anna", key)
    with linked(good):
        pass
    rights = subjects.party_rights("ab", "anna")
    for token in (
        user_token(server.account, key.public, rights, NOW - timedelta(days=2), NOW - timedelta(days=1)),
        user_token(signing_key(os.urandom), key.public, rights, NOW),  # of another account
        user_token(server.account, signing_key(os.urandom).public, rights, NOW),  # of another user
    ):
        access = Access(good.urls, good.authority, key, token, good.inbox)
        assert "Authorization Violation" in refused(access)


def test_who_is_revoked_comes_in_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    gone, stays = signing_key(os.urandom), signing_key(os.urandom)
    with wire(tmp_path, revoked={gone.public: NOW}) as own:
        assert "Authorization Violation" in refused(own.party_access("ab", "anna", gone))
        with linked(own.party_access("ab", "bert", stays)):
            pass


def test_a_key_is_written_as_nats_writes_it() -> None:
    public = SigningKey(bytes(range(32))).public
    assert nkey(USER, public)[0] == "U"
    assert nkey(OPERATOR, public)[0] == "O"
    assert len(nkey(USER, public)) == 56


@pytest.mark.parametrize("nonce", ["", "short", "hansa message\0" + "a" * 20, "a" * 200, "ümlaut-ümlaut"])
def test_what_does_not_look_like_a_nonce_is_not_signed(nonce: str) -> None:
    with pytest.raises(MessageError, match="nonce"):
        nonce_signature(SigningKey(bytes(32)), nonce)
