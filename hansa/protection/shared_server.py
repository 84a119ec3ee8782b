"""One of three servers of a shared sum, two of them honest: it holds two of three components of each term.

`present`: whose shares it has. `agreed`: the digest of all that the servers have told one another; a total is
opened only where all three agree, so that for one occasion there is one cohort and one sum. `total`: the sums
of components. Each is known to two servers: one sends it, the other its digest, and a difference ends the
sum. A message that does not open, or is missing, ends the sum as well: what comes out is the right sum or
none. `hansa/protection/shared_products.py` adds the steps of a sum with products.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from hansa.core import codec
from hansa.core.charter import LEAST_SUMMED
from hansa.core.errors import AbortedError, MessageError
from hansa.crypto.signing import KEY_BYTES, check_signature
from hansa.protection import shared_messages as messages
from hansa.protection.enrolment import COORDINATOR, Channels
from hansa.protection.occasion import Occasion, Past
from hansa.protection.shared_components import SERVERS, Shares, digest_of, pieces, weighted_sum
from hansa.protection.shared_messages import Presented, Result, Statement


class SharedServer:
    """One server in one sum."""

    steps: tuple[str, ...] = (messages.PRESENT, messages.AGREED, messages.TOTAL)

    def __init__(self, channels: Channels, occasion: Occasion, past: Past) -> None:
        """Begin; raises RefusedError where the server has taken part in this sum or a later one."""
        self.names = messages.three_servers(channels.roster)
        past.begin(occasion)
        self._channels, self._occasion, self._past = channels, occasion, past
        if occasion.cohort < LEAST_SUMMED:
            raise self._aborted(f"a shared sum is over {LEAST_SUMMED} parties or more, and it asks for fewer")
        self.place = self.names.index(channels.name)
        self.following, self.previous = (self.names[(self.place + by) % SERVERS] for by in (1, 2))
        self.faults: list[MessageError] = []  # of parties that are left out, once all have presented
        self.cohort: tuple[int, ...] = ()  # places of those whose shares all three servers have
        self.weights: dict[int, int] = {}  # of the cohort: 0 where a party is thrown out
        self._shares: dict[int, tuple[bytes, ...]] = {}  # by party: components k and k + 1
        self._presented: dict[str, Presented] = {}  # by server
        self._arrived: dict[str, dict[str, bytes]] = {step: {} for step in self.steps}
        self._sent: list[str] = []  # steps that this server has taken
        self._ended = 0  # of them, those in which the others have spoken as well
        self._record = occasion.digest  # of all that the three have told one another
        self._sums: list[Shares] = []  # (size,) of components k and k + 1
        self._total: Shares | None = None  # (size,)
        self._own: dict[int, tuple[Statement, bytes]] = {}

    def take_share(self, party: str, message: bytes) -> None:
        """Take a party's shares; raises MessageError, and the party is absent."""
        place = self._channels.roster.places.get(party)
        if place is None or place in self._shares or self._sent:
            raise MessageError(
                "its shares come a second time, too late, or from nobody", do="drop the message", where=party
            )
        about = messages.about(self._occasion.digest, messages.SHARE, self._channels.name)
        plain = self._channels.opened(party, message, about)
        statement, signature, held = messages.read_share(plain, self.place, self._occasion.size, party)
        self._check_statement(place, statement, signature)
        for by, component in enumerate(held):
            if digest_of(component) != statement.digests[(self.place + by) % SERVERS]:
                raise MessageError(
                    "its shares are not those that it signed", do="leave it out of the sum", where=party
                )
        self._shares[place], self._own[place] = held, (statement, signature)

    def said(self, step: str) -> dict[str, bytes]:
        """Return the other servers' messages of a step, sealed; each step is taken once, in order.

        Raises AbortedError where a message of the step before is missing, or cannot be true.
        """
        if (*self._sent, step) != self.steps[: len(self._sent) + 1]:
            raise self._aborted(f'step "{step}" is out of turn')
        self.end_step()
        self._sent.append(step)
        plain = self._compose(step)
        return {
            to: self._channels.seal(to, one, messages.about(self._occasion.digest, step, to))
            for to, one in plain.items()
        }

    def take(self, step: str, server: str, message: bytes) -> None:
        """Take another server's message of a step; raises MessageError."""
        known = self._arrived.get(step, {})
        closed = step in self._sent[: self._ended]
        if server not in (self.following, self.previous) or server in known or closed:
            raise MessageError(
                "its message comes a second time, too late, or from nobody",
                do="drop the message",
                where=server,
            )
        about = messages.about(self._occasion.digest, step, self._channels.name)
        known[server] = self._channels.opened(server, message, about)

    def results(self) -> dict[str, bytes]:
        """Return what each party of the cohort is told, sealed; by the coordinator with the total."""
        self.end_step()
        found = {}
        whole = self.total().tobytes()
        digest = digest_of(whole)
        for place in self.cohort:
            name = self._channels.roster.names[place]
            plain = self._result(place, digest).encoded()
            told = whole + plain if self._channels.name == COORDINATOR else plain
            about = messages.about(self._occasion.digest, messages.RESULT, name)
            found[name] = self._channels.seal(name, told, about)
        return found

    def total(self) -> Shares:
        """Return (size,) the weighted sum of the cohort's words, modulo 2^64."""
        assert self._total is not None
        return self._total

    # --- steps; a kind of sum with more of them overrides the first three ------------------------------

    def _compose(self, step: str) -> dict[str, bytes]:
        """Return the plain message of a step for each other server."""
        if step == messages.PRESENT:
            presented = Presented(self._commitment(), self._own)
            self._presented[self._channels.name] = presented
            return self._to_both(messages.presented_message(presented))
        if step == messages.AGREED:
            self._past.sign(
                self._occasion, [self._channels.roster.names[p] for p in self.cohort if self.weights[p]]
            )
            return self._to_both(self._record)
        return self._sums_of_components()

    def _finish(self, step: str, arrived: Mapping[str, bytes]) -> None:
        """Take note of what the others said in a step; raises MessageError or AbortedError."""
        if step == messages.PRESENT:
            self._close_cohort(arrived)
            self.weights = dict.fromkeys(self.cohort, 1)
        elif step == messages.AGREED:
            if set(arrived.values()) != {self._record}:
                raise self._aborted("the three servers were not told the same: at least one of them cheats")
        else:
            self._add_up(arrived)

    def _result(self, place: int, total: bytes) -> Result:
        """Return what a party is told; total: its digest."""
        del place
        return Result(total, self.weights, 0, 0)

    def _commitment(self) -> bytes:
        """Return what the server commits to when it presents the shares."""
        return b""

    def _senders(self, step: str) -> tuple[str, ...]:
        """Return who of the others says something in a step."""
        del step
        return (self.following, self.previous)

    # --- what all sums share ---------------------------------------------------------------------------

    def end_step(self) -> None:
        """End the last step, unless it is ended; raises AbortedError, as `said` does of the next."""
        if self._ended == len(self._sent):
            return
        step = self._sent[-1]
        arrived = self._arrived[step]
        for server in self._senders(step):
            if server not in arrived:
                raise self._aborted(f'no message of step "{step}" came from {server}')
        try:
            self._finish(step, arrived)
        except MessageError as fault:
            raise self._aborted(f'{fault.where} sent what cannot be true in step "{step}"') from fault
        self._ended += 1

    def _close_cohort(self, arrived: Mapping[str, bytes]) -> None:
        """Find whose shares all three servers have."""
        names = self._channels.roster.names
        for server, plain in arrived.items():
            presented = messages.read_presented(plain, len(names), server)
            self._check_presented(server, presented)
        told = [self._presented[server] for server in self.names]
        cohort = []
        for place in range(len(names)):
            stated = {one.statements[place][0] for one in told if place in one.statements}
            if len(stated) > 1:
                self.faults.append(
                    MessageError(
                        "it signed different weights or components for different servers",
                        do="leave it out of the task",
                        where=names[place],
                    )
                )
            elif all(place in one.statements for one in told):
                cohort.append(place)
        self.cohort = tuple(cohort)
        self._enough(len(cohort), "gave their shares to all three servers")
        self._note([messages.presented_message(one) for one in told])

    def _check_presented(self, server: str, presented: Presented) -> None:
        for place, (statement, signature) in presented.statements.items():
            try:
                self._check_statement(place, statement, signature)
            except MessageError as fault:
                raise self._aborted(f"{server} presents what {fault.where} did not sign") from fault
        self._presented[server] = presented

    def _check_statement(self, place: int, statement: Statement, signature: bytes) -> None:
        name = self._channels.roster.names[place]
        key, signed = self._channels.roster.parties[name], statement.signed(self._occasion.digest, name)
        check_signature(key, signature, messages.STATEMENT, signed, name)
        self._check_weight(statement.weight, name)

    def _check_weight(self, weight: int, name: str) -> None:
        """Return if a party may state the weight."""
        if weight != 1:
            raise MessageError("its weight is not 1", do="leave it out of the sum", where=name)

    def _held(self, by: int) -> list[bytes]:
        """Return the cohort's components k + by as they were sent."""
        return [self._shares[place][by] for place in self.cohort]

    def _sums_of_components(self) -> dict[str, bytes]:
        weights, size = [self.weights[place] for place in self.cohort], self._occasion.size
        for by in range(2):
            component = (self.place + by) % SERVERS
            shares = pieces(component, self._held(by), self._occasion.digest, size)
            self._sums.append(weighted_sum(weights, shares, size))
        first, second = self._sums
        return {self.following: first.tobytes(), self.previous: digest_of(second.tobytes())}

    def _add_up(self, arrived: Mapping[str, bytes]) -> None:
        """Add the component that this server lacks: the previous one sends it, the following its digest."""
        sent, digest = arrived[self.previous], arrived[self.following]
        if len(sent) != self._sums[0].nbytes or digest_of(sent) != digest:
            raise self._aborted(
                f"{self.previous} and {self.following} tell different sums of a component: one of them cheats"
            )
        self._total = self._sums[0] + self._sums[1] + np.frombuffer(sent, np.uint64)  # (size,)

    def _to_both(self, plain: bytes) -> dict[str, bytes]:
        return {self.following: plain, self.previous: plain}

    def _note(self, told: list[bytes]) -> None:
        """Add what all three servers know to the record, in the servers' order."""
        self._record = hashlib.sha256(codec.encode([self._record, told])).digest()
        assert len(self._record) == KEY_BYTES

    def _enough(self, count: int, did: str) -> None:
        if count < self._occasion.cohort:
            raise self._aborted(f"{count} parties {did}, and it takes {self._occasion.cohort}")

    def _aborted(self, what: str) -> AbortedError:
        return AbortedError(
            what, do="run the round again; if it happens again, ask the servers", where=self._occasion.name
        )
