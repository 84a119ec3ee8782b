"""Flower's deployment engine on loopback: a SuperLink and a SuperNode a process each, which call nobody.

Without TLS, without keys of the nodes, and with its state in memory. Needs no hansa.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.05",  # how often its programs look for work; 1 s as shipped
}
LOG = "log.txt"
START_S, GRACE_S, LOOK_S = 60.0, 5.0, 0.2


class FlowerFailedError(Exception):
    """Flower did not start, or refused an app."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where Flower's programs are, and a folder for what it keeps and logs."""

    programs: Path
    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """Return the surroundings of Flower's processes, which start each other by name."""
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        own = {"FLWR_HOME": str(self.folder), "TMPDIR": str(self.folder), "PATH": path}
        return {**os.environ, **QUIET, **own}


@contextmanager
def federation(place: Place, nodes: Sequence[Mapping[str, str]]) -> Iterator[None]:
    """Run Flower with a SuperNode for each node configuration while it is open."""
    port, *own = _free_ports(1 + len(nodes))
    where = f'address = "127.0.0.1:{port}"\ninsecure = true\n'
    text = f'[superlink]\ndefault = "loopback"\n\n[superlink.loopback]\n{where}'
    (place.folder / "config.toml").write_text(text, encoding="utf-8")
    with ExitStack() as stack:
        link = ["flower-superlink", "--insecure", "--disable-runtime-dependency-installation"]
        _wait_for(port, stack.enter_context(_started(place, [*link, "--port", str(port)])))
        for number, config in zip(own, nodes, strict=True):
            node = ["flower-supernode", "--insecure", "--superlink", f"127.0.0.1:{port}"]
            told = ["--node-config", _words(config)] if config else []
            stack.enter_context(_started(place, [*node, "--port", str(number), *told]))
        yield


def submit(place: Place, app: Path, config: Mapping[str, str | int]) -> None:
    """Start an app. Raises FlowerFailedError with what Flower said."""
    command = [str(place.programs / "flwr"), "run", str(app), "loopback", "--run-config", _words(config)]
    done = subprocess.run(command, env=place.variables, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode != 0:
        raise FlowerFailedError(f"{done.stdout}\n{done.stderr}")


def _words(config: Mapping[str, str | int]) -> str:
    quoted = {key: f'"{value}"' if isinstance(value, str) else value for key, value in config.items()}
    return " ".join(f"{key}={value}" for key, value in quoted.items())


@contextmanager
def _started(place: Place, command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    words = [str(place.programs / command[0]), *command[1:]]
    with (place.folder / LOG).open("ab") as log:
        process = subprocess.Popen(words, env=place.variables, stdout=log, stderr=log)  # noqa: S603 - our own command
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.perf_counter() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError as fault:
            if process.poll() is not None or time.perf_counter() > until:
                raise FlowerFailedError(f"flower-superlink did not start within {START_S:g} s") from fault
            time.sleep(LOOK_S)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
