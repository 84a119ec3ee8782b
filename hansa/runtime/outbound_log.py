"""The log of what left a node in a run, on its own disk: before an answer leaves, its line is there."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import datetime
from pathlib import Path

from hansa.core.errors import FolderError, MessageError
from hansa.core.steps import Step, step_of
from hansa.registry.folders import flush_folder

LOG = "outbound.log"


class OutboundLog:
    """One line of JSON for each answer, on the disk before the answer leaves."""

    def __init__(self, path: Path) -> None:
        """Open it, or make it. A last line that was cut off goes: what it told of never left.

        Raises FolderError where the file cannot be used.
        """
        self._path = path
        self._days: dict[str, int] = {}  # the date to the bytes that left on it
        self._steps: set[tuple[int, int]] = set()  # rounds and numbers of those that left
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            self._read()
            flush_folder(path.parent)
        except OSError as fault:
            raise self._fault(fault.strerror or "an error of the disk") from fault

    def left_on(self, now: datetime) -> int:
        """Return how many bytes left on the day of `now`."""
        return self._days.get(_day(now.isoformat()), 0)

    def steps_after(self, last: tuple[int, int]) -> int:
        """Return how many steps after one left."""
        return sum(step > last for step in self._steps)

    def add(self, now: datetime, step: Step, answer: bytes) -> None:
        """Write a line, and return once it is on the disk; raises FolderError where that is not possible."""
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
            written = os.write(self._file, data)
            if written == len(data):
                os.fsync(self._file)
        except OSError as fault:
            os.ftruncate(self._file, before)
            raise self._fault(fault.strerror or "an error of the disk") from fault
        if written != len(data):
            os.ftruncate(self._file, before)
            raise self._fault("no space left for a whole line")
        self._count(line["time"], len(answer))
        self._steps.add((step.round, step.number))

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _read(self) -> None:
        whole = self._path.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end != len(whole):
            os.ftruncate(self._file, end)
            os.fsync(self._file)
        for number, line in enumerate(whole[:end].splitlines(), 1):
            try:
                found = json.loads(line)
                self._count(found["time"], found["bytes"])
                step = step_of(found["step"])
                self._steps.add((step.round, step.number))
            except (KeyError, TypeError, ValueError, AttributeError, MessageError) as fault:
                raise self._fault(f"line {number} is no line of it") from fault

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


def _day(time: str) -> str:
    return time[: len("2026-01-01")]
