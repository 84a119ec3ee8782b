"""The log of what left a node in a run, on its own disk: before an answer leaves, its line is there."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from hansa.core import codec
from hansa.core.errors import FolderError, MessageError
from hansa.core.steps import Step, step_of
from hansa.registry.folders import flush_folder

LOG = "outbound.log"
LEFT = "left"
"""The name of the log's last lines in a node's store."""

_NO_LINE = (KeyError, TypeError, ValueError, AttributeError, MessageError)
_UNFLUSHED = 16  # lines that the store keeps until the file is flushed


class OutboundLog:
    """One line of JSON for each answer, on the disk before the answer leaves, at no write of its own.

    The last lines are on the disk in the party's store: the commit that keeps an answer keeps its line. They
    stay there until the file is flushed, and a file that lost them with the machine's power gets them back.
    """

    def __init__(self, path: Path, kept: bytes | None = None) -> None:
        """Open it, or make it. A last line that was cut off goes: what it told of never left.

        kept: the state `LEFT` of the party's store. Raises FolderError where the file cannot be used.
        """
        self._path = path
        self._days: dict[str, int] = {}  # the date to the bytes that left on it
        self._steps: set[tuple[int, int]] = set()  # rounds and numbers of those that left
        self._last = b""  # the last line
        self._failed = False  # whether a flush failed: one after it may say that what was lost is on the disk
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            self._read(*self._kept(kept))
            flush_folder(path.parent)
            self._flush()
        except OSError as fault:
            raise self._fault(fault.strerror or "an error of the disk") from fault

    def left_on(self, now: datetime) -> int:
        """Return how many bytes left on the day of `now`."""
        return self._days.get(_day(now.isoformat()), 0)

    def steps_after(self, last: tuple[int, int]) -> int:
        """Return how many steps after one left."""
        return sum(step > last for step in self._steps)

    def add(self, now: datetime, step: Step, answer: bytes) -> dict[str, bytes]:
        """Write a line; return what the store must keep before the answer leaves.

        Raises FolderError where that is not possible.
        """
        line = {
            "time": now.isoformat(),
            "step": step.text,
            "kind": step.kind,
            "bytes": len(answer),
            "sha256": hashlib.sha256(answer).hexdigest(),
        }
        data = json.dumps(line).encode() + b"\n"
        before = os.fstat(self._file).st_size
        try:
            if len(self._lines) >= _UNFLUSHED and not self._failed:
                self._flush()
            written = os.write(self._file, data)
        except OSError as fault:
            os.ftruncate(self._file, before)
            raise self._fault(fault.strerror or "an error of the disk") from fault
        if written != len(data):
            os.ftruncate(self._file, before)
            raise self._fault("no space left for a whole line")
        self._lines.append(data)
        self._last = data
        self._count(line["time"], len(answer))
        self._steps.add((step.round, step.number))
        kept = {"flushed": self._flushed, "before": self._before, "lines": b"".join(self._lines)}
        return {LEFT: codec.encode(kept)}

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _kept(self, kept: bytes | None) -> tuple[int, bytes, bytes]:
        try:
            nothing = {"flushed": 0, "before": _digest(b""), "lines": b""}
            value: Any = nothing if kept is None else codec.decode(kept)
            return int(value["flushed"]), bytes(value["before"]), bytes(value["lines"])
        except (KeyError, TypeError, ValueError) as fault:
            raise self._fault("what the store keeps of it cannot be read") from fault

    def _flush(self) -> None:
        """Return once the file is on the disk; the store need keep none of its lines then."""
        try:
            os.fsync(self._file)
        except OSError:
            self._failed = True
            raise
        self._flushed, self._lines = os.fstat(self._file).st_size, list[bytes]()
        self._before = _digest(self._last)

    def _read(self, flushed: int, before: bytes, lines: bytes) -> None:
        """Take what left from the file, which gets back those of the store's lines that it has lost.

        flushed: how much of it was on the disk when `lines` were not. before: the digest of its last line
        then; a file with another one was put aside meanwhile, and begun anew.
        """
        found = self._path.read_bytes()
        whole = found[: found.rfind(b"\n") + 1]
        known, rest = whole[:flushed], whole[flushed:]
        same = len(known) == flushed and _digest(_last_of(known)) == before
        if same and not rest.startswith(lines) and not any(map(_is_line, _without(rest, lines))):
            whole = known + lines
        if whole != found:
            end = len(whole) if found.startswith(whole) else flushed
            os.ftruncate(self._file, end)
            if os.write(self._file, whole[end:]) != len(whole) - end:
                raise self._fault("no space left for its last lines")
        self._last = _last_of(whole)
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                self._take(line)
            except _NO_LINE as fault:
                raise self._fault(f"line {number} is no line of it") from fault

    def _take(self, line: bytes) -> None:
        told = json.loads(line)
        step = step_of(told["step"])
        self._count(told["time"], told["bytes"])
        self._steps.add((step.round, step.number))

    def _count(self, time: object, count: object) -> None:
        if type(time) is not str or type(count) is not int or count < 0:
            raise ValueError("no time and bytes")
        self._days[_day(time)] = self._days.get(_day(time), 0) + count

    def _fault(self, why: str) -> FolderError:
        return FolderError(
            f"cannot be gone on with ({why})",
            do="free space on the disk, or put the file aside, and start again",
            where=str(self._path),
        )


def _digest(line: bytes) -> bytes:
    return hashlib.sha256(line).digest()


def _last_of(lines: bytes) -> bytes:
    return next(reversed(lines.splitlines(keepends=True)), b"")


def _without(rest: bytes, lines: bytes) -> list[bytes]:
    """Return the lines of which the store knows nothing."""
    known = set(lines.splitlines())
    return [line for line in rest.splitlines() if line not in known]


def _is_line(line: bytes) -> bool:
    """Return whether it tells of an answer, and is not what a disk gives back for lost bytes."""
    try:
        step_of(json.loads(line)["step"])
    except _NO_LINE:
        return False
    return True


def _day(time: str) -> str:
    return time[: len("2026-01-01")]
