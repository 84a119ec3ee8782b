"""Shared sums with all nodes in one process: every message is carried as bytes, by whoever carries them.

The broker is told the step, with whom a message is for, and who sent it: `share for coordinator` from a
party, `total for auditor` from a server, `result for p1` from a server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hansa.core.errors import AbortedError, HansaError
from hansa.crypto.masks import Words
from hansa.protection import shared_messages as messages
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.occasion import Occasion
from hansa.protection.shared_form import SharedForm, capped
from hansa.protection.shared_party import SharedParty
from hansa.protection.shared_products import ProductServer, Table
from hansa.protection.shared_server import SharedServer
from hansa.simulation.nodes import Broker, Nodes, delivered

SERVERS = (COORDINATOR, messages.SECOND, messages.THIRD)
STEPS = ProductServer.steps
"""What servers send one another, in order; a party sends `share` before, and is sent `result` after."""

Rule = Callable[[Table], Mapping[str, int]]
"""Returns the weight of each party of a table; who is not named has none."""
Servers = Mapping[str, type[SharedServer]]
"""A test's servers, by name; the others are honest."""


@dataclass(frozen=True)
class SharedTotal:
    """What came of a shared sum with products."""

    total: NDArray[np.float64]  # (numbers,) the weighted sum of the cohort's vectors
    weights: Mapping[str, int]  # those of the sum
    gram: NDArray[np.float64]  # (cohort, cohort) products, in the cohort's order
    cohort: tuple[str, ...]  # without those who were thrown out


def shared_sum(  # noqa: PLR0913 - the last two are for other rules and for attacks
    nodes: Nodes,
    occasion: Occasion,
    terms: Mapping[str, tuple[NDArray[np.floating], int]],
    broker: Broker = delivered,
    *,
    weigh: Rule | None = None,
    servers: Servers | None = None,
) -> SharedTotal:
    """Return the weighted sum and the products of the parties' vectors; who has no term takes no part.

    occasion.form: a `SharedForm`; occasion.size: numbers of a vector. terms: each party's vector (numbers,)
    and weight. weigh: the coordinator's rule; None caps stated weights at 1 part in occasion.cohort. What a
    node refuses or drops is added to the trouble, and the others go on. Raises AbortedError.
    """
    form = occasion.form
    assert isinstance(form, SharedForm)
    words = {name: (form.encoded(vector), weight) for name, (vector, weight) in terms.items()}
    exchange = _Exchange(nodes, occasion, broker, ProductServer, servers or {})
    exchange.take_shares(words)
    for step in STEPS[: STEPS.index(messages.WEIGHTS)]:
        exchange.say(step)
    coordinator = exchange.coordinator()
    assert isinstance(coordinator, ProductServer)
    table = coordinator.table()
    coordinator.choose((weigh or _capped(occasion.cohort))(table))
    for step in STEPS[STEPS.index(messages.WEIGHTS) :]:
        exchange.say(step)
    exchange.tell()
    weights = {name: coordinator.weights[nodes.roster.places[name]] for name in table.names}
    return SharedTotal(form.decoded_sum(coordinator.total()), weights, table.gram, table.names)


def plain_sum(
    nodes: Nodes,
    occasion: Occasion,
    words: Mapping[str, Words],
    broker: Broker = delivered,
    servers: Servers | None = None,
) -> tuple[Words, tuple[str, ...]]:
    """Return (size,) the sum of the cohort's words of 64 bits, and their names; nothing else is opened.

    What a node refuses or drops is added to the trouble, and the others go on. Raises AbortedError.
    """
    exchange = _Exchange(nodes, occasion, broker, SharedServer, servers or {})
    exchange.take_shares({name: (own, 1) for name, own in words.items()})
    for step in SharedServer.steps:
        exchange.say(step)
    exchange.tell()
    coordinator = exchange.coordinator()
    return coordinator.total(), tuple(nodes.names[place] for place in coordinator.cohort)


class _Exchange:
    """Three servers and the parties in one sum; a server that ends the sum is silent from there."""

    def __init__(
        self,
        nodes: Nodes,
        occasion: Occasion,
        broker: Broker,
        kind: type[SharedServer],
        others: Servers,
    ) -> None:
        self._nodes, self._occasion, self._broker = nodes, occasion, broker
        self.servers: dict[str, SharedServer] = {}
        self._parties: dict[str, SharedParty] = {}
        self._ended: dict[str, HansaError] = {}  # by server: why it says nothing more
        for name in nodes.roster.servers:
            with nodes.noted():
                own = nodes.believed.get(name, occasion)
                self.servers[name] = others.get(name, kind)(nodes.channels[name], own, nodes.pasts[name])

    def take_shares(self, words: Mapping[str, tuple[Words, int]]) -> None:
        """Let each party share its words and its weight."""
        for name, (own, weight) in words.items():
            with self._nodes.noted():
                believed = self._nodes.believed.get(name, self._occasion)
                party = SharedParty(self._nodes.channels[name], believed, self._nodes.pasts[name])
                self._parties[name] = party
                self._carry(messages.SHARE, name, party.shares(own, weight))

    def say(self, step: str) -> None:
        """Let each server say to the others what it says in a step."""
        for name, server in self.servers.items():
            if name not in self._ended:
                with self._ending(name):
                    self._carry(step, name, server.said(step))

    def coordinator(self) -> SharedServer:
        """Return the coordinator's server; raises AbortedError where any server has ended the sum."""
        for name in self._nodes.roster.servers:
            if name in self.servers and name not in self._ended:
                with self._ending(name):
                    self.servers[name].end_step()
        if COORDINATOR in self.servers:
            self._nodes.trouble += self.servers[COORDINATOR].faults
            self.servers[COORDINATOR].faults.clear()
        for name, fault in self._ended.items():
            raise AbortedError(f"{name} ended it: {fault.what}", do=fault.do, where=self._occasion.name)
        if len(self.servers) < len(self._nodes.roster.servers):
            raise AbortedError(
                "not all servers take part",
                do="see what they refuse, and ask for another sum",
                where=self._occasion.name,
            )
        return self.servers[COORDINATOR]

    def tell(self) -> None:
        """Let the servers tell the parties the result, which these check; raises AbortedError without one."""
        coordinator = self.coordinator()
        told: dict[str, dict[str, bytes]] = {name: {} for name in self._nodes.names}
        for name, server in self.servers.items():
            for party, message in server.results().items():
                arrived = self._broker(f"{messages.RESULT} for {party}", name, message)
                if arrived is not None:
                    told[party][name] = arrived
        for place in coordinator.cohort:
            with self._nodes.noted():
                name = self._nodes.names[place]
                self._parties[name].result(told[name])

    def _carry(self, step: str, sender: str, told: Mapping[str, bytes]) -> None:
        """Carry one node's messages to servers."""
        for to, message in told.items():
            with self._nodes.noted():
                arrived = self._broker(f"{step} for {to}", sender, message)
                if arrived is None or to not in self.servers:
                    continue
                if step == messages.SHARE:
                    self.servers[to].take_share(sender, arrived)
                else:
                    self.servers[to].take(step, sender, arrived)

    @contextmanager
    def _ending(self, name: str) -> Iterator[None]:
        """Note what ends the sum for a server, which then says nothing more; the first is why it ended."""
        try:
            yield
        except HansaError as fault:
            self._nodes.trouble.append(fault)
            self._ended[name] = fault


def _capped(cohort: int) -> Rule:
    """Return the rule that lowers stated weights until none is more than 1 part in the cohort."""
    return lambda table: capped(dict(zip(table.names, table.stated, strict=True)), Fraction(1, cohort))
