"""The page for monitoring says what the vital signs say, to whoever may reach it, and to nobody else."""

import json
import sys
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hansa.cli.vital_page import COUNTERS, GAUGES, vital_page
from hansa.core.errors import FolderError, LinkError
from hansa.nodes.vital_signs import Counts, VitalSigns
from hansa.transport.memory import Memory

REPOSITORY = Path(__file__).resolve().parents[2]


def signs() -> VitalSigns:
    return VitalSigns(lambda: datetime(2026, 5, 5, tzinfo=UTC))


def fetched(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def metrics(port: int) -> dict[str, float]:
    families = text_string_to_metric_families(fetched(port, "/metrics")[1])
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_are_the_counts() -> None:
    node = signs()
    transport = node.asked(Memory({"anna": lambda step, question: b"1234"}))
    with vital_page(node, "127.0.0.1", 0) as port:
        assert metrics(port)["hansa_state[starts]"] == 1
        transport.exchange("1.0.training", {"anna": b"abc", "bert": b""}, 1.0)
        node.round_done(1, 9)
        found = metrics(port)
    assert found["hansa_steps_total"] == 1
    assert (found["hansa_question_bytes_total"], found["hansa_answer_bytes_total"]) == (3, 4)
    assert (found["hansa_round"], found["hansa_rounds"]) == (1, 9)
    assert (found["hansa_connected"], found["hansa_missing[bert]"]) == (0, 1)
    assert found["process_resident_memory_bytes"] > 1e6 or sys.platform != "linux"


def test_every_count_is_a_metric_and_every_metric_is_in_the_docs() -> None:
    assert {*GAUGES, *COUNTERS} == set(Counts.__dataclass_fields__)
    page = (REPOSITORY / "docs" / "operate.md").read_text(encoding="utf-8")
    names = [*GAUGES, *(f"{name}_total" for name in COUNTERS), "connected", "missing", "state"]
    assert not [name for name in names if f"`hansa_{name}" not in page]


def test_health_is_told_always_and_readiness_once_the_node_does_its_part() -> None:
    node = signs()
    with vital_page(node, "127.0.0.1", 0) as port:
        status, said = fetched(port, "/health")
        assert (status, json.loads(said)["state"]) == (200, "starts")
        assert fetched(port, "/ready")[0] == 503
        node.end("finished")
        assert fetched(port, "/ready")[0] == 200
        node.end("ended")
        assert (fetched(port, "/health")[0], fetched(port, "/ready")[0]) == (200, 503)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 404),
        ("/metrics?x=1", "GET", 404),
        ("/health", "POST", 501),
        ("/../etc/passwd", "GET", 404),
    ],
)
def test_nothing_else_is_served(path: str, method: str, status: int) -> None:
    with vital_page(signs(), "127.0.0.1", 0) as port:
        assert fetched(port, path, method)[0] == status


def test_a_port_that_is_taken_and_a_missing_library_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with vital_page(signs(), "127.0.0.1", 0) as port:
        taken = vital_page(signs(), "127.0.0.1", port)
        with pytest.raises(LinkError, match=r"cannot listen .* choose another --metrics port"), taken:
            pass
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(FolderError, match=r"install hansa\[nats\]"), vital_page(signs(), "127.0.0.1", 0):
        pass


def test_without_a_port_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)  # it is not even looked for
    with vital_page(signs(), "127.0.0.1", None) as port:
        assert port == 0
