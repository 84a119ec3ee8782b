"""A whole run in one process: a coordinator, parties that answer through outbound gates, and servers."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hansa.core.charter import Charter, Protection
from hansa.core.charter_digest import charter_digest
from hansa.core.site_policy import SitePolicy
from hansa.core.steps import step_of
from hansa.nodes.coordinator_node import Beside, CoordinatorNode
from hansa.nodes.outbound import Outbound
from hansa.nodes.outbound_log import LEFT, LOG, OutboundLog
from hansa.nodes.party_answers import Ways
from hansa.nodes.party_node import PartyNode
from hansa.nodes.preparing import Preparing
from hansa.nodes.seats import Asks, CoordinatorSeat, PartySeat
from hansa.nodes.server_node import ServerNode
from hansa.nodes.stages import servers_of
from hansa.protection.enrolment import COORDINATOR, credential
from hansa.protection.membership import Member, Membership
from hansa.registry.node_store import NodeStore
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
        beside = servers_of(charter)
        names = [*self.sent, COORDINATOR, *beside]
        self._own = {name: credential(name, os.urandom) for name in names}
        keys = {name: one.signing.public for name, one in self._own.items()}
        parties = tuple(Member(party, keys[party.name]) for party in charter.roster)
        servers = tuple((name, keys[name]) for name in (COORDINATOR, *beside))
        self._asks = Asks(RUN, keys[COORDINATOR], {name: keys[name] for name in beside})
        self._list = Membership(RUN, charter_digest(charter), 0, parties, servers)
        self.gates: dict[str, Outbound] = {}
        self._nodes = self._made(policy or SitePolicy())

    def run(self) -> None:
        """Run to the end."""
        seat = CoordinatorSeat(self.charter, self._list, self._own[COORDINATOR], os.urandom)
        store = NodeStore(self.folder / "coordinator.db")
        servers = {name: self._server(name).answer for name in servers_of(self.charter)}
        transport = Memory({name: self._answer(name) for name in self._nodes} | servers)
        CoordinatorNode(self.charter, store, transport, seat, Beside(lambda done, rounds: None)).run()

    def _answer(self, name: str) -> Answer:
        def answer(step: str, question: bytes) -> bytes:
            found = self._nodes[name].answer(step, question)
            self.sent[name].append((step_of(step).kind, found))
            return found

        return answer

    def _server(self, name: str) -> ServerNode:
        store = NodeStore(self.folder / f"{name}.db")
        return ServerNode(self.charter, store, self._seat(name), lambda step, answer: {})

    def _seat(self, name: str) -> PartySeat:
        return PartySeat(self.charter, self._asks, self._own[name], os.urandom, lambda found: None)

    def _made(self, policy: SitePolicy) -> dict[str, PartyNode]:
        dealt, nodes = world(), {}
        shares = dealt.shares(self.charter, self.charter.partition.kind)
        for party, share in zip(self.charter.roster, shares, strict=True):
            folder = self.folder / party.name
            folder.mkdir()
            store = NodeStore(folder / "node.db")
            log = OutboundLog(folder / LOG, store.state(LEFT))
            gate = self.gates[party.name] = Outbound(log, self.charter, policy, lambda: NOON)
            seat = self._seat(party.name)
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
