"""A relay on the loopback address between one party and the tracker: it counts the bytes of each way."""

from __future__ import annotations

import contextlib
import socket
from threading import Thread

_PIECE = 1 << 16


class ByteRelay:
    """Passes one party's connection on, and counts what it carries."""

    def __init__(self, target: int) -> None:
        """Listen on a free port of 127.0.0.1; target: the tracker's port there."""
        self.up = 0  # bytes from the party
        self.down = 0
        self._target = target
        self._open: list[socket.socket] = []
        self._over = False
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Close every connection."""
        self._over = True
        self._hang_up()

    def _hang_up(self) -> None:
        for one in (self._door, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                party, _ = self._door.accept()
                self._open.append(party)
                tracker = socket.create_connection(("127.0.0.1", self._target))
                self._open.append(tracker)
                Thread(target=self._pass_up, args=(party, tracker), daemon=True).start()
                Thread(target=self._pass_down, args=(tracker, party), daemon=True).start()
        if self._over:  # one may have come while the others were closed
            self._hang_up()

    def _pass_up(self, party: socket.socket, tracker: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := party.recv(_PIECE):
                self.up += len(piece)
                tracker.sendall(piece)
            tracker.shutdown(socket.SHUT_WR)

    def _pass_down(self, tracker: socket.socket, party: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := tracker.recv(_PIECE):
                self.down += len(piece)
                party.sendall(piece)
            party.shutdown(socket.SHUT_WR)
