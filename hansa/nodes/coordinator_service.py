"""A consortium's coordinator at work: its server, the wire, the run, and how it ended."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from time import perf_counter
from typing import Any, Protocol

from hansa.core import arrays, codec
from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest, roster_digest
from hansa.core.errors import CharterError, HansaError
from hansa.core.methods import BY_ROW
from hansa.crypto.lattice import require_tenseal
from hansa.nodes.amending import Door, Members
from hansa.nodes.changes import MEMBERS
from hansa.nodes.coordinator_home import RESULT, CoordinatorHome
from hansa.nodes.coordinator_node import Beside, CoordinatorNode, Watch
from hansa.nodes.seats import CoordinatorSeat
from hansa.nodes.server_keys import check_servers
from hansa.nodes.stages import servers_of
from hansa.nodes.vital_signs import VitalSigns
from hansa.protection.enrolment import COORDINATOR, Credential
from hansa.protection.membership import Member, Membership, read_membership
from hansa.registry.alone import alone_in
from hansa.registry.folders import make_folder, write_arrays, write_json
from hansa.registry.node_store import NodeStore
from hansa.runtime.judged_value import judged_result, keep_as_run
from hansa.transport.nats import End, NatsTransport
from hansa.transport.nats_link import Link
from hansa.transport.seam import Transport

_CONNECT_S = 30.0
_LOOK_S = 0.5  # how soon a server that was killed is started again, and who was expelled is put out

logger = logging.getLogger(__name__)

Told = Callable[[str, Sequence[str]], None]
"""Hears the step and who has not answered yet, whenever some are asked again."""


class Wire(Transport, Door, Protocol):
    """A transport that lets members in and out."""


Wiring = Callable[[CoordinatorSeat], AbstractContextManager[Wire]]
"""Opens the wire to the members that a coordinator's place lists."""


class CoordinatorService:
    """One run of one charter."""

    def __init__(
        self, home: CoordinatorHome, clock: Callable[[], datetime], signs: VitalSigns | None = None
    ) -> None:
        """Take an operator's folder. Raises CharterError for a charter that separate machines do not run."""
        self._home, self._clock, self._signs = home, clock, signs or VitalSigns(clock)
        self.charter, self._text = home.charter()
        check_deployable(self.charter)
        self.folder = home.results

    def run(self, watch: Watch, told: Told) -> dict[str, Any]:
        """Return what `run_over` does, over the consortium's own NATS server or its cluster."""
        return self.run_over(lambda seat: self._wire(seat, told), watch)

    def run_over(self, wire: Wiring, watch: Watch) -> dict[str, Any]:
        """Return what result.json says of the run. Raises what ended it; it can be gone on with.

        A run that has finished is not run again: its parties have gone.
        """
        if (known := self._home.finished()) is not None:
            return known
        make_folder(self.folder)
        with alone_in(self.folder):
            return self._run(wire, watch)

    def _run(self, wire: Wiring, watch: Watch) -> dict[str, Any]:
        identity = self._home.identity
        own = Credential(COORDINATOR, identity.signing, identity.agreement)
        store, began = NodeStore(self.folder / "node.db"), perf_counter()
        try:
            seat = CoordinatorSeat(self.charter, self._listed(store), own, os.urandom)
            with wire(seat) as transport:
                finished = CoordinatorNode(
                    self.charter,
                    store,
                    self._signs.asked(transport),
                    seat,
                    Beside(watch, Members(transport, self._home.members, self._home.renewals)),
                ).run()
        except HansaError as fault:
            self._write("ended", perf_counter() - began, str(fault))
            raise
        finally:
            store.close()
        write_arrays(self.folder / "state.npz", arrays.flatten(finished.state))
        if finished.judged:
            keep_as_run(self.folder, self.charter, self._text, self._home.run)
        return self._write("finished", perf_counter() - began, "", finished.judged)

    def _listed(self, store: NodeStore) -> Membership:
        """Return the list of members as the run left it; of a run that begins, those who were invited."""
        kept = store.state(MEMBERS)
        if kept is not None:
            return read_membership(kept, COORDINATOR)
        made = self._invited()
        store.keep({MEMBERS: codec.encode(made.value)})
        return made

    def _invited(self) -> Membership:
        """Return the first list of members. Raises CharterError for a party that was not invited yet."""
        members = self._home.members()
        for party in self.charter.roster:
            if party.name not in members:
                raise CharterError(
                    f"{party.name} was not invited yet",
                    do=f"run hansa coordinator invite {self._home.folder} {party.name} KEY > "
                    f"{party.name}.invitation",
                    where=str(self._home.folder),
                )
        listed = tuple(Member(party, members[party.name]) for party in self.charter.roster)
        own, others = self._home.identity.signing.public, self._home.servers()
        check_servers(self.charter, own, others)
        servers = ((COORDINATOR, own), *((name, others[name]) for name in servers_of(self.charter)))
        return Membership(self._home.run, charter_digest(self.charter), 0, listed, servers)

    @contextmanager
    def _wire(self, seat: CoordinatorSeat, told: Told) -> Iterator[NatsTransport]:
        now, known = self._clock(), [self._home.revoked(seat.membership)]  # as the server has it
        server = self._home.server(now, seat.membership)
        if server is None:
            yield from self._linked(now, seat, told)
            return

        def look() -> None:
            if not server.pid:
                logger.warning("the server is gone; it is started again")
                server.start()
            if (revoked := self._home.revoked(seat.membership)) != known[0]:
                server.trust_anew(self._home.trust(self._clock(), seat.membership))
                known[0] = revoked
                logger.warning("the server puts out who was revoked")

        with server, _repeated(look):
            yield from self._linked(now, seat, told)

    def _linked(self, now: datetime, seat: CoordinatorSeat, told: Told) -> Iterator[NatsTransport]:
        link = Link(self._home.access(now))
        self._signs.follow(link)
        try:
            link.open(_CONNECT_S)
            end = End(link, self._home.run, COORDINATOR, self._home.identity.signing)
            keys = {name: key for name, key in seat.membership.identities.items() if name != COORDINATOR}
            transport = NatsTransport(end, keys, told)
            members = Members(transport, self._home.members, self._home.renewals)
            with _repeated(lambda: _put_out(members, transport, seat)):
                yield transport
            transport.close()
        finally:
            link.close()

    def _write(
        self, ended: str, seconds: float, why: str, judged: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        result = {
            "state": ended,
            "why": why,
            "charter": self.charter.name,
            "charter_digest": charter_digest(self.charter),
            "roster_digest": roster_digest(self.charter),
            "parties": [party.name for party in self.charter.roster],
            "rounds": self.charter.rounds,
            "seconds": seconds,
        }
        if judged:
            result |= judged_result(self.charter, judged)
        write_json(self.folder / RESULT, result)
        return result


def _put_out(members: Members, transport: NatsTransport, seat: CoordinatorSeat) -> None:
    """Wait no more in the round at work for whom the operator has expelled."""
    for name in members.expelled(seat.membership):
        transport.forget(name)


@contextmanager
def _repeated(look: Callable[[], None]) -> Iterator[None]:
    """Have something done, twice a second, beside what the block does; what fails is done again."""
    over = threading.Event()

    def watch() -> None:
        said = ""
        while not over.wait(_LOOK_S):
            try:
                look()
                said = ""
            except HansaError as fault:
                if said != str(fault):
                    said = str(fault)
                    logger.warning("tried again why=%s", said)

    watcher = threading.Thread(target=watch, name="hansa-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def check_deployable(charter: Charter) -> None:
    """Raise CharterError for what a simulation alone carries out yet."""
    votes, rewards = bool(charter.gate.every), charter.reward.measure != "none"
    by_row = charter.algorithm.name in BY_ROW
    apart = [
        (charter.judges and charter.secrecy != "open", f'judging under secrecy "{charter.secrecy}"',
         "defence", 'write secrecy = "open", or remove [defence] and [reward]'),
        (votes and charter.secrecy in ("shared", "encrypted"), f'a vote under secrecy "{charter.secrecy}"',
         "gate", 'write secrecy = "masked" or "open", or remove [gate]'),
        (votes and charter.lateness.rule != "wait", "a vote without those who are late",
         "gate", 'write rule = "wait" in [lateness], or remove [gate]'),
        ((votes or rewards) and by_row, "a vote or a reward over rows that all share",
         "algorithm", 'write name = "labsync_mean", or remove [gate] and [reward]'),
        (charter.algorithm.name == "trees", "boosted trees", "algorithm", 'write name = "fedavg"'),
    ]  # fmt: skip
    for unable, what, table, do in apart:
        if unable:
            raise CharterError(f"{what} runs in a simulation alone", do=do, where=f"{charter.name} [{table}]")
    if charter.secrecy == "encrypted":
        require_tenseal()
