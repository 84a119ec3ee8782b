"""Runs the peers and Hansa side by side: `python -m benchmarks.peers.run`.

Whole processes take turns, Hansa, peer, Hansa, peer. Before its first turn a peer
shows on the exact work that it does the same as Hansa. The file holds one run of this command: it starts
empty, and is written anew after every row.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers.environments import CannotInstallError, make_environment
from benchmarks.peers.machine import machine
from benchmarks.peers.pairs import Pair, Run, pair_of
from benchmarks.peers.processes import REPOSITORY, RunFailedError, run_process
from benchmarks.peers.systems import HANSA, PEERS, System
from benchmarks.peers.work import EXACT, SIZES, write_work

RESULT = REPOSITORY / "benchmarks" / "results" / "peers.json"
SEED = 1


@dataclass(frozen=True, slots=True)
class Step:
    """One process of Hansa and one of a peer."""

    peer: System
    size: str  # or "exact"

    @property
    def guess_s(self) -> float:
        """The seconds that it may take."""
        return HANSA.guess_s + self.peer.guess_s


@dataclass(slots=True)
class Book:
    """What one run of this command found."""

    machine: dict[str, Any]
    pairs: list[Pair] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)  # peer: why

    def write(self, path: Path) -> None:
        """Write all of it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is asked for; exit 1 where a peer is left out or did other work."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.run", description=__doc__)
    parser.add_argument("--size", nargs="+", action="extend", metavar="SIZE", help=", ".join(SIZES))
    parser.add_argument("--peer", nargs="+", action="extend", metavar="NAME", help=", ".join(PEERS))
    parser.add_argument("--repeats", type=int, metavar="N", help="turns of each, in place of 5 or 2")
    parser.add_argument("--out", type=Path, default=RESULT, metavar="FILE", help="JSON to write")
    asked = parser.parse_args(words)
    wrong = _wrong(asked)
    if wrong:
        print(wrong, file=sys.stderr)
        return 2
    peers = [PEERS[name] for name in asked.peer or PEERS]
    book = _measure(list(_steps(peers, asked.size or list(SIZES), asked.repeats)), asked.out)
    print(f"Written: {asked.out}")
    return 0 if not book.left_out and all(pair.same_work for pair in book.pairs) else 1


def _wrong(asked: argparse.Namespace) -> str:
    for kind, names, known in (("size", asked.size, SIZES), ("peer", asked.peer, PEERS)):
        for name in names or ():
            if name not in known:
                return f"There is no {kind} {name!r}: choose from {', '.join(known)}."
    if asked.repeats is not None and asked.repeats < 1:
        return "--repeats takes a number from 1 up."
    return ""


def _steps(peers: Sequence[System], sizes: Sequence[str], repeats: int | None) -> Iterator[Step]:
    for peer in peers:
        chosen = [size for size in sizes if size in peer.sizes]
        if chosen:
            yield Step(peer, "exact")
        for size in chosen:
            yield from [Step(peer, size)] * (repeats or peer.repeats)


def _measure(steps: Sequence[Step], out: Path) -> Book:
    book, began, done_s = Book(machine()), time.perf_counter(), 0.0
    runs: dict[Step, list[Run]] = {}
    with tempfile.TemporaryDirectory(prefix="peers") as folder:
        for number, step in enumerate(steps):
            name = step.peer.name
            if name in book.left_out:
                continue
            left_s = sum(one.guess_s for one in steps[number:] if one.peer.name not in book.left_out)
            _say_progress(step, left_s, (time.perf_counter() - began) / done_s if done_s else None)
            try:
                runs.setdefault(step, []).append(_both(step, Path(folder)))
            except (CannotInstallError, RunFailedError) as why:
                book.left_out[name] = str(why)
                print(f"{name} is left out: {why}", file=sys.stderr, flush=True)
            done_s += step.guess_s
            if step.size != "exact" and len(runs.get(step, ())) == steps.count(step):
                book.pairs.append(pair_of(step.size, name, runs[step], runs[Step(step.peer, "exact")][0]))
                print(_line(book.pairs[-1]), flush=True)
                book.write(out)
    book.write(out)
    return book


def _both(step: Step, folder: Path) -> Run:
    size = SIZES.get(step.size, EXACT)
    work = folder / f"{step.size}.npz"
    if not work.exists():
        write_work(work, size, SEED)
    rounds = size.rounds if step.peer.rounds is None else step.peer.rounds

    place = step.peer.environment
    python = Path(sys.executable) if place is None else make_environment(place)
    hansa = run_process(Path(sys.executable), HANSA, work, rounds)
    return Run(hansa=hansa, peer=run_process(python, step.peer, work, rounds))


def _say_progress(step: Step, left_s: float, pace: float | None) -> None:
    left = "" if pace is None else f", about {pace * left_s:.0f} s left"
    print(f"{step.size}: hansa, {step.peer.name}{left}", file=sys.stderr, flush=True)


def _line(pair: Pair) -> str:
    def shown(kind: str) -> str:
        found = getattr(pair, kind)
        return f"{kind} {found.median:.2f}x ({found.least:.2f} to {found.most:.2f})"

    return (
        f"{pair.size}: {pair.peer} / hansa, {shown('cpu')}, {shown('wall')}{pair.note and ', ' + pair.note}"
    )


if __name__ == "__main__":
    sys.exit(main())
