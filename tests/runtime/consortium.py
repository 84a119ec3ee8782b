"""A whole run in one process: a coordinator's node, and parties' nodes that answer through outbound gates."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hansa.core.charter import Charter, Protection
from hansa.core.charter_digest import charter_digest
from hansa.core.site_policy import SitePolicy
from hansa.core.steps import step_of
from hansa.protection.enrolment import COORDINATOR, credential
from hansa.protection.membership import Member, Membership
from hansa.registry.node_store import NodeStore
from hansa.runtime.coordinator_node import Beside, CoordinatorNode
from hansa.runtime.outbound import LEFT, LOG, Outbound, OutboundLog
from hansa.runtime.party_node import PartyNode, Ways
from hansa.runtime.preparing import Preparing
from hansa.runtime.seats import Asks, CoordinatorSeat, PartySeat
from hansa.transport.memory import Memory
from hansa.transport.seam import Answer
from tests.simulation.small_world import small, world

RUN = "0123456789abcdef"
NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)


class Consortium:
    """Three parties in a folder each."""

    def __init__(self, charter: Charter, folder: Path, policy: SitePolicy | None = None) -> None:
        self.charter, self.folder = charter, folder
        self.sent: dict[str, list[tuple[str, bytes]]] = {party.name: [] for party in charter.roster}
        names = [*self.sent, COORDINATOR]
        self._own = {name: credential(name, os.urandom) for name in names}
        keys = {name: one.signing.public for name, one in self._own.items()}
        parties = tuple(Member(party, keys[party.name]) for party in charter.roster)
        servers = ((COORDINATOR, keys[COORDINATOR]),)
        self._list = Membership(RUN, charter_digest(charter), 0, parties, servers)
        self.gates: dict[str, Outbound] = {}
        self._nodes = self._made(policy or SitePolicy())

    def run(self) -> None:
        """Run to the end."""
        seat = CoordinatorSeat(self.charter, self._list, self._own[COORDINATOR], os.urandom)
        store = NodeStore(self.folder / "coordinator.db")
        transport = Memory({name: self._answer(name) for name in self._nodes})
        CoordinatorNode(self.charter, store, transport, seat, Beside(lambda done, rounds: None)).run()

    def _answer(self, name: str) -> Answer:
        def answer(step: str, question: bytes) -> bytes:
            found = self._nodes[name].answer(step, question)
            self.sent[name].append((step_of(step).kind, found))
            return found

        return answer

    def _made(self, policy: SitePolicy) -> dict[str, PartyNode]:
        dealt, nodes = world(), {}
        shares = dealt.shares(self.charter, self.charter.partition.kind)
        for party, share in zip(self.charter.roster, shares, strict=True):
            folder = self.folder / party.name
            folder.mkdir()
            store = NodeStore(folder / "node.db")
            log = OutboundLog(folder / LOG, store.state(LEFT))
            gate = self.gates[party.name] = Outbound(log, self.charter, policy, lambda: NOON)
            boss = self._own[COORDINATOR].signing.public
            seat = PartySeat(
                self.charter, Asks(RUN, boss), self._own[party.name], os.urandom, lambda found: None
            )
            preparing = Preparing(self.charter, party, share, dealt.spools)
            ways = Ways(gate, lambda algorithm, network: None, gate.expect, lambda found: None)
            nodes[party.name] = PartyNode(self.charter, preparing, store, ways, seat)
        return nodes


def charter_of(name: str, secrecy: str = "open", **changes: Any) -> Charter:
    """Return a charter for it that trains one algorithm for one round."""
    kind = {"labsync": "hybrid", "labsync_mean": "hybrid", "aligned": "hybrid", "vertical": "vertical"}
    made = small(compare=(), **changes)
    partition = replace(made.partition, kind=kind.get(name, "horizontal"))
    training = replace(made.training, optimizer="sgd" if name == "fsvrg" else made.training.optimizer)
    return replace(
        made,
        rounds=1,
        algorithm=replace(made.algorithm, name=name),
        partition=partition,
        training=training,
        protection=Protection(secrecy),
    )
