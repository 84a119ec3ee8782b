"""A coordinator, its parties and the servers beside it as nodes in one process, each on its own store.

What a node is made of is said here alone. Everybody's records, keys and charter are fixed; a node can be
thrown away at any moment and made again from its store, as after a kill.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hansa.algorithms.contract import Algorithm
from hansa.core import arrays
from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest
from hansa.core.errors import HansaError
from hansa.core.steps import Step
from hansa.nodes.changes import MEMBERSHIP
from hansa.nodes.coordinator_node import Beside, CoordinatorNode
from hansa.nodes.party_answers import Ways
from hansa.nodes.party_node import PartyNode
from hansa.nodes.preparing import Preparing
from hansa.nodes.seats import Asks, CoordinatorSeat, PartySeat
from hansa.nodes.server_node import ServerNode
from hansa.nodes.stages import servers_of
from hansa.protection.enrolment import COORDINATOR, Credential, credential
from hansa.protection.membership import Member, Membership, read_membership
from hansa.registry.node_store import NodeStore
from hansa.runtime.world import World
from hansa.simulation.federation import Federation
from hansa.transport.seam import Refusal
from tests.simulation.small_world import small, world

Network = Mapping[str, np.ndarray]
ALL = ("party-1", "party-2", "party-3")
RUN = "0123456789abcdef"


def charter_of(name: str, secrecy: str = "open", **changes: Any) -> Charter:
    """Return a charter of 2 rounds for the small world; changes: as `small` takes them."""
    hybrid = name in ("labsync", "labsync_mean", "aligned", "hyfdca")
    vertical = name in ("vertical", "fedbcd", "vafl", "fdml", "afsgd_vp")
    kind = "hybrid" if hybrid else "vertical" if vertical else "mixed" if name == "mixed" else "horizontal"
    plain = name in ("scaffold", "fsvrg", "afsgd_vp")
    settings: dict[str, Any] = {
        "rounds": 2,
        "compare": (),
        "algorithm": {"name": name},
        "partition": {
            "kind": kind,
            "sensors_per_party": 0 if kind == "horizontal" else 3,
            "shared_assets": 0.3 if kind == "mixed" else 0.0,
        },
        "protection": {"secrecy": secrecy},
        "training": {"batch_size": 32, "learning_rate": 0.02, "optimizer": "sgd" if plain else "adam"},
    }
    if name == "hyfdca":
        settings["network"] = {"hidden": ()}
    return small(**(settings | changes))


def source_of(seed: str) -> Callable[[int], bytes]:
    """Return bytes that stand for secure ones: a stream that a seed tells."""
    state = [hashlib.sha256(seed.encode()).digest()]

    def source(count: int) -> bytes:
        made = b""
        while len(made) < count:
            state[0] = hashlib.sha256(state[0]).digest()
            made += state[0]
        return made[:count]

    return source


class Bytes(bytes):
    """An answer that has arrived."""

    @property
    def size(self) -> int:
        """Return how many bytes it has."""
        return len(self)

    def read(self) -> bytes:
        """Return them."""
        return bytes(self)


class DiedError(BaseException):
    """A node has been killed: nothing after this moment was done."""


def nothing(step: Step, party: str) -> None:
    """Do nothing."""
    del step, party


@dataclass
class NodeWorld:
    """One run of a charter."""

    charter: Charter
    folder: Path
    world: World = field(default_factory=world)
    leaving: Callable[[Step, str], None] = nothing  # called where an answer is made and not yet kept
    made: Counter[tuple[str, str]] = field(default_factory=Counter)  # answers by step and party
    sent: dict[tuple[str, str], set[bytes]] = field(default_factory=dict)  # that left, likewise
    networks: dict[str, Network] = field(default_factory=dict)  # each party's, at the end
    judged: dict[str, dict[str, Any]] = field(default_factory=dict)  # what each party is told, at the end
    found: Mapping[str, Any] = field(default_factory=dict)  # what the coordinator judged
    rounds: list[int] = field(default_factory=list)  # that the coordinator told
    alive: dict[str, PartyNode | ServerNode] = field(default_factory=dict)
    renewed: list[Credential] = field(default_factory=list)  # new keys of whom it may be

    def __post_init__(self) -> None:
        if self.charter.secrecy == "encrypted":
            pytest.importorskip("tenseal", reason="needs TenSEAL: pip install 'hansa[encrypted]'")

    @property
    def names(self) -> list[str]:
        """Return the parties."""
        return [party.name for party in self.charter.roster]

    @cached_property
    def credentials(self) -> dict[str, Credential]:
        """Return everybody's keys."""
        everybody = (*self.names, COORDINATOR, *servers_of(self.charter))
        return {name: credential(name, source_of(f"keys of {name}")) for name in everybody}

    @cached_property
    def membership(self) -> Membership:
        """Return the list that all sign."""
        keys = {name: one.signing.public for name, one in self.credentials.items()}
        parties = tuple(Member(party, keys[party.name]) for party in self.charter.roster)
        servers = tuple((name, keys[name]) for name in (COORDINATOR, *servers_of(self.charter)))
        return Membership(RUN, charter_digest(self.charter), 0, parties, servers)

    def source(self, name: str) -> Callable[[int], bytes]:
        """Return a node's chance, which goes on differently in each life."""
        return source_of(f"chance of {name} {len(self.sent)} {sum(self.made.values())}")

    def seat(self, name: str) -> PartySeat:
        """Return a member's place in the run."""
        keys = {name: one.signing.public for name, one in self.credentials.items()}
        others = {one: keys[one] for one in servers_of(self.charter)}
        asks = Asks(RUN, keys[COORDINATOR], others)
        return PartySeat(self.charter, asks, self.own(name), self.source(name), lambda found: None)

    def own(self, name: str) -> Credential:
        """Return a party's keys, those that the list has which counts for it."""
        with closing(self.store(name)) as store:
            kept = store.state(MEMBERSHIP)
        known = {} if kept is None else read_membership(kept, name).identities
        return next(
            (one for one in self.renewed if one.signing.public == known.get(name)), self.credentials[name]
        )

    @cached_property
    def shares(self) -> dict[str, Any]:
        """Return what each party holds."""
        shares = self.world.shares(self.charter, self.charter.partition.kind)
        return dict(zip(self.names, shares, strict=True))

    def store(self, name: str) -> NodeStore:
        """Return a node's store, opened."""
        return NodeStore(self.folder / f"{name}.db")

    def preparing(self, name: str) -> Preparing:
        """Return a party's records."""
        party = next(one for one in self.charter.roster if one.name == name)
        return Preparing(self.charter, party, self.shares[name], self.world.spools)

    def party(self, name: str) -> PartyNode:
        """Return a party as it starts: from what its store has."""

        def finish(algorithm: Algorithm, network: Any) -> None:
            del algorithm
            self.networks[name] = arrays.flatten(network)

        def judged(found: Mapping[str, Any]) -> None:
            self.judged[name] = dict(found)

        def renewed(invitation: str) -> Credential:
            return next(one for one in self.renewed if invitation == one.signing.public.hex())

        ways = Ways(self._leave(name), finish, lambda due: None, judged, renewed)
        return PartyNode(self.charter, self.preparing(name), self.store(name), ways, self.seat(name))

    def server(self, name: str) -> ServerNode:
        """Return a server beside the coordinator as it starts: from what its store has."""
        return ServerNode(self.charter, self.store(name), self.seat(name), self._leave(name))

    def start(self, name: str) -> PartyNode | ServerNode:
        """Return a node as it runs, started where it is dead."""
        if name not in self.alive:
            made = self.server if name in servers_of(self.charter) else self.party
            self.alive[name] = made(name)
        return self.alive[name]

    def _leave(self, name: str) -> Callable[[Step, bytes], dict[str, bytes]]:
        def leave(step: Step, answer: bytes) -> dict[str, bytes]:
            del answer
            self.leaving(step, name)
            self.made[step.text, name] += 1
            return {}

        return leave

    def kill(self, name: str) -> None:
        """Throw a node away; its store stays."""
        node = self.alive.pop(name, None)
        if node is not None:
            node._store.close()  # a dead process holds no file

    def answer(self, name: str, step: str, question: bytes) -> bytes:
        """Return a node's answer, starting it where it is dead."""
        try:
            found = self.start(name).answer(step, question)
        except DiedError:
            self.kill(name)
            return self.answer(name, step, question)
        self.sent.setdefault((step, name), set()).add(found)
        return found

    def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
        """Carry questions and answers, as a transport does."""
        del seconds
        return {name: self.reply(name, step, question) for name, question in questions.items()}

    def reply(self, name: str, step: str, question: bytes) -> Bytes | Refusal:
        """Return what a node answers, or that it refuses."""
        try:
            return Bytes(self.answer(name, step, question))
        except HansaError as fault:
            return Refusal(str(fault))

    def run(self, transport: Any = None) -> dict[str, Network]:
        """Return each party's last network, once a coordinator has run to the end from its store."""
        with closing(self.store(COORDINATOR)) as store:
            own = self.credentials[COORDINATOR]
            seat = CoordinatorSeat(self.charter, self.membership, own, self.source(COORDINATOR))
            beside = Beside(lambda done, _: self.rounds.append(done))
            node = CoordinatorNode(self.charter, store, transport or self, seat, beside)
            self.found = node.run().judged
        return self.networks

    def close(self) -> None:
        """Stop everybody."""
        for name in list(self.alive):
            self.kill(name)


def simulated(charter: Charter, records: World) -> Iterator[Network]:
    """Yield each party's network as a simulation finds it."""
    session = Federation(charter, world=records).open(charter.algorithm.name)
    while session.done < session.rounds:
        session.step()
    for network in session.networks():  # type: ignore[union-attr]
        yield arrays.flatten(network)


def alike(one: Mapping[str, Network], other: Mapping[str, Network]) -> bool:
    """Return whether two runs ended in the same bits."""
    return one.keys() == other.keys() and all(
        one[name].keys() == other[name].keys()
        and all(one[name][leaf].tobytes() == other[name][leaf].tobytes() for leaf in one[name])
        for name in one
    )
