"""An operator's engineer runs nodes as services: watches them, reads their logs, stops and starts them."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.cluster import free_ports

CHARTER = """
name = "services"
consortium = "Three airlines"
parties = 3
rounds = 2
compare = []
[data]
source = "simulated"
engines = 16
test_engines = 8
[partition]
sensors_per_party = 13
"""
NAMES = ("party-1", "party-2", "party-3")
PATIENCE = 150.0
HANSA = [sys.executable, "-m", "hansa.cli.start"]


class Services:
    """The nodes of a consortium, as processes that stay."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = dict(zip(("hub", *NAMES), free_ports(4), strict=True))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def say(self, *words: str) -> str:
        """Return what a command prints."""
        done = subprocess.run([*HANSA, *words], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout

    def start(self, name: str) -> None:
        """Start a node."""
        kind = "coordinator" if name == "hub" else "party"
        show = ["--stay", "--metrics", str(self.ports[name]), "--log", "json", "--log-level", "debug"]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*HANSA, kind, "run", name, *show], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=log
            )

    def stop(self, name: str) -> int:
        """Return with which status a node ends when the machine asks it to."""
        self.processes[name].send_signal(signal.SIGTERM)
        return self.processes[name].wait(30)

    def shown(self, name: str, path: str) -> str:
        """Return a node's page."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=5) as page:
            return str(page.read().decode())

    def health(self, name: str) -> dict[str, Any]:
        """Return a node's health; nothing while it is not there."""
        try:
            return dict(json.loads(self.shown(name, "/health")))
        except OSError:
            return {}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    found = Services(tmp_path_factory.mktemp("services"))
    (found.folder / "charter.toml").write_text(CHARTER)
    found.say("coordinator", "init", "hub", "charter.toml")
    for name in NAMES:
        line = found.say("party", "init", name, "--name", name).split()
        (found.folder / "invitation").write_text(found.say("coordinator", "invite", "hub", *line))
        found.say("party", "join", name, "invitation", "--yes")
    try:
        yield found
    finally:
        for process in found.processes.values():
            process.kill()
            process.wait()


def awaited(claim: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < ends
        time.sleep(0.1)


@pytest.mark.slow
def test_services_are_watched_from_start_to_end_and_start_again_after_it(services: Services) -> None:
    for name in ("hub", "party-1", "party-2"):
        services.start(name)
    awaited(lambda: "party-3" in services.health("hub").get("missing", ()))
    assert services.health("hub")["state"] == "waits"
    assert 'hansa_missing{party="party-3"} 1.0' in services.shown("hub", "/metrics")
    assert services.stop("hub") == 130
    awaited(lambda: services.health("party-1").get("state") == "disconnected")
    services.start("hub")
    services.start("party-3")
    for name in services.ports:
        awaited(lambda name=name: services.health(name).get("state") == "finished")  # type: ignore[misc]
        assert services.health(name)["round"] == 2
        assert "hansa_refusals_total 0.0" in services.shown(name, "/metrics")
    assert "hansa_connections_total 2.0" in services.shown("party-1", "/metrics")

    assert [services.stop(name) for name in services.ports] == [0, 0, 0, 0]
    [result] = (services.folder / "hub" / "runs").glob("*/result.json")
    before = result.read_bytes()
    for name in services.ports:
        services.start(name)
    for name in services.ports:
        awaited(lambda name=name: services.health(name).get("state") == "finished")  # type: ignore[misc]
    assert [services.stop(name) for name in services.ports] == [0, 0, 0, 0]
    assert result.read_bytes() == before

    _no_line_of_the_logs_is_anything_but_json_or_holds_a_secret(services)


def _no_line_of_the_logs_is_anything_but_json_or_holds_a_secret(services: Services) -> None:
    logs = {name: (services.folder / f"{name}.log").read_text() for name in services.ports}
    for text in logs.values():
        assert text
        for line in text.splitlines():
            assert set(json.loads(line)) == {"time", "level", "where", "event"}
    for secret in _secrets(services.folder):
        assert not [name for name, text in logs.items() if secret in text]


def _secrets(folder: Path) -> set[str]:
    """Return all secret keys and tokens as text."""
    found = {path.read_bytes().hex() for path in (folder / "hub").glob("*.key") if path.stat().st_size == 32}
    for path in folder.glob("*/identity.key"):
        found |= {line.split(" ")[1] for line in path.read_text().splitlines()[1:]}
    assert len(found) == 3 + 2 * 4
    return found | {"eyJhbGciOi"}  # how every token begins
