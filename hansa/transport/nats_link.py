"""One connection to NATS in a thread of its own, which comes back for ever; its callers are synchronous.

Every connection is a fresh client: what a lost one had under way fails at once, and what was heard is heard
again. TLS comes before the server's first word, so that nobody on the way can talk the client out of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for_futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from hansa.core.errors import HansaError, LinkError
from hansa.crypto.signing import SigningKey
from hansa.transport.nats_tokens import nonce_signature

logger = logging.getLogger(__name__)
# Python's streams say so whenever the other side of a TLS connection hangs up; it tells nothing.
logging.getLogger("asyncio").addFilter(lambda record: "eof_received() has no effect" not in record.msg)

Heard = Callable[[bytes], None]
Found = TypeVar("Found")

WAITING_BYTES = 64 << 20  # that wait to be sent, or on one subject to be heard; what comes on top is dropped
_WAITING_MESSAGES = 4096
_ANEW_SECONDS = 0.25  # between two tries to connect
_CONNECT_SECONDS = 5
_BEAT_SECONDS = 5  # of silence after which the server is asked whether it is there, and how long it may think
_MOST_SAID = 32  # different lines of a log between two connections
_FAULTS = (OSError, TimeoutError, nats.errors.Error, HansaError)


@dataclass(frozen=True, slots=True)
class Access:
    """Where a server is, and what we show it."""

    urls: tuple[str, ...]
    authority: Path | None  # the certificate that theirs must be under; None: one that this machine trusts
    key: SigningKey = field(repr=False)
    token: str = field(repr=False)
    inbox: str  # the prefix of the subjects on which the server replies


class Link:
    """A connection that is up, or on its way to be up again, from `open` to `close`."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._context = _context(access.authority)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="hansa-nats", daemon=True)
        self._main: asyncio.Task[None] | None = None
        self._begun, self._up = threading.Event(), threading.Event()
        self._client: Client | None = None
        self._fault = "it does not answer"
        self._answers = False  # whether a server was ever there, if only to refuse
        self._said: set[str] = set()  # what went wrong since the connection was up
        self._heard: dict[str, Heard] = {}
        self._subscriptions: dict[str, Subscription] = {}  # of the client of now
        self._under_way: set[asyncio.Task[Any]] = set()
        self._returns: list[Callable[[], None]] = []

    def open(self, seconds: float) -> None:
        """Begin, and return once the connection is up. Raises LinkError as `wait` does; it goes on trying."""
        self.begin()
        self.wait(seconds)

    def begin(self) -> None:
        """Begin to connect, and go on trying until `close`."""
        self._thread.start()
        self._begun.wait()

    def wait(self, seconds: float) -> None:
        """Return once the connection is up. Raises LinkError after so many seconds."""
        if not self.comes_up(seconds):
            raise self.fault()

    def comes_up(self, seconds: float) -> bool:
        """Return whether the connection is up within so many seconds."""
        return self._up.wait(seconds)

    @property
    def answers(self) -> bool:
        """Return whether a server was ever there, if only to refuse."""
        return self._answers

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return host and port of each server."""
        return tuple(url.partition("://")[2] for url in self._access.urls)

    def is_up(self) -> bool:
        """Return whether the connection is up now."""
        return self._up.is_set()

    def close(self) -> None:
        """Take the connection down for good."""
        if self._main is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # it has ended meanwhile
                self._loop.call_soon_threadsafe(self._main.cancel)
            self._thread.join()
        self._loop.close()

    def on_return(self, call: Callable[[], None]) -> None:
        """Have something called, in the link's thread, whenever the connection has come up."""
        self._returns.append(call)

    def publish(self, mail: Sequence[tuple[str, bytes]]) -> None:
        """Send messages by (subject, content), all in one piece; lost where the connection is."""
        with contextlib.suppress(RuntimeError):  # the link is closed
            self._loop.call_soon_threadsafe(self._begin_publish, mail)

    def hear(self, subject: str, heard: Heard | None) -> None:
        """Have each message on a subject given to `heard`, in the link's thread; None: no more.

        Where the connection is lost this holds from its return on.
        """
        with contextlib.suppress(LinkError):
            self.ask(self._hear, subject, heard)

    def start(self, call: Callable[..., Coroutine[Any, Any, Found]], *args: Any) -> Future[Found]:
        """Return the future of a coroutine that the link's thread runs; `result_of` waits for it."""
        work = self._kept(call, args)
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError as fault:  # the loop is closed
            work.close()
            raise self.fault() from fault

    def ask(self, call: Callable[..., Coroutine[Any, Any, Found]], *args: Any) -> Found:
        """Return what a coroutine returns. Raises LinkError where the connection is lost before."""
        return self.result_of(self.start(call, *args))

    def result_of(self, future: Future[Found]) -> Found:
        """Return a future's result. Raises LinkError where the connection is lost before."""
        while not wait_for_futures([future], _BEAT_SECONDS).done:
            if not self._thread.is_alive():
                raise self.fault()
        try:
            return future.result()
        except (OSError, TimeoutError, nats.errors.Error, CancelledError) as fault:
            raise self.fault(fault) from fault

    @property
    def client(self) -> Client:
        """Return the client of now, for coroutines in the link's thread. Raises LinkError."""
        if self._client is None:
            raise self.fault()
        return self._client

    async def _kept(self, call: Callable[..., Coroutine[Any, Any, Found]], args: tuple[Any, ...]) -> Found:
        """Return what a coroutine returns, unless the connection is lost before."""
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            return await call(*args)
        finally:
            self._under_way.discard(task)

    def _begin_publish(self, mail: Sequence[tuple[str, bytes]]) -> None:
        client = self._client
        if client is None or client.pending_data_size > WAITING_BYTES:
            logger.info("messages not sent count=%d", len(mail))
            return
        task = self._loop.create_task(_publish(client, mail))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _hear(self, subject: str, heard: Heard | None) -> None:
        if heard is not None:
            self._heard[subject] = heard
            if self._client is not None and subject not in self._subscriptions:
                await self._subscribe(self._client, subject)
            return
        self._heard.pop(subject, None)
        if (known := self._subscriptions.pop(subject, None)) is not None:
            await known.unsubscribe()

    async def _subscribe(self, client: Client, subject: str) -> None:
        async def heard(message: Msg) -> None:
            if (call := self._heard.get(subject)) is not None:
                call(message.data)

        self._subscriptions[subject] = await client.subscribe(
            subject, cb=heard, pending_msgs_limit=_WAITING_MESSAGES, pending_bytes_limit=WAITING_BYTES
        )
        for _ in range(2):  # the first question of a flush may overtake what was to be flushed
            await client.flush()

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError), asyncio.Runner(loop_factory=self._own) as runner:
            runner.run(self._keep())

    def _own(self) -> asyncio.AbstractEventLoop:
        return self._loop

    async def _keep(self) -> None:
        """Keep a connection up, one after the other."""
        self._main = asyncio.current_task()
        self._begun.set()
        while True:
            await self._session()
            await asyncio.sleep(_ANEW_SECONDS)

    async def _session(self) -> None:
        """Have one connection from its beginning to its end."""
        client, ended = Client(), asyncio.Event()
        try:
            await self._enter(client, ended)
            await _end_of(client, ended)
            logger.warning("disconnected why=%s", client.last_error or "the connection was lost")
        except _FAULTS as fault:
            self._note(fault)
        finally:
            ended.set()
            self._leave()
            await _hang_up(client)

    async def _enter(self, client: Client, ended: asyncio.Event) -> None:
        access = self._access

        async def note(fault: Exception) -> None:
            if not ended.is_set():  # what goes wrong in hanging up is no news
                self._note(fault)

        async def closed() -> None:
            ended.set()

        await client.connect(
            list(access.urls),
            error_cb=note,
            closed_cb=closed,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=_ANEW_SECONDS,  # type: ignore[arg-type]
            connect_timeout=_CONNECT_SECONDS,
            tls=self._context,
            tls_handshake_first=True,
            user_jwt_cb=access.token.encode,
            signature_cb=lambda nonce: nonce_signature(access.key, nonce),
            inbox_prefix=access.inbox,
        )
        while missing := self._heard.keys() - self._subscriptions.keys():
            for subject in missing:
                await self._subscribe(client, subject)
        self._client, self._answers = client, True
        self._said.clear()
        logger.info("connected server=%s", client.connected_url.netloc if client.connected_url else "")
        for call in self._returns:
            call()
        self._up.set()

    def _leave(self) -> None:
        """End what was under way."""
        self._client = None
        self._subscriptions.clear()
        self._up.clear()
        for task in tuple(self._under_way):
            task.cancel()

    def _note(self, fault: Exception) -> None:
        if not isinstance(fault, _FAULTS):
            logger.error("a fault of ours", exc_info=fault)
            return
        self._fault, self._answers = _in_words(fault), self._answers or _is_an_answer(fault)
        if self._fault not in self._said and len(self._said) < _MOST_SAID:
            self._said.add(self._fault)
            logger.warning("link why=%s", self._fault)

    def fault(self, fault: BaseException | None = None) -> LinkError:
        """Return the error that says why the connection is not up; fault: what has just told."""
        said = str(fault) if isinstance(fault, Exception) and str(fault) else self._fault
        return LinkError(
            said, do="see that the server runs and lets this key in", where=", ".join(self._access.urls)
        )


async def _publish(client: Client, mail: Sequence[tuple[str, bytes]]) -> None:
    with contextlib.suppress(*_FAULTS):  # the connection is at its end; who waits for an answer asks again
        for subject, content in mail:
            await client.publish(subject, content)


async def _hang_up(client: Client) -> None:
    """Close a client, and its socket too where the server stands still and never says goodbye."""
    with contextlib.suppress(*_FAULTS):
        await asyncio.wait_for(client.close(), _ANEW_SECONDS)
    socket = getattr(getattr(client, "_transport", None), "_bare_io_writer", None)
    if socket is not None:
        socket.transport.abort()


async def _end_of(client: Client, ended: asyncio.Event) -> None:
    """Return when a connection has ended; one that is half open shows by a server that does not answer."""
    while not ended.is_set():
        try:
            await asyncio.wait_for(ended.wait(), _BEAT_SECONDS)
        except TimeoutError:
            await client.rtt(_BEAT_SECONDS)


def _context(authority: Path | None) -> ssl.SSLContext:
    if authority is None:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # it checks the host's name and trusts nobody yet
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(authority)
    except OSError as fault:
        raise LinkError(
            "is no certificate", do="fetch the authority's again", where=str(authority)
        ) from fault
    return context


def _is_an_answer(fault: Exception) -> bool:
    """Return whether a fault comes from a server that is there; the rest is silence, or a closed port."""
    silence = OSError | TimeoutError | nats.errors.NoServersError
    return isinstance(fault, ssl.SSLError) or not isinstance(fault, silence)


def _in_words(fault: Exception) -> str:
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"the server's certificate is refused: {fault.verify_message}"
    return str(fault) or type(fault).__name__
