"""A party's side of one shared sum: shares for three servers, then the result, which it checks.

The three servers must tell the same result. Of a sum with products the party checks its own square and its
product with the total, exactly: it knows its integers, and both are known modulo 2^64.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hansa.core.errors import RefusedError
from hansa.crypto.masks import Words
from hansa.protection import shared_messages as messages
from hansa.protection.enrolment import COORDINATOR, Channels
from hansa.protection.occasion import Occasion, Past
from hansa.protection.shared_components import SERVERS, Shares, digest_of, split
from hansa.protection.shared_form import SharedForm, dominated
from hansa.protection.shared_messages import Result, Statement
from hansa.protection.shared_sketch import LEAST_SIZE


class SharedParty:
    """One party in one sum."""

    def __init__(self, channels: Channels, occasion: Occasion, past: Past) -> None:
        """Begin; raises RefusedError where the party has taken part in this sum or a later one."""
        self._servers = messages.three_servers(channels.roster)
        past.begin(occasion)
        self._channels, self._occasion = channels, occasion
        self._products = isinstance(occasion.form, SharedForm)
        self._words: Shares | None = None  # (size,)
        if self._products and occasion.size < LEAST_SIZE:
            raise self._refused(
                f"it asks for products of vectors of {occasion.size} numbers, which a sketch would tell",
                f"take part only with {LEAST_SIZE} numbers or more",
            )

    @classmethod
    def resumed(
        cls, channels: Channels, occasion: Occasion, past: Past, value: Mapping[str, Any]
    ) -> SharedParty:
        """Return a party that has sent its shares, as `value` told; past: which knows of the sum."""
        party = cls.__new__(cls)
        party._servers = messages.three_servers(channels.roster)
        party._channels, party._occasion = channels, occasion
        party._products = isinstance(occasion.form, SharedForm)
        party._words = value["words"].copy()  # (size,)
        del past
        return party

    def value(self) -> dict[str, Any]:
        """Return plain values from which `resumed` goes on, once shares are sent."""
        return {"words": self._words}

    def shares(self, words: Words, weight: int = 1) -> dict[str, bytes]:
        """Return each server's message, sealed; words: (size,). Each party does so once in a sum."""
        if self._words is not None:
            raise self._refused("it asks for the shares of one term again", "ask why")
        assert len(words) == self._occasion.size
        assert words.dtype == np.uint64
        self._words = words.copy()  # (size,)
        sent = split(words, self._occasion.digest, self._channels.source)
        statement = Statement(weight, tuple(digest_of(one) for one in sent))
        signed = statement.signed(self._occasion.digest, self._channels.name)
        signature = self._channels.signing.sign(messages.STATEMENT, signed)
        found = {}
        for place, server in enumerate(self._servers):
            held = (sent[place], sent[(place + 1) % SERVERS])
            plain = messages.share_message(statement, signature, held)
            about = messages.about(self._occasion.digest, messages.SHARE, server)
            found[server] = self._channels.seal(server, plain, about)
        return found

    def result(self, told: Mapping[str, bytes]) -> tuple[Shares, Result]:
        """Return (size,) the total and what else was told; told: by server.

        Raises RefusedError where this cannot be right.
        """
        plain = {server: self._opened(server, told.get(server)) for server in self._servers}
        length = self._occasion.size * np.dtype(np.uint64).itemsize
        whole, plain[COORDINATOR] = plain[COORDINATOR][:length], plain[COORDINATOR][length:]
        known = messages.read_result(plain[COORDINATOR], len(self._channels.roster.parties), COORDINATOR)
        for server, other in plain.items():
            if other != plain[COORDINATOR]:
                raise self._refused(
                    f"the coordinator and {server} tell different results", "use none of them; ask both"
                )
        if digest_of(whole) != known.total:
            raise self._refused("the total is not the one that the servers agreed on", "do not use it")
        if dominated(known.weights.values(), self._occasion.cohort):
            raise self._refused("the sum tells too much of one party", "ask the servers why they opened it")
        total = np.frombuffer(whole, np.uint64)  # (size,)
        if self._products:
            self._check(total, known)
        return total, known

    def _check(self, total: Shares, known: Result) -> None:
        assert self._words is not None
        if int(np.dot(self._words, self._words)) != known.square:
            raise self._refused("its own square is not the one that the servers tell", "do not use the sum")
        if int(np.dot(self._words, total)) != known.product:
            raise self._refused(
                "its products do not add up to its product with the sum", "do not use the sum"
            )

    def _opened(self, server: str, sealed: bytes | None) -> bytes:
        if sealed is None:
            raise self._refused(f"no result came from {server}", "ask for it again")
        about = messages.about(self._occasion.digest, messages.RESULT, self._channels.name)
        return self._channels.opened(server, sealed, about)

    def _refused(self, what: str, do: str) -> RefusedError:
        return RefusedError(f"{what}, in {self._occasion.name}", do=do, where=", ".join(self._servers))
