"""A consortium of real processes to be killed: coordinator, servers and parties, each on its own folder.

Processes come from one that has loaded the libraries already: starting one takes a fraction of a second.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from hansa.core.charter_reader import parse_charter
from hansa.core.errors import LinkError, MessageError
from hansa.crypto.signing import SigningKey
from hansa.nodes.coordinator_home import CoordinatorHome
from hansa.nodes.trial import make_trial
from hansa.protection.enrolment import COORDINATOR
from hansa.transport import subjects
from hansa.transport.envelope import ANSWER, opened
from hansa.transport.nats_link import Access, Link
from hansa.transport.nats_tokens import user_token
from hansa.transport.subjects import Rights

NAMES = ("anna", "bert", "carl")
SERVER = "server"
_LOADED = ["hansa.cli.main", "hansa.nodes.coordinator_service", "hansa.nodes.party_service"]
_CHARTER = """\
name = "killed"
consortium = "Three fleets"
seed = 7
rounds = {rounds}
compare = []

[data]
source = "simulated"
engines = 12
test_engines = 4

[partition]
kind = "horizontal"

[network]
hidden = [6]

[algorithm]
name = "fedavg"

[protection]
secrecy = "{secrecy}"
{more}
"""
_PARTIES = "".join(f"\n[party.{name}]" for name in NAMES)
_POLL_S = 0.02
_FAREWELL_S = 10.0


def charter_text(secrecy: str, rounds: int, more: str = "") -> str:
    """Return a charter of three small fleets; more: further tables."""
    return _CHARTER.format(secrecy=secrecy, rounds=rounds, more=more) + _PARTIES + "\n"


def trial(folder: Path, text: str) -> CoordinatorHome:
    """Return the coordinator's home of a consortium whose parties have all joined."""
    return make_trial(folder, parse_charter(text), text, None, datetime.now(UTC))


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of each party's finished model; a party that has none is missing."""
    found = {name: list((folder / name / "runs").glob("*/model/weights.npz")) for name in NAMES}
    return {name: hashlib.sha256(one[0].read_bytes()).hexdigest() for name, one in found.items() if one}


@dataclass
class Nodes:
    """The processes of a consortium; one that was killed is started again."""

    folder: Path
    running: dict[str, ForkServerProcess] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)  # who is not started again
    kills: int = 0

    def look(self) -> None:
        """Start whoever does not run and has not come to the end of the run."""
        for name in (COORDINATOR, *NAMES, *beside(self.folder)):
            process = self.running.get(name)
            if name not in self.away and (process is None or process.exitcode not in (None, 0)):
                self.running[name] = started(self.folder, name)

    def ended(self, name: str) -> bool:
        """Return whether a node has come to the end of the run by itself."""
        return name in self.running and self.running[name].exitcode == 0

    def kill(self, name: str) -> bool:
        """Kill a process with SIGKILL, without a chance to tidy up; return whether there was one."""
        pid = server_pid(self.folder) if name == SERVER else self._pid(name)
        if not pid:
            return False
        os.kill(pid, signal.SIGKILL)
        self.kills += 1
        return True

    def finish(self, seconds: float, points: Sequence[tuple[float, str]] = ()) -> bool:
        """Return whether the run came to its end; points: when, in seconds from now, to kill whom."""
        began, left = time.perf_counter(), list(points)
        while time.perf_counter() - began < seconds:
            self.look()
            while left and time.perf_counter() - began >= left[0][0] and self.kill(left[0][1]):
                left.pop(0)  # who does not run yet is killed as soon as it does
            if self.ended(COORDINATOR):
                return self._said_farewell()
            time.sleep(_POLL_S)
        return False

    def stop(self) -> None:
        """Stop all, the server of a killed coordinator as well."""
        for process in self.running.values():
            process.kill()
            process.join()
        pid = server_pid(self.folder)
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _said_farewell(self) -> bool:
        """Return whether every party has its model; who was killed at last may not hear the end."""
        ends = time.perf_counter() + _FAREWELL_S
        while not all(map(self.ended, NAMES)) and time.perf_counter() < ends:
            time.sleep(_POLL_S)
        return len(digests(self.folder)) == len(NAMES)

    def _pid(self, name: str) -> int:
        process = self.running.get(name)
        return process.pid or 0 if process is not None and process.exitcode is None else 0


@contextmanager
def nodes(folder: Path) -> Iterator[Nodes]:
    """Yield a consortium whose processes are stopped at the end."""
    found = Nodes(folder)
    try:
        yield found
    finally:
        found.stop()


def started(folder: Path, name: str, be: Callable[[str, str], None] | None = None) -> ForkServerProcess:
    """Return the process of a node, which runs what the command line runs and logs into its folder.

    be: what the process does with folder and name; None: `serve`.
    """
    maker = multiprocessing.get_context("forkserver")
    maker.set_forkserver_preload(_LOADED)
    process = maker.Process(target=be or serve, args=(str(folder / name), name))
    process.start()
    return process


def serve(folder: str, name: str) -> None:
    """Be a node, in a process of its own."""
    with Path(folder, "log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    from hansa.cli.main import cli

    kinds = dict.fromkeys(beside(Path(folder).parent), "server") | {COORDINATOR: "coordinator"}
    cli([kinds.get(name, "party"), "run", folder], prog_name="hansa")


def beside(folder: Path) -> tuple[str, ...]:
    """Return the names of the servers beside the coordinator, in a consortium's folder."""
    return tuple(sorted(path.parent.name for path in folder.glob("*/server.json")))


def server_pid(folder: Path) -> int:
    """Return the number of the server's process; 0: it does not run."""
    for path in (folder / COORDINATOR / "server").glob("*.ports"):
        pid = int(path.stem.rsplit("_", 1)[1])
        with suppress(OSError):
            if b"nats-server" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    return 0


@dataclass
class Heard:
    """What went over the wire: the digests of the answers that a party gave to a step."""

    answers: dict[tuple[str, str], set[bytes]] = field(default_factory=dict)

    @property
    def twofold(self) -> int:
        """Return to how many steps a party gave two different answers."""
        return sum(len(found) > 1 for found in self.answers.values())


@contextmanager
def overheard(hub: CoordinatorHome) -> Iterator[Heard]:
    """Yield what is noted of every answer, by a listener who may hear all parties."""
    heard, members, now = Heard(), hub.members() | hub.servers(), datetime.now(UTC)
    inbox = f"hansa.{hub.run}.inbox.listener"
    own = hub.access(now)
    rights = Rights((), (subjects.from_all(hub.run), inbox + ".>"))
    account = SigningKey((hub.folder / "account.key").read_bytes())
    token = user_token(account, own.key.public, rights, now)
    link = Link(Access(own.urls, own.authority, own.key, token, inbox))

    def note(data: bytes) -> None:
        with suppress(MessageError):
            head = opened(data, members.get, hub.run, COORDINATOR).head
            if head.kind == ANSWER:
                heard.answers.setdefault((head.sender, head.step), set()).add(head.digest)

    with suppress(LinkError):
        link.open(0.0)  # the server comes later; it goes on trying
    link.hear(subjects.from_all(hub.run), note)
    try:
        yield heard
    finally:
        link.close()
