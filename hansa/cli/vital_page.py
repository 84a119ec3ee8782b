"""A node's page for its operator's monitoring: /metrics for Prometheus, /health and /ready in JSON.

It tells counts and names of parties, and takes nothing: no parameter, no body, no method but GET.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hansa.core.errors import FolderError, LinkError
from hansa.nodes.vital_signs import VitalSigns

_SECONDS = 5.0  # that one who asks may take
_JSON = "application/json"
_READY = ("runs", "waits", "finished")  # states of a node that does its part, or has done it

GAUGES = {
    "round": "Rounds that are done; at a party, the round that it answered last.",
    "rounds": "Rounds of the charter.",
}
COUNTERS = {
    "steps": "Exchanges, those that were asked again at a party among them.",
    "question_bytes": "Bytes of questions: out of a coordinator, into a party.",
    "answer_bytes": "Bytes of answers: out of a party, into a coordinator.",
    "refusals": "Answers that were refusals.",
    "connections": "Connections to the server; every one after the first is a reconnect.",
    "step_seconds": "Seconds from questions to the last answer; at a party, to its own.",
}


@contextmanager
def vital_page(signs: VitalSigns, host: str, port: int | None) -> Iterator[int]:
    """Yield the port on which a node's page is shown meanwhile; None shows none.

    Raises LinkError where the port is taken, and FolderError where the library is missing.
    """
    if port is None:
        yield 0
        return
    page = _page(signs)
    try:
        server = ThreadingHTTPServer((host, port), page)
    except OSError as fault:
        raise LinkError(
            f"cannot listen ({fault.strerror})", do="choose another --metrics port", where=f"{host}:{port}"
        ) from fault
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="hansa-page", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _page(signs: VitalSigns) -> type[BaseHTTPRequestHandler]:
    """Return what answers one request."""
    exposed = _exposed(signs)

    class Page(BaseHTTPRequestHandler):
        timeout = _SECONDS
        server_version, sys_version = "hansa", ""

        def do_GET(self) -> None:
            """Answer by path."""
            if self.path == "/metrics":
                content, kind = exposed()
                self._say(HTTPStatus.OK, content, kind)
            elif self.path in ("/health", "/ready"):
                well = self.path == "/health" or signs.state in _READY
                status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
                self._say(status, json.dumps(signs.health()).encode() + b"\n", _JSON)
            else:
                self._say(HTTPStatus.NOT_FOUND, b"/metrics, /health or /ready\n", "text/plain")

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing: it is asked every few seconds."""

        def _say(self, status: HTTPStatus, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Page


def _exposed(signs: VitalSigns) -> Any:
    """Return what returns the metrics' text and its type."""
    try:
        from prometheus_client import CollectorRegistry, ProcessCollector, exposition
    except ImportError as fault:
        raise FolderError(
            "there is no prometheus-client here", do="install hansa[nats]", where="--metrics"
        ) from fault
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)  # this process's memory, time and files
    registry.register(_Collector(signs))

    def exposed() -> tuple[bytes, str]:
        return exposition.generate_latest(registry), exposition.CONTENT_TYPE_LATEST

    return exposed


class _Collector:
    """Reads the counts when they are asked for."""

    def __init__(self, signs: VitalSigns) -> None:
        self._signs = signs

    def collect(self) -> Iterator[Any]:
        """Yield the families of metrics."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        signs = self._signs
        for name, words in GAUGES.items():
            yield GaugeMetricFamily(f"hansa_{name}", words, value=getattr(signs.counts, name))
        for name, words in COUNTERS.items():
            yield CounterMetricFamily(f"hansa_{name}", words, value=getattr(signs.counts, name))
        up = signs.health()["connected_since"] is not None
        yield GaugeMetricFamily("hansa_connected", "Whether the connection is up.", value=float(up))
        missing = GaugeMetricFamily("hansa_missing", "Who has not answered yet.", labels=["party"])
        for name in signs.missing:
            missing.add_metric([name], 1.0)
        yield missing
        state = GaugeMetricFamily("hansa_state", "How the node stands.", labels=["state"])
        state.add_metric([signs.state], 1.0)
        yield state
