"""The three servers of deploy/nats on this machine, from the very files, with names and ports of loopback."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NAMES = ("nats-1", "nats-2", "nats-3")
PROGRAM = Path(sys.executable).parent / "nats-server"


def certificates(folder: Path) -> Path:
    """Return the authority of three certificates, which are for loopback as well."""
    script = DEPLOY / "nats" / "certificates.sh"
    servers = [f"{name},localhost,127.0.0.1" for name in NAMES]
    subprocess.run(["/bin/sh", str(script), str(folder / "tls"), *servers], check=True, capture_output=True)
    return folder / "tls" / "authority.pem"


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    with ExitStack() as held:
        found = [held.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(count)]
        return [one.getsockname()[1] for one in found]


class Cluster:
    """Three configurations, and their processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ports = free_ports(6)
        self.clients = dict(zip(NAMES, ports[:3], strict=True))
        self._routes = dict(zip(NAMES, ports[3:], strict=True))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def urls(self) -> str:
        """Return what `hansa coordinator init --url` takes."""
        return ",".join(f"tls://127.0.0.1:{port}" for port in self.clients.values())

    def write(self, accounts: str) -> None:
        """Write each server's configuration and what it includes."""
        text = (DEPLOY / "nats" / "server.conf").read_text(encoding="utf-8")
        for other, port in self._routes.items():
            text = text.replace(f"tls://{other}:6222", f"tls://127.0.0.1:{port}")
        for name in NAMES:
            here = self.folder / name
            here.mkdir(exist_ok=True)
            own = text.replace("0.0.0.0:4222", f"127.0.0.1:{self.clients[name]}")
            own = own.replace("0.0.0.0:6222", f"127.0.0.1:{self._routes[name]}")
            own = own.replace("127.0.0.1:8222", "127.0.0.1:-1")
            own = own.replace("/etc/nats/tls", str(self.folder / "tls" / name))
            own = own.replace('"/data"', f'"{here / "data"}"')
            (here / "server.conf").write_text(own, encoding="utf-8")
            (here / "accounts.conf").write_text(accounts, encoding="utf-8")

    def checked(self, name: str) -> subprocess.CompletedProcess[str]:
        """Return what nats-server says of a configuration, which it does not start."""
        return subprocess.run(
            [*self._command(name), "-t"], env=_environment(name), capture_output=True, text=True, check=False
        )

    def start(self, name: str) -> None:
        """Start a server."""
        with (self.folder / name / "log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self._command(name), env=_environment(name), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        """Kill a server."""
        self.processes[name].kill()
        self.processes[name].wait()

    def _command(self, name: str) -> list[str]:
        return [str(PROGRAM), "--config", str(self.folder / name / "server.conf")]


@contextmanager
def running(cluster: Cluster) -> Iterator[Cluster]:
    """Start all three servers, and stop them at the end."""
    try:
        for name in NAMES:
            cluster.start(name)
        yield cluster
    finally:
        for name in cluster.processes:
            cluster.kill(name)


def _environment(name: str) -> dict[str, str]:
    return {**os.environ, "NATS_NAME": name}
