"""A run outlives what networks do: each answer comes once and right, or it is said in time who is missing."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from hansa.transport.seam import Answer
from tests.batteries.fault_proxy import FaultProxy, fault_proxy
from tests.batteries.post import LARGE, NAMES, echo, read
from tests.batteries.wire import Run, Wire, run_of, wire

PATIENCE = 60.0  # seconds, where an answer is sure to come
STEPS = 12
Fault = Callable[[FaultProxy], None]


@dataclass
class Remembering:
    """Parties that give a step's answer again, as nodes do, and count what they had to find."""

    kept: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def party(self, name: str) -> Answer:
        def answer(step: str, question: bytes) -> bytes:
            if (name, step) not in self.kept:
                self.kept[name, step] = echo(step, question)
            return self.kept[name, step]

        return answer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with wire(tmp_path_factory.mktemp("wire")) as found:
        yield found


@contextmanager
def spoiled(server: Wire, *, everybody: bool) -> Iterator[tuple[Run, FaultProxy, Remembering]]:
    """Yield a run whose last party, or all of whom, are behind a proxy; the coordinator is if all are."""
    port, memory = int(server.server.url.rsplit(":", 1)[1]), Remembering()
    with fault_proxy(port) as proxy, ExitStack() as stack:
        behind = replace(server, way=proxy.url)
        run = stack.enter_context(run_of(behind if everybody else server, NAMES))
        for name in NAMES:
            run.wire = behind if everybody or name == NAMES[-1] else server
            stack.enter_context(run.party(name, memory.party(name)))
        yield run, proxy, memory
        proxy.fair()


def all_steps(run: Run, memory: Remembering, at_third: Callable[[], object]) -> None:
    """Take all steps, the third one while something happens; pass if each answer is there, once and right."""
    for step in map(str, range(STEPS)):
        questions = {name: f"{name} {step}".encode() for name in NAMES}
        if step == "3":
            at_third()
        found = read(run.transport.exchange(step, questions, PATIENCE))
        assert found == {name: f"{step}: {name} {step}".encode() for name in NAMES}
    assert len(memory.kept) == STEPS * len(NAMES)


@contextmanager
def mended(proxy: FaultProxy, seconds: float) -> Iterator[threading.Timer]:
    """Yield what mends the network, so many seconds after it was started."""
    timer = threading.Timer(seconds, proxy.fair)
    try:
        yield timer
    finally:
        timer.cancel()


@pytest.mark.parametrize("everybody", [False, True])
@pytest.mark.parametrize("fault", [FaultProxy.cut, FaultProxy.reset], ids=["cut", "reset"])
def test_a_connection_that_is_lost_costs_time_alone(server: Wire, fault: Fault, everybody: bool) -> None:
    with spoiled(server, everybody=everybody) as (run, proxy, memory):
        before = proxy.connections
        all_steps(run, memory, lambda: fault(proxy))
        assert proxy.connections == before + (1 + len(NAMES) if everybody else 1)


def test_a_long_way_costs_time_alone(server: Wire) -> None:
    with spoiled(server, everybody=False) as (run, proxy, memory):
        began = time.perf_counter()
        all_steps(run, memory, lambda: proxy.delay(0.2))
        assert time.perf_counter() - began > 2 * 0.2  # it was in the way
        assert proxy.connections == 1


@pytest.mark.parametrize("fault", [FaultProxy.cut, FaultProxy.reset], ids=["cut", "reset"])
def test_a_large_body_comes_whole_through_lost_connections(server: Wire, fault: Fault) -> None:
    with spoiled(server, everybody=True) as (run, proxy, memory):
        over = threading.Event()

        def spoil() -> None:
            for _ in range(3):
                over.wait(0.15)
                fault(proxy)

        spoiler = threading.Thread(target=spoil)
        spoiler.start()
        found = read(run.transport.exchange("1", dict.fromkeys(NAMES, LARGE), PATIENCE))
        over.set()
        spoiler.join()
        assert found == dict.fromkeys(NAMES, b"1: " + LARGE)
        assert set(memory.kept) == {(name, "1") for name in NAMES}


def test_who_is_cut_off_is_named_in_time_and_answers_later(server: Wire) -> None:
    with spoiled(server, everybody=False) as (run, proxy, memory):
        proxy.stall()
        began = time.perf_counter()
        found = run.transport.exchange("1", dict.fromkeys(NAMES, b"?"), 1.5)
        assert set(found) == set(NAMES[:-1])
        assert 1.4 < time.perf_counter() - began < 5.0
        assert run.told[-1] == ("1", [NAMES[-1]])
        proxy.fair()
        assert read(run.transport.exchange("1", dict.fromkeys(NAMES, b"?"), PATIENCE)) == dict.fromkeys(
            NAMES, b"1: ?"
        )
        assert len(memory.kept) == len(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("everybody", [False, True])
@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (FaultProxy.stall, 3.0),
        (FaultProxy.stall, 30.0),  # a partition: longer than anybody believes in a connection
        (FaultProxy.swallow, 12.0),
        (lambda proxy: proxy.slow(2000.0), 10.0),
    ],
    ids=["stall", "partition", "half-open", "slow"],
)
def test_a_network_that_is_mended_loses_nothing(
    server: Wire, fault: Fault, seconds: float, everybody: bool
) -> None:
    with spoiled(server, everybody=everybody) as (run, proxy, memory), mended(proxy, seconds) as timer:
        all_steps(run, memory, lambda: (fault(proxy), timer.start()))


def test_the_proxy_really_spoils(tmp_path: Path) -> None:
    with wire(tmp_path) as own, spoiled(own, everybody=False) as (run, proxy, _):
        last = {NAMES[-1]: b"?"}
        assert set(run.transport.exchange("1", last, PATIENCE)) == set(last)
        proxy.swallow()
        assert run.transport.exchange("2", last, 0.5) == {}
