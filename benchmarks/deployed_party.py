"""A party of the measurements of the wire: a process that answers from its disk, and learns nothing.

`python -m benchmarks.deployed_party FOLDER NAME`: FOLDER holds what `benchmarks.deployed_wire` wrote.
"""

from __future__ import annotations

import hashlib
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.deployed_wire import Seat, seat_of
from hansa.core.framing import frame
from hansa.core.messages import Terms
from hansa.core.steps import step_of
from hansa.nodes.outbound_log import OutboundLog
from hansa.registry.node_store import NodeStore
from hansa.transport.nats import COORDINATOR, End
from hansa.transport.nats_door import NatsDoor
from hansa.transport.nats_link import Link

_PATIENCE_S = 30.0


class Answers:
    """What a party answers: its own bytes, kept as a node keeps them; `stages` tells what that took."""

    def __init__(self, store: NodeStore, log: OutboundLog, size: int) -> None:
        self._store, self._log = store, log
        self._body = frame(Terms({"w": np.ones(size // 4, np.float32)}, np.ones((), np.float32)))
        self._kept: list[float] = []

    def answer(self, text: str, question: bytes) -> bytes:
        """Return an answer of the size that the question names, or how long keeping took."""
        step = step_of(text)
        if step.kind == "stages":
            return repr(sorted(self._kept)).encode()
        known = self._store.answer(step)
        if known is not None:
            return known[1]
        answer = self._body
        began = time.perf_counter()
        left = self._log.add(datetime.now(UTC), step, answer)
        self._store.keep({"local": text.encode(), **left}, step, hashlib.sha256(question).digest(), answer)
        if step.round:
            self._kept.append(time.perf_counter() - began)
        return answer


def main(folder: Path, name: str, size: int) -> None:
    """Answer until the process is ended."""
    seat: Seat = seat_of(folder, name)
    link = Link(seat.access)
    link.open(_PATIENCE_S)
    answers = Answers(NodeStore(folder / f"{name}.db"), OutboundLog(folder / f"{name}.log"), size)
    door = NatsDoor(End(link, seat.run, name, seat.key), seat.coordinator)
    assert name != COORDINATOR
    door.serve(answers.answer, lambda: False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
