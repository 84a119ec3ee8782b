"""The signed envelope in a message of Flower: one config record, one value of bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hansa.core.errors import MessageError
from hansa.crypto.signing import SigningKey
from hansa.transport.envelope import Head, Letter, digest_of, opened, signed
from hansa.transport.flower_quiet import quiet_flower

LARGEST_BODY = 1 << 28  # bytes; all of it is in memory, several times over
COORDINATOR = "coordinator"  # as over NATS, whose library need not be installed here
QUERY, WHO = "query.hansa", "query.who"  # the two kinds of message
_RECORD, _VALUE = "hansa", "envelope"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who signs, in which run."""

    run: str
    name: str
    key: SigningKey = field(repr=False)

    def content(self, step: str, to: str, kind: str, body: bytes) -> Any:
        """Return a Flower message's content: a RecordDict."""
        flower = quiet_flower()
        head = Head(self.run, step, self.name, to, kind, len(body), digest_of(body))
        record = flower.ConfigRecord({_VALUE: signed(head, body, self.key)})
        return flower.RecordDict({_RECORD: record})

    def read(self, content: Any, key_of: Callable[[str], bytes | None]) -> Letter:
        """Return the letter in a message's content, if it is to this writer. Raises MessageError."""
        records = content.config_records
        if list(content) != [_RECORD] or _RECORD not in records or list(records[_RECORD]) != [_VALUE]:
            raise MessageError("a message without an envelope", do="drop it")
        envelope = records[_RECORD][_VALUE]
        if type(envelope) is not bytes:
            raise MessageError("an envelope that is not bytes", do="drop it")
        return opened(envelope, key_of, self.run, self.name, LARGEST_BODY)


def roll_call(node: int) -> str:
    """Return the step in which a node says whose it is."""
    return f"who.{node}"
