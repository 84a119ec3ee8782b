"""A real NATS server carries what memory carries, and nothing that is forged, foreign, late or too large."""

import json
import logging
import os
import signal
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hansa.core.errors import LinkError, MessageError
from hansa.crypto.signing import signing_key
from hansa.transport import nats_objects as objects
from hansa.transport import subjects
from hansa.transport.envelope import ANSWER, INLINE_BYTES, QUESTION, Head, digest_of, signed
from hansa.transport.nats import COORDINATOR, End, NatsTransport
from hansa.transport.nats_link import Link
from hansa.transport.seam import Answer, Refusal, Transport
from tests.batteries.post import LARGE, NAMES, PATIENCE, PostBattery, echo, read
from tests.batteries.wire import Run, Wire, linked, run_of, wire

KEY = signing_key(os.urandom)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with wire(tmp_path_factory.mktemp("wire")) as found:
        yield found


class TestNats(PostBattery):
    @pytest.fixture(autouse=True)
    def _on(self, server: Wire) -> None:
        self.wire = server

    @contextmanager
    def over(self, parties: Mapping[str, Answer]) -> Iterator[Transport]:
        with run_of(self.wire, NAMES) as run, ExitStack() as stack:
            for name, answer in parties.items():
                stack.enter_context(run.party(name, answer))
            yield run.transport


# --- time ------------------------------------------------------------------------------------------------


def test_a_late_answer_counts_for_no_later_step(server: Wire) -> None:
    go = threading.Event()

    def slow(step: str, question: bytes) -> bytes:
        assert step != "1" or go.wait(PATIENCE)
        return echo(step, question)

    with run_of(server, ["anna"]) as run, run.party("anna", slow):
        assert run.transport.exchange("1", {"anna": b"?"}, 0.2) == {}
        go.set()
        assert read(run.transport.exchange("2", {"anna": b"?"}, PATIENCE)) == {"anna": b"2: ?"}


def test_a_large_question_can_be_fetched_after_its_exchange_until_another_is_asked(server: Wire) -> None:
    go, kept = threading.Event(), dict[str, bytes]()

    def slow(step: str, question: bytes) -> bytes:
        assert go.wait(PATIENCE)
        if question:
            kept[step] = echo(step, question)
        return kept.get(step, b"")

    with run_of(server, ["anna"]) as run, run.party("anna", slow):
        for step in ("1", "2"):  # it is at work on the first, and hears the second
            with run.transport.asking(PATIENCE) as asked:
                asked.ask(step, {"anna": LARGE if step == "2" else b"?"})
                assert asked.heard(0.2) == []
        with run.transport.asking(PATIENCE) as asked:
            go.set()
            asked.ask("2", {"anna": b""})
            assert read(dict(asked.heard(PATIENCE))) == {"anna": b"2: " + LARGE}
        assert len(run.transport._lying) == 1
        assert read(run.transport.exchange("3", {"anna": b"?"}, PATIENCE)) == {"anna": b"3: ?"}
        assert run.transport._lying == {}


def test_who_is_missing_is_asked_again_and_told(server: Wire) -> None:
    seen: list[str] = []
    go = threading.Event()

    def slow(step: str, question: bytes) -> bytes:
        seen.append(step)
        assert go.wait(PATIENCE)
        return echo(step, question)

    with run_of(server, ["anna", "bert"]) as run, run.party("anna", slow), run.party("bert", echo):
        threading.Timer(1.5, go.set).start()
        answers = run.transport.exchange("1", {"anna": b"?", "bert": b"?"}, PATIENCE)
        assert set(answers) == {"anna", "bert"}
        assert run.told == [("1", ["anna"])]
        time.sleep(0.1)
    assert seen == ["1"]  # the question that came while it worked on the same


def test_a_party_that_comes_later_is_asked_in_time(server: Wire) -> None:
    with run_of(server, ["anna"]) as run, ExitStack() as stack:

        def come() -> None:
            stack.enter_context(run.party("anna", echo))

        late = threading.Timer(0.5, come)
        late.start()
        assert read(run.transport.exchange("1", {"anna": b"?"}, PATIENCE)) == {"anna": b"1: ?"}
        late.join()


def test_an_answer_that_was_taken_is_not_replaced(server: Wire) -> None:
    def slow(step: str, question: bytes) -> bytes:
        time.sleep(0.5)
        return echo(step, question)

    with run_of(server, ["anna", "bert"]) as run, run.party("bert", slow):
        access = server.party_access(run.id, "anna", run.keys["anna"])
        with linked(access) as link:
            two = [signed(answer_head(run, "1", body), body, run.keys["anna"]) for body in (b"one", b"two")]
            replies(run, link, lambda: two)
            answers = run.transport.exchange("1", dict.fromkeys(("anna", "bert"), b"?"), PATIENCE)
    assert read(answers) == {"anna": b"one", "bert": b"1: ?"}


def test_one_step_is_under_way_once(server: Wire) -> None:
    with run_of(server, ["anna"]) as run:
        first = threading.Thread(target=run.transport.exchange, args=("1", {"anna": b"?"}, 0.5))
        first.start()
        time.sleep(0.1)
        with pytest.raises(ValueError, match="under way"):
            run.transport.exchange("1", {"anna": b"?"}, 0.5)
        first.join()


def test_a_run_is_named_in_hexadecimal_digits(server: Wire) -> None:
    with closing(Link(server.coordinator_access("ab", KEY))) as link:
        for wrong in ("", "a.b", "*", ">", "a" * 33, "north"):
            with pytest.raises(ValueError, match="no id of a run"):
                End(link, wrong, "anna", KEY)


# --- who comes and goes ----------------------------------------------------------------------------------


def test_a_party_is_added_while_the_others_stay(server: Wire) -> None:
    with run_of(server, ["anna"]) as run, run.party("anna", echo):
        assert set(run.transport.exchange("1", {"anna": b"?"}, PATIENCE)) == {"anna"}
        pid = server.server.pid
        run.admit("bert")
        with run.party("bert", echo):
            both = dict.fromkeys(("anna", "bert"), b"?")
            assert set(run.transport.exchange("2", both, PATIENCE)) == {"anna", "bert"}
        assert server.server.pid == pid


def test_a_coordinator_that_starts_anew_is_answered(server: Wire) -> None:
    with run_of(server, ["anna"]) as run, run.party("anna", echo):
        assert set(run.transport.exchange("1", {"anna": LARGE}, PATIENCE)) == {"anna"}
        run.transport.close()
        keys = {"anna": run.keys["anna"].public}
        with linked(server.coordinator_access(run.id, run.key)) as link:
            end = End(link, run.id, COORDINATOR, run.key, largest=1 << 25)  # the buckets change with it
            again = NatsTransport(end, keys, lambda step, missing: None)
            assert read(again.exchange("1", {"anna": LARGE}, PATIENCE)) == {"anna": b"1: " + LARGE}
            again.close()


def test_who_is_expelled_is_not_waited_for_and_not_heard(server: Wire) -> None:
    with run_of(server, ["anna", "bert"]) as run, run.party("anna", echo):
        both = dict.fromkeys(("anna", "bert"), b"?")
        threading.Timer(0.3, run.transport.expel, ("bert",)).start()
        begun = time.perf_counter()
        assert set(run.transport.exchange("1", both, PATIENCE)) == {"anna"}
        assert time.perf_counter() - begun < PATIENCE / 2
        with run.party("bert", echo):
            assert set(run.transport.exchange("2", both, PATIENCE)) == {"anna"}
        run.transport.admit("bert", run.keys["bert"].public)


# --- hostile messages -------------------------------------------------------------------------------------


def answer_head(run: Run, step: str, body: bytes) -> Head:
    return Head(run.id, step, "anna", COORDINATOR, ANSWER, len(body), digest_of(body))


def replies(run: Run, link: Link, contents: Callable[[], Sequence[bytes]]) -> None:
    """Have each question to Anna answered with what a call returns, whatever it is."""

    def heard(question: bytes) -> None:
        link.publish([(subjects.from_party(run.id, "anna"), content) for content in contents()])

    link.hear(subjects.to_party(run.id, "anna"), heard)


def false_answers(run: Run, step: str) -> list[bytes]:
    """Return what is no answer of Anna's to the step."""
    key, head = run.keys["anna"], answer_head(run, step, b"false")
    far = replace(head, place="ab" * 8, key=bytes(32))
    return [
        signed(head, b"false", signing_key(os.urandom)),
        signed(replace(head, sender="bert"), b"false", key),
        signed(replace(head, sender="carl"), b"false", key),
        signed(replace(head, run="ff"), b"false", key),
        signed(replace(head, to="bert"), b"false", key),
        signed(replace(head, step="0"), b"false", key),
        signed(replace(head, kind=QUESTION), b"false", key),
        signed(replace(far, size=1 << 40), b"", key),
        signed(head, b"other", key),
        b"",
        os.urandom(1000),
        b"\x80\x04\x95pickle.",
        bytes(INLINE_BYTES + 100_000),
    ]


def test_the_honest_answer_counts_after_all_that_is_forged(
    server: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    with run_of(server, ["anna", "bert"]) as run:
        access = server.party_access(run.id, "anna", run.keys["anna"])
        false = false_answers(run, "1")
        turns = iter([false, [signed(answer_head(run, "1", b"true"), b"true", run.keys["anna"])]])
        with linked(access) as hostile, run.party("bert", echo):
            replies(run, hostile, lambda: next(turns))
            with caplog.at_level(logging.WARNING, "hansa"):
                answers = run.transport.exchange("1", dict.fromkeys(("anna", "bert"), b"?"), PATIENCE)
            assert read(answers) == {"anna": b"true", "bert": b"1: ?"}
            assert run.told == [("1", ["anna"])]  # nothing that was forged was taken for an answer
    dropped = [line for line in caplog.messages if "message dropped" in line]
    assert len(dropped) == len(false) - 1  # an answer to another step is merely late
    assert "false" not in caplog.text


def test_a_message_that_is_sent_again_later_counts_no_more(server: Wire) -> None:
    with run_of(server, ["anna"]) as run:
        access = server.party_access(run.id, "anna", run.keys["anna"])
        old = signed(answer_head(run, "1", b"old"), b"old", run.keys["anna"])
        with linked(access) as link:
            replies(run, link, lambda: [old])
            assert read(run.transport.exchange("1", {"anna": b"?"}, PATIENCE)) == {"anna": b"old"}
            assert run.transport.exchange("2", {"anna": b"?"}, 0.4) == {}


@pytest.mark.parametrize("fault", ["absent", "digest", "key", "longer", "shorter", "none"])
def test_a_body_that_is_not_there_or_another_is_found_out_when_it_is_read(server: Wire, fault: str) -> None:
    body = LARGE[: INLINE_BYTES + 1]
    with run_of(server, ["anna"]) as run:
        access = server.party_access(run.id, "anna", run.keys["anna"])
        with linked(access) as link:
            place, key = objects.store(link, subjects.party_bucket(run.id, "anna"), body, PATIENCE)
            head = replace(answer_head(run, "1", body), place=place, key=key)
            false = {
                "absent": replace(head, place="ab" * 8),
                "digest": replace(head, digest=bytes(32)),
                "key": replace(head, key=bytes(32)),
                "longer": replace(head, size=len(body) + 1),
                "shorter": replace(head, size=len(body) - 1),
                "none": head,
            }
            replies(run, link, lambda: [signed(false[fault], b"", run.keys["anna"])])
            answer = run.transport.exchange("1", {"anna": b"?"}, PATIENCE)["anna"]
            assert not isinstance(answer, Refusal)
            if fault == "none":
                assert answer.read() == body
            else:
                with pytest.raises(MessageError, match="anna"):
                    answer.read()


def test_a_body_that_claims_a_gigabyte_takes_the_memory_of_what_is_there(server: Wire) -> None:
    body = LARGE[: INLINE_BYTES + 1]
    with run_of(server, ["anna"]) as run:
        access = server.party_access(run.id, "anna", run.keys["anna"])
        with linked(access) as link:
            place, key = objects.store(link, subjects.party_bucket(run.id, "anna"), body, PATIENCE)
            head = replace(answer_head(run, "1", body), place=place, key=key, size=1 << 30)
            replies(run, link, lambda: [signed(head, b"", run.keys["anna"])])
            answer = run.transport.exchange("1", {"anna": b"?"}, PATIENCE)["anna"]
            assert not isinstance(answer, Refusal)
            tracemalloc.start()
            try:
                with pytest.raises(MessageError, match="anna"):
                    answer.read()
                _, most = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
    assert most < 8 * len(body)


def test_a_body_is_removed_when_nobody_holds_it(server: Wire) -> None:
    with run_of(server, ["anna"]) as run, run.party("anna", lambda step, question: LARGE):
        answers = run.transport.exchange("1", {"anna": LARGE}, PATIENCE)
        assert stored(run) == [0, 16]  # pieces of the question, which is answered, and of the answer
        assert read(answers) == {"anna": LARGE}
        del answers
        assert stored(run) == [0, 0]


def stored(run: Run) -> list[int]:
    """Return how many pieces lie in the shared bucket and in Anna's."""

    async def count(bucket: subjects.Bucket) -> int:
        reply = await run.link.client.request(f"$JS.API.STREAM.INFO.{bucket.name}", b"", 5)
        return int(json.loads(reply.data)["state"]["messages"])

    time.sleep(0.1)  # removing is asked for and not waited for
    return [
        run.link.ask(count, one)
        for one in (subjects.shared_bucket(run.id), subjects.party_bucket(run.id, "anna"))
    ]


def test_a_party_hears_its_coordinator_alone(server: Wire) -> None:
    seen: list[bytes] = []

    def noting(step: str, question: bytes) -> bytes:
        seen.append(question)
        return b""

    with run_of(server, ["anna"]) as run, run.party("anna", noting):
        head = Head(run.id, "9", COORDINATOR, "anna", QUESTION, 5, digest_of(b"false"))
        subject = subjects.to_party(run.id, "anna")
        for content in (
            signed(head, b"false", signing_key(os.urandom)),
            signed(replace(head, sender="anna"), b"false", run.keys["anna"]),
            signed(replace(head, run="ff"), b"false", run.key),
            signed(replace(head, to="bert"), b"false", run.key),
            signed(replace(head, kind=ANSWER), b"false", run.key),
            signed(replace(head, place="ab" * 8, key=bytes(32), size=1 << 40), b"", run.key),
            b"garbage",
        ):
            run.link.publish([(subject, content)])
        assert set(run.transport.exchange("1", {"anna": b"true"}, PATIENCE)) == {"anna"}
    assert seen == [b"true"]


# --- a server that dies ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, len(LARGE)])
def test_an_exchange_outlives_a_server_that_is_killed(tmp_path: Path, size: int) -> None:
    asked = threading.Event()

    def slow(step: str, question: bytes) -> bytes:
        asked.set()
        time.sleep(0.3)
        return echo(step, question)

    with wire(tmp_path) as own, run_of(own, ["anna", "bert"]) as run, ExitStack() as stack:
        for name in ("anna", "bert"):
            stack.enter_context(run.party(name, slow))
        url = own.server.url

        def kill() -> None:
            assert asked.wait(PATIENCE)
            os.kill(own.server.pid, signal.SIGKILL)
            time.sleep(0.5)
            own.server.start()

        killer = threading.Thread(target=kill)
        killer.start()
        question = LARGE[:size]
        found = read(run.transport.exchange("1", dict.fromkeys(("anna", "bert"), question), PATIENCE))
        killer.join()
        assert found == dict.fromkeys(("anna", "bert"), b"1: " + question)
        assert own.server.url == url


@pytest.mark.slow
def test_an_exchange_outlives_a_server_that_stands_still(tmp_path: Path) -> None:
    with wire(tmp_path) as own, run_of(own, ["anna"]) as run, run.party("anna", echo):
        os.kill(own.server.pid, signal.SIGSTOP)
        threading.Timer(15, os.kill, (own.server.pid, signal.SIGCONT)).start()
        assert read(run.transport.exchange("1", {"anna": b"?"}, 60.0)) == {"anna": b"1: ?"}


def test_a_link_that_nobody_lets_in_says_why(server: Wire) -> None:
    stranger = signing_key(os.urandom)
    access = server.party_access("ab", "anna", stranger)
    for wrong, says in (
        (replace(access, key=signing_key(os.urandom)), "Authorization Violation"),
        (replace(access, urls=("tls://127.0.0.1:1",)), "127.0.0.1:1"),
        (replace(access, token=access.token[:-1]), "Authorization Violation"),
    ):
        link = Link(wrong)
        try:
            with pytest.raises(LinkError, match=says):
                link.open(0.7)
        finally:
            link.close()
