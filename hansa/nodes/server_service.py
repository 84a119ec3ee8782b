"""A server beside the coordinator at work: it connects outward, and answers; it has no records."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime

from hansa.core.errors import FolderError, HansaError, MessageError, PartyError, RefusedError
from hansa.core.steps import Step
from hansa.nodes.coming_in import CONNECT_S, come_in
from hansa.nodes.outbound_log import LEFT, LOG, OutboundLog
from hansa.nodes.seats import PartySeat
from hansa.nodes.server_home import ServerHome
from hansa.nodes.server_keys import check_servers
from hansa.nodes.server_node import ServerNode
from hansa.nodes.telling import Telling
from hansa.nodes.vital_signs import VitalSigns
from hansa.protection.amendment import Amendment
from hansa.registry.node_store import NodeStore
from hansa.transport.nats import End
from hansa.transport.nats_door import NatsDoor
from hansa.transport.nats_link import Link

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]


class ServerService:
    """One server in one run."""

    def __init__(self, home: ServerHome, clock: Clock, signs: VitalSigns | None = None) -> None:
        """Go on from what its folder has. Raises FolderError, and RefusedError where it has forgotten."""
        self._home, self._joined, self._clock = home, home.joined(), clock
        self._signs = signs or VitalSigns(clock)
        joined = self._joined
        check_servers(joined.charter, joined.asks.coordinator, joined.asks.others)
        own = home.credential(joined.invitation.key)
        seat = PartySeat(joined.charter, joined.asks, own, os.urandom, _members_stay)
        self._store = NodeStore(joined.folder / "node.db")
        self._log = OutboundLog(joined.folder / LOG, self._store.state(LEFT))
        self._finished_at: float | None = None
        if self._log.steps_after(self._store.last()) > 1:  # one may have been cut short in between
            raise FolderError(
                "has forgotten answers that left, so that it could answer a step twice",
                do="put back the node.db that belongs to outbound.log; without it this run is over",
                where=str(joined.folder),
            )
        self.node = ServerNode(joined.charter, self._store, seat, self._leave)

    def serve(self, until: Callable[[], bool]) -> bool:
        """Answer until the run is over, or until told; return whether it is. Then the service has ended."""
        try:
            if not self.node.over:
                self._connected(until)
            return self.node.over or self.node.finished
        finally:
            self._store.close()

    def _connected(self, until: Callable[[], bool]) -> None:
        invitation = self._joined.invitation
        link = Link(self._home.access(invitation))
        self._signs.follow(link)
        try:
            if not come_in(link, until, CONNECT_S):
                return
            end = End(link, invitation.run, self._home.name, self._home.credential(invitation.key).signing)
            rounds = self._joined.charter.rounds
            telling = Telling(rounds)
            answer = telling.answered(self._signs.answered(self.answer, rounds))
            over = telling.while_waiting(lambda: until() or self._is_over())
            NatsDoor(end, invitation.coordinator).serve(answer, over)
        finally:
            link.close()

    def answer(self, step: str, question: bytes) -> bytes:
        """Return the node's answer. Raises what the coordinator may hear of why there is none."""
        try:
            return self.node.answer(step, question)
        except FolderError as fault:
            logger.error("not answered step=%s why=%s", step, fault)
            raise PartyError(
                "its disk or its folder refuses",
                do="ask its operator, whose log says more",
                where=self._home.name,
            ) from fault
        except HansaError as fault:
            if not isinstance(fault, RefusedError | MessageError):
                logger.error("not answered step=%s why=%s", step, fault)
            raise

    def _leave(self, step: Step, answer: bytes) -> dict[str, bytes]:
        """Return what notes an answer, on this machine's own disk before it leaves."""
        return self._log.add(self._clock().astimezone(UTC), step, answer)

    def _is_over(self) -> bool:
        """Return whether nothing is left to do: all is said, or the last sum is over and nobody asks more."""
        if self.node.finished and self._finished_at is None:
            self._finished_at = time.monotonic()
        waited = -math.inf if self._finished_at is None else time.monotonic() - self._finished_at
        return self.node.over or waited > self._joined.charter.lateness.seconds


def _members_stay(found: Amendment) -> None:
    """Sign no change of members: in protected sums who began together goes on together."""
    raise RefusedError(
        f"{found.change.words}: not within a run with servers", do="begin another run", where="this server"
    )
