"""A stretch of network between nodes and their server that tests spoil: slow, cut, dead, or well again."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

_PIECE = 1 << 14  # bytes
_NO_LINGER = struct.pack("ii", 1, 0)  # closed so, a connection is reset


class FaultProxy:
    """Passes TCP connections on, both ways, through whatever weather it has now."""

    def __init__(self, target: int, port: int = 0) -> None:
        """Take the loopback port of the server, and its own; 0: a free one."""
        self.port, self._target, self._wanted = 0, target, port
        self._delay_s, self._bytes_per_s, self._swallows = 0.0, 0.0, False
        self._clear = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, name="fault-proxy", daemon=True)
        self.connections = 0  # that were ever opened

    @property
    def url(self) -> str:
        """Return where nodes find it."""
        return f"tls://127.0.0.1:{self.port}"

    # --- weather -------------------------------------------------------------------------------------------

    def fair(self) -> None:
        """Pass all on at once; what was held back goes first."""
        self._delay_s, self._bytes_per_s, self._swallows = 0.0, 0.0, False
        self._do(self._clear.set)

    def delay(self, seconds: float) -> None:
        """Hold every piece back for so long."""
        self._delay_s = seconds

    def slow(self, bytes_per_s: float) -> None:
        """Pass so many bytes on in a second, each way."""
        self._bytes_per_s = bytes_per_s

    def stall(self) -> None:
        """Pass nothing on, and keep it; connections stay, and new ones come to nothing."""
        self._do(self._clear.clear)

    def swallow(self) -> None:
        """Take all and pass nothing on: to both sides the connection looks alive."""
        self._swallows = True

    def cut(self) -> None:
        """Close all connections in good order."""
        self._do(self._close_all)

    def reset(self) -> None:
        """Break all connections off, as a machine does that was switched off and on."""
        self._do(self._break_all)

    # --- how it works --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        assert self._ready.wait(10.0)

    def stop(self) -> None:
        """Close everything."""
        self._do(self._break_all)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._clear.set()
        server = self._loop.run_until_complete(
            asyncio.start_server(self._connected, "127.0.0.1", self._wanted)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(_settled(asyncio.all_tasks(self._loop)))

    def _do(self, call: Callable[[], None]) -> None:
        """Have something done in the proxy's thread, and return once it is."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (call(), done.set()))
        assert done.wait(10.0)

    async def _connected(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(back)
        with contextlib.suppress(OSError, asyncio.CancelledError):  # the proxy is stopped
            await self._clear.wait()
            far, on = await asyncio.open_connection("127.0.0.1", self._target)
            self._open.add(on)
            await _first_of(self._pass(near, on), self._pass(far, back))
            on.close()
            self._open.discard(on)
        back.close()
        self._open.discard(back)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_PIECE):
                await asyncio.sleep(self._delay_s)
                if self._bytes_per_s:
                    await asyncio.sleep(len(piece) / self._bytes_per_s)
                await self._clear.wait()
                if not self._swallows:
                    writer.write(piece)
                    await writer.drain()

    def _close_all(self) -> None:
        for writer in tuple(self._open):
            writer.close()

    def _break_all(self) -> None:
        for writer in tuple(self._open):
            found = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            writer.transport.abort()


@contextmanager
def fault_proxy(target: int, port: int = 0) -> Iterator[FaultProxy]:
    """Yield a proxy before a server on a loopback port."""
    proxy = FaultProxy(target, port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()


async def _first_of(*ways: Coroutine[Any, Any, None]) -> None:
    """Return when one way has ended; the other one then ends, too."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await _settled(tasks)


async def _settled(tasks: Any) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
