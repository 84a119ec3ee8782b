"""Flower carries what memory carries: its own grid, messages and ClientApp, its nodes as threads here.

Skipped where Flower is not installed: pip install 'hansa[flower]'.
"""

import importlib
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from importlib.util import find_spec
from typing import Any
from uuid import uuid4

import pytest

from hansa.core.errors import LinkError, MessageError
from hansa.crypto.signing import SigningKey, signing_key
from hansa.transport.envelope import ANSWER, QUESTION
from hansa.transport.flower import FlowerTransport
from hansa.transport.flower_door import Desk, client_app
from hansa.transport.flower_letters import COORDINATOR, QUERY, Writer
from hansa.transport.flower_quiet import quiet_flower
from hansa.transport.seam import Answer, Transport
from tests.batteries.post import LARGE, NAMES, PATIENCE, PostBattery, echo, read

if find_spec("flwr") is None:  # not importorskip: the adapter must be the first to import it
    pytest.skip("Flower is not installed: pip install 'hansa[flower]'", allow_module_level=True)

RUN = "0a1b2c3d"


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    with warnings.catch_warnings(action="ignore"):  # what Flower uses is about to go from its own libraries
        client_app(lambda _: None)  # type: ignore[arg-type]
        importlib.import_module("flwr.superlink.grid")


class Federation:
    """Flower's own state and grid in this process, and a thread for each node."""

    def __init__(self) -> None:
        flower = quiet_flower()
        from flwr.server.superlink.linkstate import LinkStateFactory
        from flwr.supercore.constant import FLWR_IN_MEMORY_DB_NAME, NOOP_FEDERATION_ID
        from flwr.supercore.object_store import ObjectStoreFactory
        from flwr.supercore.task_identity import TaskIdentity
        from flwr.superlink.federation import NoOpFederationManager
        from flwr.superlink.grid import InMemoryGrid

        factory = LinkStateFactory(FLWR_IN_MEMORY_DB_NAME, NoOpFederationManager(), ObjectStoreFactory())
        self.state, self.flower = factory.state(), flower
        self.run = self.state.create_run(None, None, None, {}, NOOP_FEDERATION_ID, None, None, "serverapp")
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = self.run, 1, 1
        self.grid = InMemoryGrid(factory)
        self.grid.set_run(self.state.get_run_info(run_ids=[self.run])[0])
        self.over = threading.Event()

    @contextmanager
    def node(self, app: Callable[[Any, Any], Any]) -> Iterator[int]:
        """Yield the number of a node that runs a ClientApp while it is open."""
        number = self.state.create_node("me", "me", os.urandom(32), 3600.0)
        assert self.state.activate_node(number, 3600.0)
        gone = threading.Event()
        thread = threading.Thread(target=self._work, args=(number, app, gone))
        thread.start()
        try:
            yield number
        finally:
            gone.set()
            thread.join()
            self.state.deactivate_node(number)

    def _work(self, number: int, app: Callable[[Any, Any], Any], gone: threading.Event) -> None:
        context = self.flower.Context(self.run, number, {}, self.flower.RecordDict(), {})
        while not gone.wait(0.005):
            for message in self.state.get_message_ins(number, limit=1):
                try:
                    reply = app(message, context)
                except Exception as fault:  # noqa: BLE001 - what Flower does
                    error = self.flower.Error(code=2, reason=str(fault))
                    reply = self.flower.Message(error, reply_to=message)
                reply.metadata.__dict__["_message_id"] = str(uuid4())
                self.state.store_message_res(reply)


class Consortium:
    """A coordinator and parties with keys, on a federation."""

    def __init__(self, names: Sequence[str] = NAMES) -> None:
        self.federation = Federation()
        self.keys = {name: signing_key(os.urandom) for name in (COORDINATOR, *names)}
        public = {name: self.keys[name].public for name in names}
        self.transport = FlowerTransport(self.federation.grid, self.writer(COORDINATOR), public)

    def writer(self, name: str) -> Writer:
        """Return whose letters are of this name."""
        return Writer(RUN, name, self.keys[name])

    def app(self, name: str, answer: Answer, key: SigningKey | None = None) -> Any:
        """Return a party's ClientApp; key: another that it signs with."""
        writer = self.writer(name) if key is None else replace(self.writer(name), key=key)
        desk = Desk(writer, self.keys[COORDINATOR].public, lambda: nullcontext(answer))
        return client_app(lambda _: desk)

    def party(self, name: str, answer: Answer, key: SigningKey | None = None) -> Any:
        """Return a party's open node."""
        return self.federation.node(self.app(name, answer, key))


class TestFlower(PostBattery):
    @contextmanager
    def over(self, parties: Mapping[str, Answer]) -> Iterator[Transport]:
        run = Consortium()
        with ExitStack() as stack:
            for name, answer in parties.items():
                stack.enter_context(run.party(name, answer))
            yield run.transport


def test_a_party_whose_node_fails_is_asked_again_and_its_words_stay_at_home(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hansa.transport.flower._AGAIN_SECONDS", 0.05)
    run, tries = Consortium(["anna"]), []

    def failing(step: str, question: bytes) -> bytes:
        tries.append(step)
        if len(tries) < 3:
            raise ZeroDivisionError("the reading was 17")
        return echo(step, question)

    replies: list[Any] = []
    pull = run.federation.grid.pull_messages
    monkeypatch.setattr(
        run.federation.grid, "pull_messages", lambda ids: [replies.append(one) or one for one in pull(ids)]
    )
    with run.party("anna", failing):
        assert read(run.transport.exchange("1", {"anna": b"?"}, PATIENCE)) == {"anna": b"1: ?"}
    assert tries == ["1", "1", "1"]
    errors = [one.error.reason for one in replies if one.has_error()]
    assert len(errors) == 2
    assert not any("17" in why or "ZeroDivision" in why for why in errors)


def test_a_party_that_comes_back_as_another_node_is_asked_there() -> None:
    run = Consortium(["anna"])
    with run.party("anna", echo):
        assert read(run.transport.exchange("1", {"anna": b"?"}, PATIENCE)) == {"anna": b"1: ?"}
    with run.party("anna", echo):
        assert read(run.transport.exchange("2", {"anna": b"?"}, PATIENCE)) == {"anna": b"2: ?"}


def test_a_node_with_a_partys_name_and_another_key_is_nobody() -> None:
    run = Consortium(["anna"])
    with run.party("anna", echo, signing_key(os.urandom)):
        assert run.transport.exchange("1", {"anna": b"?"}, 0.3) == {}
        with run.party("anna", echo):
            assert read(run.transport.exchange("2", {"anna": b"?"}, PATIENCE)) == {"anna": b"2: ?"}


def test_a_node_that_does_not_say_whose_it_is_is_asked_again_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hansa.transport.flower._ROLL_SECONDS", 0.02)
    monkeypatch.setattr("hansa.transport.flower._UNKNOWN_SECONDS", 0.3)
    run, rolls = Consortium(["anna"]), []
    own = run.app("anna", echo)

    def shy(message: Any, context: Any) -> Any:
        if message.metadata.message_type != QUERY:
            rolls.append(time.perf_counter())
            if len(rolls) == 1:
                raise RuntimeError
        return own(message, context)

    with run.federation.node(shy):
        assert read(run.transport.exchange("1", {"anna": b"?"}, PATIENCE)) == {"anna": b"1: ?"}
    assert len(rolls) == 2
    assert rolls[1] - rolls[0] > 0.25


def test_a_node_cannot_show_the_roll_call_of_another() -> None:
    run = Consortium(["anna"])
    own = run.app("anna", echo)
    with run.federation.node(own) as anna:

        def thief(message: Any, context: Any) -> Any:
            context.node_id = anna  # as if it had kept what anna's node said
            return own(message, context)

        with run.federation.node(thief) as other:
            assert read(run.transport.exchange("1", {"anna": b"?"}, PATIENCE)) == {"anna": b"1: ?"}
            time.sleep(0.2)
            run.transport.exchange("2", {"anna": b"?"}, PATIENCE)
            assert other not in run.transport._seats.values()


@pytest.mark.parametrize(
    "forged",
    [
        lambda run: Writer("ffffffff", COORDINATOR, run.keys[COORDINATOR]).content(
            "1", "anna", QUESTION, b""
        ),
        lambda run: run.writer(COORDINATOR).content("1", "bert", QUESTION, b""),
        lambda run: run.writer(COORDINATOR).content("1", "anna", ANSWER, b""),
        lambda run: Writer(RUN, COORDINATOR, signing_key(os.urandom)).content("1", "anna", QUESTION, b""),
        lambda run: run.writer("bert").content("1", "anna", QUESTION, b""),
        lambda run: run.federation.flower.RecordDict(),
        lambda run: run.federation.flower.RecordDict(
            {"hansa": run.federation.flower.ConfigRecord({"envelope": "text"})}
        ),
        lambda run: run.federation.flower.RecordDict({"hansa": run.federation.flower.MetricRecord({"a": 1})}),
    ],
)
def test_a_party_hears_its_coordinator_alone(forged: Callable[[Consortium], Any]) -> None:
    run, seen = Consortium(), []
    app = run.app("anna", lambda step, question: seen.append(step) or b"")  # type: ignore[func-returns-value]
    flower = run.federation.flower
    context = flower.Context(run.federation.run, 7, {}, flower.RecordDict(), {})
    message = flower.Message(forged(run), 7, QUERY)
    with pytest.raises(LinkError, match="read the party's own log"):
        app(message, context)
    assert seen == []


def test_an_answer_to_another_step_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Consortium(["anna"])

    def older(message: Any, context: Any) -> Any:
        if message.metadata.message_type != QUERY:
            return run.app("anna", echo)(message, context)
        content = run.writer("anna").content("0", COORDINATOR, ANSWER, b"old")
        return run.federation.flower.Message(content, reply_to=message)

    with run.federation.node(older):
        assert run.transport.exchange("1", {"anna": b"?"}, 0.5) == {}


def test_a_letter_larger_than_any_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Consortium(["anna"])
    content = run.writer("anna").content("1", COORDINATOR, ANSWER, LARGE)
    monkeypatch.setattr("hansa.transport.flower_letters.LARGEST_BODY", 1_000_000)
    with pytest.raises(MessageError, match="which none has"):
        run.writer(COORDINATOR).read(content, lambda _: run.keys["anna"].public)


@pytest.mark.parametrize("name", ["FLWR_TELEMETRY_ENABLED", "FLWR_DISABLE_UPDATE_CHECK"])
def test_a_flower_that_calls_home_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    quiet_flower()
    monkeypatch.delenv(name)
    with pytest.raises(LinkError, match=f"start flower-superlink and flower-supernode with {name}="):
        quiet_flower()


def test_a_flower_that_installs_at_run_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend("/home/me/.flwr/runtime-envs/1/lib/python3.11/site-packages")
    with pytest.raises(LinkError, match="--disable-runtime-dependency-installation"):
        quiet_flower()
