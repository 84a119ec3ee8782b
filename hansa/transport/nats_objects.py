"""Bodies in a bucket: cut into pieces of one message each, and encrypted, so that many may read the bucket.

The key travels in the signed envelope, with the digest of the plain bytes. Pieces carry ids, so that one
that is sent again after a lost connection lies there once.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import itertools
import json
import os
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import nats.errors
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from nats.aio.client import Client
from nats.aio.subscription import Subscription

from hansa.core.errors import LinkError, MessageError
from hansa.transport.envelope import Head
from hansa.transport.nats_link import Link
from hansa.transport.subjects import Bucket

_PIECE = 256 << 10  # bytes of one message
_GROUP = 16  # pieces under way at once
_REPLY_SECONDS = 10.0
_STREAM_SECONDS = 86_400  # after which a piece is gone that nobody has removed
_FROM_0 = CTR(bytes(16))

Piece = tuple[int, bytes]  # its place in the bucket, and its content


def make_bucket(link: Link, bucket: Bucket, most_bytes: int) -> None:
    """Make a bucket, or change the one that is there. Raises LinkError. Full, it loses its oldest pieces."""
    nanoseconds = 1_000_000_000
    wanted = {
        "name": bucket.name,
        "subjects": [bucket.subject("*")],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "max_age": _STREAM_SECONDS * nanoseconds,
        "max_bytes": most_bytes,
        "max_consumers": -1,
        "max_msgs": -1,
        "duplicate_window": 120 * nanoseconds,
        "num_replicas": 1,
        "allow_direct": True,
        "deny_delete": False,
    }
    link.ask(_make, link, bucket, wanted)


def drop_bucket(link: Link, bucket: Bucket) -> None:
    """Remove a bucket with all that is in it. Raises LinkError."""
    link.ask(_act, link, "DELETE", bucket, {})


def remove(link: Link, bucket: Bucket, place: str) -> None:
    """Have a body removed, some time soon."""
    try:
        link.start(_act, link, "PURGE", bucket, {"filter": bucket.subject(place)})
    except LinkError:
        return  # what stays grows too old by itself


def store(link: Link, bucket: Bucket, body: bytes, seconds: float) -> tuple[str, bytes]:
    """Put a body into a bucket; return its place and its key. Raises LinkError after so many seconds."""
    place, key = os.urandom(8).hex(), os.urandom(32)
    ends = time.perf_counter() + seconds
    before: Callable[[], object] = _nothing
    for first, group in _groups(body, _cipher(key)):
        now = _started(link, ends, _put, bucket.subject(place), place, first, group)
        before()
        before = now
    before()
    return place, key


def pieces(link: Link, bucket: Bucket, head: Head, seconds: float) -> Iterator[bytes]:
    """Yield a body's bytes in pieces, and know only after the last whether they are what its sender signed.

    Raises MessageError where they are not, as soon as that is seen; LinkError after so many seconds.
    """
    cipher, digest, left = _cipher(head.key), hashlib.sha256(), head.size
    ends = time.perf_counter() + seconds
    ahead = _started(link, ends, _get, bucket, head.place, 1)
    while left:
        group = ahead()
        if not group:
            raise _damaged(head)
        if left > _PIECE * len(group):
            ahead = _started(link, ends, _get, bucket, head.place, group[-1][0] + 1)
        for _, content in group:
            if len(content) != min(_PIECE, left) or not left:
                raise _damaged(head)
            plain = cipher.update(content)
            digest.update(plain)
            left -= len(plain)
            yield plain
    if digest.digest() != head.digest:
        raise _damaged(head)


def fetch(link: Link, bucket: Bucket, head: Head, seconds: float) -> bytes:
    """Return a body that is what its sender signed, in memory once. Raises MessageError or LinkError."""
    whole = io.BytesIO()
    for piece in pieces(link, bucket, head, seconds):
        whole.write(piece)
    return whole.getvalue()


def _groups(body: bytes, cipher: CipherContext) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the number of a group's first piece and its encrypted pieces."""
    view = memoryview(body)
    for first in range(0, len(body), _PIECE * _GROUP):
        whole = view[first : first + _PIECE * _GROUP]
        cut = range(0, len(whole), _PIECE)
        yield first // _PIECE, [cipher.update(whole[begin : begin + _PIECE]) for begin in cut]


def _started(link: Link, ends: float, call: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Any:
    """Start a coroutine of the link's thread; return what waits for its result.

    Where the connection is lost it is waited for and the coroutine is started again, until the time is over.
    """

    def begun() -> Future[Any]:
        link.wait(max(0.0, ends - time.perf_counter()))
        return link.start(call, link, *args)

    first = begun()

    def result() -> Any:
        future = first
        while True:
            try:
                return link.result_of(future)
            except LinkError:
                if time.perf_counter() > ends:
                    raise
                time.sleep(0.1)  # an error that comes back at once must not be asked for without rest
                future = begun()

    return result


def _nothing() -> None:
    pass


async def _put(link: Link, subject: str, place: str, first: int, group: Sequence[bytes]) -> None:
    """Return once the server has all pieces of a group, in their order."""
    client = link.client
    sent = [
        client.request(subject, piece, _REPLY_SECONDS, headers={"Nats-Msg-Id": f"{place}.{first + number}"})
        for number, piece in enumerate(group)
    ]
    taken = [_reply(message.data)["seq"] for message in await asyncio.gather(*sent)]
    if any(one >= other for one, other in itertools.pairwise(taken)):
        raise nats.errors.Error("pieces lie in another order")


async def _get(link: Link, bucket: Bucket, place: str, begin: int) -> list[Piece]:
    """Return the next pieces of a body, from a place in the bucket on; none where there are no more."""
    client = link.client
    inbox = client.new_inbox()
    replies = await client.subscribe(inbox)
    wanted = {"seq": begin, "next_by_subj": bucket.subject(place), "batch": _GROUP}
    try:
        await client.publish(bucket.reading, json.dumps(wanted).encode(), reply=inbox)
        return await _collected(replies)
    finally:
        if client.is_connected:
            await replies.unsubscribe()


async def _collected(replies: Subscription) -> list[Piece]:
    """Return the messages up to the one that says there are no more now."""
    found: list[Piece] = []
    while True:
        message = await replies.next_msg(_REPLY_SECONDS)
        headers = message.headers or {}
        status = headers.get("Status")
        if status in ("204", "404"):
            return found
        if status is not None or "Nats-Sequence" not in headers:
            raise nats.errors.Error(headers.get("Description") or f"the server says {status}")
        found.append((int(headers["Nats-Sequence"]), message.data))


async def _make(link: Link, bucket: Bucket, wanted: dict[str, Any]) -> None:
    try:
        await _act(link, "CREATE", bucket, wanted)
    except nats.errors.Error:  # there is one already with other limits, or the reason is told again
        await _act(link, "UPDATE", bucket, wanted)


async def _act(link: Link, act: str, bucket: Bucket, wanted: dict[str, Any]) -> None:
    client: Client = link.client
    subject = f"$JS.API.STREAM.{act}.{bucket.name}"
    _reply((await client.request(subject, json.dumps(wanted).encode(), _REPLY_SECONDS)).data)


def _reply(data: bytes) -> dict[str, Any]:
    """Return the server's reply, which is trusted to be well-formed, unless it tells an error."""
    reply: dict[str, Any] = json.loads(data)
    if "error" in reply:
        raise nats.errors.Error(str(reply["error"].get("description", "the server refuses")))
    return reply


def _cipher(key: bytes) -> CipherContext:
    return Cipher(AES(key), _FROM_0).encryptor()  # of a stream of which each key is used once


def _damaged(head: Head) -> MessageError:
    return MessageError(
        "its body is not the one it signed, or is not there", do="leave it out", where=head.sender
    )
