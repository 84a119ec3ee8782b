"""The rows that set Flower's deployment engine beside ours: an empty round of 8 parties, on loopback.

Flower's: a SuperLink and 8 SuperNodes, without TLS and without keys, its own programs told to look for work
as often as can be set; the better of its own loop and of one that looks for answers 20 times a second
(`benchmarks/peers/flower_deployment`). Ours has TLS, signatures and durable answers. Flower's first round, in
which its nodes fetch the app, and all starting up are left out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.children import environment
from benchmarks.measure import Row, at_least, not_measured, shown
from benchmarks.peers.environments import PEERS, CannotInstallError, make_environment
from benchmarks.peers.processes import REPOSITORY, THREADS

COMMAND = "make measure TOPIC=deployed"
PARTIES, ROUNDS = 8, 3
GOAL = 500.0  # times
_PEER = "flower_deployment"
_LIMIT_S, _GRACE_S = 290, 30
_RATIO = f"empty round, {PARTIES} parties: Flower's deployment engine over ours"
_THEIRS = f"empty round, {PARTIES} parties: Flower's deployment engine"


class PeerFailedError(Exception):
    """Flower's processes ended badly; the message is one line."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """What Flower's rounds took, by the median, in seconds."""

    shipped_s: float  # in its own loop
    polled_s: float  # looking for answers 20 times a second


def rows(ours_s: float) -> Iterator[Row]:
    """Yield Flower's rounds and their ratio to a round of ours; ours_s: its median in seconds."""
    try:
        theirs = flowers_rounds()
    except (CannotInstallError, PeerFailedError) as why:
        yield not_measured(_RATIO, f">= {GOAL:g}", "times", str(why), COMMAND)
        return
    yield shown(f"{_THEIRS}, its own loop", theirs.shipped_s, "s", COMMAND)
    yield shown(f"{_THEIRS}, looking every 50 ms", theirs.polled_s, "s", COMMAND)
    yield at_least(_RATIO, min(theirs.shipped_s, theirs.polled_s) / ours_s, GOAL, "times", COMMAND)


def flowers_rounds(parties: int = PARTIES, rounds: int = ROUNDS) -> Rounds:
    """Return what empty rounds take; raises CannotInstallError or PeerFailedError."""
    python = make_environment(_PEER)
    with tempfile.TemporaryDirectory(prefix="flwr") as folder:
        out = Path(folder) / "rounds.json"
        _run([str(python), str(PEERS / _PEER / "peer.py"), str(parties), str(rounds), str(out)], Path(folder))
        found = json.loads(out.read_text(encoding="utf-8"))
    return Rounds(median(found["shipped_s"]), median(found["polled_s"]))


def _run(command: Sequence[str], folder: Path) -> None:
    log = folder / "log.txt"
    variables = environment(dict.fromkeys(THREADS, "1") | {"PYTHONPATH": str(REPOSITORY)})
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, env=variables, stdout=said, stderr=said, start_new_session=True
        )
    try:
        code = process.wait(_LIMIT_S)
    except subprocess.TimeoutExpired as late:
        raise PeerFailedError(f"Flower did not end within {_LIMIT_S} s") from late
    finally:
        if process.poll() is None:  # late or interrupted
            _end(process)
    if code != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        raise PeerFailedError(f"Flower ended with {code}: {last}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End Flower's processes: asked, the peer ends those below it; what has left its group follows those."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
