"""Sums over parties that are elsewhere and show nobody their terms: masked, shared or encrypted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hansa.core import codec
from hansa.core.framing import frame
from hansa.core.messages import Ask, Terms, Totals
from hansa.nodes.asking import Asking
from hansa.nodes.encrypted_exchange import encrypted_sum
from hansa.nodes.gathering import Flags, Floats
from hansa.nodes.masked_exchange import masked_sum
from hansa.nodes.party_questions import PartyQuestions
from hansa.nodes.server_questions import ServerQuestions
from hansa.nodes.shared_exchange import SharedSum
from hansa.nodes.shared_servers import kept_secret
from hansa.protection import packing
from hansa.protection.enrolment import Channels
from hansa.protection.occasion import Past, past_of
from hansa.registry.node_store import NodeStore
from hansa.runtime.sums import ROWS, Sums

_PAST = "past"  # the name of what the coordinator, as a server of shared sums, remembers of them


class ProtectedGathering:
    """Numbers that come together in a sum alone."""

    def __init__(
        self, asking: Asking, servers: Asking, sums: Sums, channels: Channels, store: NodeStore
    ) -> None:
        """Take who asks parties and servers, and what the coordinator shares with each of them.

        Raises FolderError where the store cannot be read.
        """
        self._asking, self._servers, self._sums, self._channels = asking, servers, sums, channels
        self._secret = kept_secret(store) if sums.charter.secrecy == "shared" else b""
        known = store.state(_PAST)
        self._past = Past() if not known else past_of(codec.decode(known))

    def statistics(self, kind: str, numbers: int) -> tuple[Floats, Flags | None]:
        """Return the sums of cells that enough parties have, and (numbers,) which these are."""
        support = f"support of {kind}"
        found, _ = self._sum(self._sums.of_kind(support), numbers, codec.encode({"enough": None}))
        enough = found > self._sums.charter.protection.cohort - 0.5  # (numbers,)
        rows, question = ROWS[kind], codec.encode({"enough": enough})
        total, _ = self._sum(self._sums.of_kind(kind), rows * numbers, question)
        return total, enough

    def totals(self, ask: Ask, like: Sequence[Terms], *, addressed: bool) -> Totals | Sequence[Terms]:
        """Return the sums."""
        assert not addressed  # the charter's rules ask for open secrecy
        row, most = self._sum(self._sums.of_ask(ask), packing.size(like[0]), frame(ask))
        return packing.totals(row, most, like[0])

    def states(self) -> dict[str, bytes]:
        """Return what is to be kept of sums at the end of a round."""
        return {_PAST: codec.encode(self._past.value())}

    def has_settled(self, round_: int) -> bool:
        """Return whether it is settled whose answers count in a step of a round."""
        return self._asking.has_settled(round_)

    def _sum(self, why: Mapping[str, Any], numbers: int, question: bytes) -> tuple[Floats, float]:
        """Return the decoded sum, of a model with the parties' weights first, and in what these are."""
        sums, secrecy = self._sums, self._sums.charter.secrecy
        occasion = sums.occasion(self._channels.roster.digest, why, self._asking.number, numbers)
        parties = PartyQuestions(self._asking, why, question)
        if secrecy == "masked":
            return sums.form_of(why).decoded(masked_sum(self._channels, occasion, parties)), sums.most
        servers = ServerQuestions(self._servers, self._asking.round, why, occasion.number, numbers)
        if secrecy == "encrypted":
            words = encrypted_sum(self._channels, occasion, parties, servers)
            return sums.form_of(why).decoded(words), sums.most
        shared = SharedSum(self._channels, occasion, self._past, self._secret)
        shared.run(parties, servers)
        weight, total = shared.total()
        return (total, sums.most) if weight is None else (np.append(weight, total), 1.0)
