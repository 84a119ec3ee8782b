"""Runs one system on one work as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from benchmarks.children import environment
from benchmarks.peers.meter import Report, read_report
from benchmarks.peers.systems import System

REPOSITORY = Path(__file__).parents[2]
LIMIT_S = 900
GRACE_S = 10
# One thread a matrix product for NumPy and PyTorch: that suits networks this small best. XLA heeds none of
# these: Hansa tells it the same itself, FedJAX is run both as documented and on one thread (systems.py). How
# many products run side by side is each system's own affair: PyTorch's loops use one core, Ray and NVFLARE
# what they find.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class RunFailedError(Exception):
    """A process ended badly; the message is one line."""


def run_process(python: Path, system: System, work: Path, rounds: int) -> Report:
    """Return the report of a system's module run as `python -m module WORK ROUNDS OUT`.

    Raises RunFailedError where it ends badly, or not within 15 minutes.
    """
    with tempfile.TemporaryDirectory(prefix="peer", ignore_cleanup_errors=True) as folder:
        out, log = Path(folder) / "report.json", Path(folder) / "log.txt"
        command = [str(python), "-m", system.module, str(work), str(rounds), str(out)]
        code = _wait(command, log, dict(system.settings))
        if code != 0 or not out.exists():
            lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
            raise RunFailedError(f"{system.module} ended with {code}: {last}")
        return read_report(out)


def _wait(command: list[str], log: Path, settings: dict[str, str]) -> int:
    own = {"PYTHONPATH": str(REPOSITORY), "TMPDIR": str(log.parent)} | settings
    variables = environment(dict.fromkeys(THREADS, "1") | own)
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=REPOSITORY, env=variables, stdout=said, stderr=said, start_new_session=True
        )
    try:
        return process.wait(LIMIT_S)
    except subprocess.TimeoutExpired as late:
        raise RunFailedError(f"{command[2]} did not end within {LIMIT_S} s") from late
    finally:
        if process.poll() is None:  # late or interrupted
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all of its group; what has left the group is ended by the peer itself."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:  # Ray's driver waits for the processes that are gone
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
