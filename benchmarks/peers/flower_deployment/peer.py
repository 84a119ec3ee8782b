"""Flower's deployment engine on loopback, an empty message to every node: `peer.py NODES ROUNDS OUT.json`.

A SuperLink and a SuperNode a process each, as `flower-superlink` and `flower-supernode` start them, without
TLS, without keys of the nodes and with its state in memory: all of that is to Flower's favour. So is that
its programs look for work 20 times a second and not once, where that can be set. Nothing calls home.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.05",
}
APP = Path(__file__).parent / "app"
BIN = Path(sys.executable).parent
START_S, LIMIT_S, GRACE_S, LOOK_S = 60.0, 270.0, 5.0, 0.2
_FILE = "rounds.json"


def main() -> int:
    """Run the rounds and write what they took; 1 where they did not come to an end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    nodes, rounds, out = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    with (
        tempfile.TemporaryDirectory(prefix="flwr", ignore_cleanup_errors=True) as folder,
        ExitStack() as stack,
    ):
        home, log = Path(folder), stack.enter_context((Path(folder) / "log.txt").open("wb"))
        port, *own = _free_ports(1 + nodes)
        os.environ |= QUIET | {"FLWR_HOME": folder, "TMPDIR": folder}
        os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"  # its programs start each other by name
        (home / "config.toml").write_text(_connection(port), encoding="utf-8")
        link = ["flower-superlink", "--insecure", "--disable-runtime-dependency-installation"]
        stack.enter_context(_started([*link, "--port", str(port)], log.fileno()))
        _wait_for(port)
        for number in own:
            node = ["flower-supernode", "--insecure", "--superlink", f"127.0.0.1:{port}"]
            stack.enter_context(_started([*node, "--port", str(number)], log.fileno()))
        found = _rounds(home, nodes, rounds)
        if not found:
            print((home / "log.txt").read_text(encoding="utf-8", errors="replace")[-4000:], file=sys.stderr)
            return 1
    out.write_text(json.dumps({"version": version("flwr"), **found}) + "\n", encoding="utf-8")
    return 0


def _rounds(home: Path, nodes: int, rounds: int) -> dict[str, object]:
    """Return what the rounds took; nothing where they took too long."""
    file = home / _FILE
    config = f'nodes={nodes} rounds={rounds} out="{file}"'
    command = [BIN / "flwr", "run", APP, "loopback", "--run-config", config]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode != 0:
        print(done.stdout, done.stderr, file=sys.stderr)
        return {}
    until = time.perf_counter() + LIMIT_S
    while time.perf_counter() < until:
        if file.exists() and (text := file.read_text(encoding="utf-8")).endswith("\n"):
            found: dict[str, object] = json.loads(text)
            return found
        time.sleep(LOOK_S)
    print(f"the rounds did not end within {LIMIT_S:g} s", file=sys.stderr)
    return {}


@contextmanager
def _started(command: list[str], log: int) -> Iterator[None]:
    words = [str(BIN / command[0]), *command[1:]]
    process = subprocess.Popen(words, stdout=log, stderr=log)  # noqa: S603 - our own command
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    until = time.perf_counter() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.perf_counter() > until:
                raise
            time.sleep(LOOK_S)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]


def _connection(port: int) -> str:
    where = f'address = "127.0.0.1:{port}"\ninsecure = true\n'
    return f'[superlink]\ndefault = "loopback"\n\n[superlink.loopback]\n{where}'


if __name__ == "__main__":
    sys.exit(main())
