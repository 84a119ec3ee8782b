"""The coordinator in a shared sum: one of its three servers, and the one through whom the others speak.

What servers tell one another is sealed for its reader; the coordinator hands on what it cannot open.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hansa.core import codec
from hansa.core.errors import AbortedError
from hansa.nodes.party_questions import PartyQuestions
from hansa.nodes.server_questions import ServerQuestions
from hansa.nodes.shared_servers import shared_server
from hansa.nodes.stages import sealed_by_name
from hansa.protection import shared_messages as messages
from hansa.protection.enrolment import COORDINATOR, Channels
from hansa.protection.occasion import Occasion, Past
from hansa.protection.shared_form import SharedForm, capped
from hansa.protection.shared_products import ProductServer

Told = dict[str, dict[str, bytes]]
"""Sealed messages by who shall get them, and by who sent them."""


class SharedSum:
    """One shared sum, as its coordinator carries it out."""

    def __init__(self, channels: Channels, occasion: Occasion, past: Past, secret: bytes) -> None:
        """Begin; secret: what the coordinator's own coins come from."""
        self._occasion, self._names = occasion, channels.roster.names
        self._own = shared_server(channels, occasion, past, secret)
        self._told: Told = self._nothing()

    def run(self, parties: PartyQuestions, servers: ServerQuestions) -> None:
        """Carry it out to the end, at which every party has checked what came of it.

        Raises what asking raises, MessageError naming whose message is none, and AbortedError.
        """
        parties.begin(messages.SHARE, self._take_shares)
        for step in self._own.steps:
            self._end_step()
            if step == messages.WEIGHTS:
                self._choose()
            self._say(step, servers)
        results = {name: {COORDINATOR: one} for name, one in self._own.results().items()}
        for server, body in servers.ask(messages.RESULT, self._told):
            for name, one in sealed_by_name(body, server).items():
                if name in results:
                    results[name][server] = one
        questions = {name: codec.encode(one) for name, one in results.items()}
        parties.ask(messages.RESULT, questions, lambda name, body: None)  # it has found nothing wrong

    def total(self) -> tuple[int | None, NDArray[np.float64]]:
        """Return the sum of the weights and (numbers,) the decoded sum; None: of a sum without products."""
        form, words = self._occasion.form, self._own.total()
        if isinstance(form, SharedForm):
            return sum(self._own.weights.values()), form.decoded_sum(words)
        return None, form.decoded(words)

    def _take_shares(self, party: str, body: bytes) -> None:
        found = sealed_by_name(body, party)
        self._own.take_share(party, found.pop(COORDINATOR, b""))
        for server, message in found.items():
            if server in self._told:
                self._told[server][party] = message

    def _say(self, step: str, servers: ServerQuestions) -> None:
        """Let all three say what they say in a step, and take or hand on each message."""
        said = {COORDINATOR: self._own.said(step)}
        asked = servers.begin if step == self._own.steps[0] else servers.ask
        for server, body in asked(step, self._told):
            said[server] = sealed_by_name(body, server)
        self._told = self._nothing()
        for sender, told in said.items():
            for to, message in told.items():
                if to == COORDINATOR:
                    self._own.take(step, sender, message)
                elif to in self._told:
                    self._told[to][sender] = message

    def _end_step(self) -> None:
        """End the step before; a run goes on with all parties or not at all."""
        self._own.end_step()
        for fault in self._own.faults:
            raise fault

    def _choose(self) -> None:
        """Weigh parties as they state, the largest cut to one part in a cohort."""
        assert isinstance(self._own, ProductServer)
        table, cohort = self._own.table(), self._occasion.cohort
        stated = {name: weight for name, weight in zip(table.names, table.stated, strict=True) if weight}
        if len(stated) < cohort:
            raise AbortedError(
                f"{len(stated)} parties count for anything, and a sum is over {cohort}",
                do='give parties rows to learn from, or write secrecy = "masked"',
                where=self._occasion.name,
            )
        self._own.choose(capped(stated, Fraction(1, cohort)))

    def _nothing(self) -> Told:
        return {name: {} for name in self._own.names if name != COORDINATOR}
