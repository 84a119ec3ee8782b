"""A whole consortium on one machine, each node a process with a folder of its own, to try and to test."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from hansa.core.charter import Charter
from hansa.nodes.coordinator_home import CoordinatorHome, Reach
from hansa.nodes.inviting import invitation_text
from hansa.nodes.joining import accepted, accepted_by_server
from hansa.nodes.member_home import MemberHome
from hansa.nodes.party_home import PartyHome
from hansa.nodes.server_home import ServerHome
from hansa.nodes.stages import servers_of

_DAYS = 30
_PAUSE_S = 1.0  # before a process that ended is started again


def make_trial(
    folder: Path, charter: Charter, text: str, data: Path | None, now: datetime
) -> CoordinatorHome:
    """Return the coordinator's home of a trial, whose parties have all joined; each node's is in the folder.

    A trial that is there already is taken as it is.
    """
    if (folder / "coordinator").is_dir():
        return CoordinatorHome(folder / "coordinator")
    servers = [ServerHome.make(folder / name, name) for name in servers_of(charter)]
    hub = CoordinatorHome.make(folder / "coordinator", charter, text, Reach(), now)
    hub.name_servers({one.name: one.identity.signing.public for one in servers})
    for server in servers:
        server, found, told, _ = accepted_by_server(server.folder, _invited(hub, server, now))
        server.join(found, told)
    for party in charter.roster:
        home = PartyHome.make(folder / party.name, party.name)
        home, found, told, _ = accepted(home.folder, _invited(hub, home, now))
        home.join(found, told, _table(charter, party.data, data))
    return hub


def _invited(hub: CoordinatorHome, home: MemberHome, now: datetime) -> Path:
    """Return the file of a member's invitation."""
    path = home.folder / "received.hansa"
    key = home.identity.signing.public.hex()
    path.write_text(invitation_text(hub, home.name, key, now, _DAYS), encoding="utf-8")
    return path


def _table(charter: Charter, own: str, data: Path | None) -> Path | None:
    """Return where a party's records lie: its own table, or what all copies of a trial deal."""
    if charter.partition.kind == "given":
        return (data or Path()) / own
    return data


@dataclass
class Nodes:
    """The processes of parties and servers; one that ends before the run is over is started again."""

    folder: Path
    names: Sequence[str]
    servers: Sequence[str] = ()  # of these, who is no party
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    started: dict[str, int] = field(default_factory=dict)  # how often
    _last: dict[str, float] = field(default_factory=dict)

    def look(self) -> None:
        """Start whoever is not running, unless it was started a moment ago or has ended well."""
        for name in self.names:
            process = self.processes.get(name)
            if process is not None and (process.poll() is None or process.returncode == 0):
                continue
            if time.monotonic() - self._last.get(name, -_PAUSE_S) < _PAUSE_S:
                continue
            self._last[name] = time.monotonic()
            self.started[name] = self.started.get(name, 0) + 1
            with (self.folder / name / "log").open("ab") as log:
                self.processes[name] = subprocess.Popen(  # noqa: S603 (our own program)
                    [
                        sys.executable,
                        "-m",
                        "hansa.cli.start",
                        self._kind(name),
                        "run",
                        str(self.folder / name),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )

    def _kind(self, name: str) -> str:
        return "server" if name in self.servers else "party"

    def stop(self) -> None:
        """Stop all."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def nodes(folder: Path, names: Sequence[str], servers: Sequence[str] = ()) -> Iterator[Nodes]:
    """Yield the processes of parties and servers, which are stopped at the end."""
    found = Nodes(folder, (*names, *servers), servers)
    try:
        found.look()
        yield found
    finally:
        found.stop()
