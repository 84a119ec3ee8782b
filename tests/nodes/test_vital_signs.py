"""What a node's operator sees: what was counted, and how the node stands."""

import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hansa.core.errors import RefusedError
from hansa.crypto.signing import signing_key
from hansa.nodes.vital_signs import VitalSigns
from hansa.transport import subjects
from hansa.transport.memory import Memory
from hansa.transport.nats_link import Link
from tests.batteries.wire import PATIENCE, wire

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)


def echo(step: str, question: bytes) -> bytes:
    return question * 2


def refuse(step: str, question: bytes) -> bytes:
    raise RefusedError("no", do="ask why", where="anna")


def test_an_exchange_is_counted_by_its_bytes_and_refusals() -> None:
    signs = VitalSigns(lambda: NOON)
    transport = signs.asked(Memory({"anna": echo, "bert": refuse}))
    found = transport.exchange("1.0.training", {"anna": b"abc", "bert": b"abcde", "cleo": b"x"}, 1.0)
    counts = signs.counts
    assert set(found) == {"anna", "bert"}
    assert (counts.steps, counts.question_bytes, counts.answer_bytes, counts.refusals) == (1, 9, 6, 1)
    assert counts.step_seconds > 0.0
    assert signs.health()["missing"] == ["cleo"]


def test_a_partys_answers_are_counted_and_given_on_as_they_are() -> None:
    signs = VitalSigns(lambda: NOON)
    answer = signs.answered(echo, 5)
    assert answer("3.0.training", b"abc") == b"abcabc"
    assert answer("6.0.finish", b"") == b""
    counts = signs.counts
    assert (counts.steps, counts.question_bytes, counts.answer_bytes, counts.round) == (2, 3, 6, 5)
    with pytest.raises(RefusedError):
        signs.answered(refuse, 5)("3.0.training", b"abc")
    assert (counts.steps, counts.refusals) == (3, 1)


def test_the_state_follows_the_connection_and_the_parties(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    signs = VitalSigns(lambda: NOON)
    key = signing_key(os.urandom)
    with wire(tmp_path) as server:
        link = Link(
            server.access(key, subjects.party_rights("ab", "anna"), subjects.party_inbox("ab", "anna"))
        )
        signs.follow(link)
        assert signs.state == "starts"
        try:
            link.open(PATIENCE)
            assert (signs.state, signs.counts.connections) == ("runs", 1)
            assert signs.health()["connected_since"] == "2026-05-05T12:00:00+00:00"
            signs.waits_for("1.0.training", ["bert"])
            assert signs.state == "waits"
            server.server.stop()
            while link.is_up():
                time.sleep(0.01)
            assert (signs.state, signs.health()["connected_since"]) == ("disconnected", None)
            server.server.start()
            link.wait(PATIENCE)
            assert signs.counts.connections == 2
        finally:
            link.close()
    signs.end("finished")
    assert signs.state == "finished"
