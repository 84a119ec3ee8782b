"""A consortium in a network namespace of its own, and a line that loses packets.

Run as a program, as root, in `unshare --net`: python -m tests.batteries.lossy_line FOLDER. It takes the
nodes in the folder to the end of their run, and prints what became of the packets. Status 77: no such line
can be made here.

The line is a TUN device: what is sent to THERE comes out of it in this process, which drops some packets,
holds some back so that others overtake them, and returns the rest with both addresses swapped, so that they
arrive HERE as if THERE had sent them. A checksum is over both addresses, and stays right.
"""

from __future__ import annotations

import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from benchmarks.deployed_nodes import nodes

HERE, THERE = "10.9.0.1", "10.9.0.2"
NO_LINE = 77
PATIENCE_S = 240.0
LOSS, REORDER = 0.05, 0.25  # shares of packets
_DELAY_S, _HELD_S = 0.01, 0.015  # of every packet, and what those that are overtaken wait more
_TUNSETIFF, _TUN_WITHOUT_HEAD = 0x400454CA, 0x1001
_MOST = 1 << 16  # bytes of a packet


@dataclass(slots=True)
class Packets:
    """What became of them."""

    passed: int = 0
    lost: int = 0
    held: int = 0


@contextmanager
def lossy_line() -> Iterator[Packets]:
    """Yield the counts of a line that works meanwhile. Raises OSError where none can be made."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    try:
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22s", b"lossy", _TUN_WITHOUT_HEAD, b""))
        for command in ("link set lo up", f"addr add {HERE}/24 dev lossy", "link set lossy up"):
            subprocess.run(["ip", *command.split()], check=True, capture_output=True)  # noqa: S607
        found, over = Packets(), threading.Event()
        thread = threading.Thread(target=_carry, args=(device, found, over))
        thread.start()
        try:
            yield found
        finally:
            over.set()
            thread.join()
    finally:
        os.close(device)


def _carry(device: int, found: Packets, over: threading.Event) -> None:
    chance, order, waiting = random.Random(7), count(), list[tuple[float, int, bytes]]()  # noqa: S311
    while not over.is_set():
        due = waiting[0][0] - time.monotonic() if waiting else 0.1
        if select.select([device], [], [], max(0.0, min(due, 0.1)))[0]:
            packet = os.read(device, _MOST)
            if packet[0] >> 4 != 4:
                continue  # IPv6 asks for neighbours, and there are none
            if chance.random() < LOSS:
                found.lost += 1
                continue
            held = chance.random() < REORDER
            found.held += held
            when = time.monotonic() + _DELAY_S + held * _HELD_S
            swapped = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
            heapq.heappush(waiting, (when, next(order), swapped))
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(device, heapq.heappop(waiting)[2])
            found.passed += 1


def main(folder: Path) -> int:
    """Return the status of the program."""
    try:
        with lossy_line() as found, nodes(folder) as running:
            finished = running.finish(PATIENCE_S)
            sys.stdout.write(json.dumps({"finished": finished, **asdict(found)}))
    except (OSError, subprocess.CalledProcessError):
        return NO_LINE
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
