"""A server that outlived the process which started it: it is found by the files it left, and stopped."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

_PORTS = re.compile(r"nats-server_(\d{1,9})\.ports")
_PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.02


def stop_orphans(folder: Path, configuration: Path) -> None:
    """Stop the servers that run with this configuration, and remove what they wrote of their ports."""
    for path in folder.glob("*.ports"):
        if found := _PORTS.fullmatch(path.name):
            _stop(int(found[1]), str(configuration))
        path.unlink(missing_ok=True)


def _stop(pid: int, configuration: str) -> None:
    """Stop a process if it has the configuration in its command: the number may be another's by now."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if configuration in _command(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        ends = time.perf_counter() + _PATIENCE_SECONDS
        while configuration in _command(pid) and time.perf_counter() < ends:
            time.sleep(_POLL_SECONDS)


def _command(pid: int) -> list[str]:
    """Return the words of a process's command; none where it is not there any more."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
        return []
    command = ["ps", "-o", "args=", "-p", str(pid)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (a number)
    return found.stdout.split()
