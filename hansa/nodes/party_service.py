"""A member's node at work: it connects outward, answers its coordinator, and keeps its model."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from hansa.algorithms.contract import Algorithm
from hansa.core.charter_digest import charter_digest
from hansa.core.errors import FolderError, HansaError, MessageError, PartyError, RefusedError
from hansa.core.tasks import TASKS
from hansa.nodes.coming_in import CONNECT_S, come_in
from hansa.nodes.outbound import Outbound
from hansa.nodes.outbound_log import LEFT, LOG, OutboundLog
from hansa.nodes.own_records import own_records
from hansa.nodes.party_answers import Ways
from hansa.nodes.party_home import PartyHome
from hansa.nodes.party_node import PartyNode
from hansa.nodes.preparing import Preparing
from hansa.nodes.seats import PartySeat
from hansa.nodes.telling import Telling
from hansa.nodes.vital_signs import VitalSigns
from hansa.registry.folders import write_json
from hansa.registry.node_store import NodeStore
from hansa.runtime.about import about_model
from hansa.runtime.exams import exam_of
from hansa.runtime.learning import output_scale
from hansa.runtime.scoring import Model
from hansa.transport.nats import End
from hansa.transport.nats_door import NatsDoor
from hansa.transport.nats_link import Link
from hansa.transport.seam import Answer

logger = logging.getLogger(__name__)

_LOOK_S = 1.0  # how often it is seen whether the site's hours have begun
Clock = Callable[[], datetime]

JUDGED = "judged.json"
"""The file of what was found of a party, in its folder of a run."""


class PartyService:
    """One member in one run."""

    def __init__(self, home: PartyHome, clock: Clock, signs: VitalSigns | None = None) -> None:
        """Read its records. Raises what their reading does, and RefusedError for what the site forbids."""
        self._home, self._joined, self._clock = home, home.joined(), clock
        self._signs = signs or VitalSigns(clock)
        joined = self._joined
        policy = self._policy = home.policy
        policy.check_charter(joined.charter, charter_digest(joined.charter))
        self._records = own_records(joined.charter, home.name, joined.data)
        invitation = joined.invitation
        credential = home.credential(home.key_of(invitation.run) or invitation.key)
        seat = PartySeat(
            joined.charter,
            joined.asks,
            credential,
            os.urandom,
            home.countersign,
        )
        preparing = Preparing(joined.charter, self._records.party, self._records.share, self._records.spools)
        self._preparing = preparing
        self._store = NodeStore(joined.folder / "node.db")
        log = OutboundLog(joined.folder / LOG, self._store.state(LEFT))
        gate = Outbound(log, joined.charter, policy, clock)
        self._telling = Telling(joined.charter.rounds)
        self._finished_at: float | None = None
        if gate.left_after(self._store.last()) > 1:  # one may have been cut short between log and store
            raise FolderError(
                "has forgotten answers that left, so that it could answer a step twice",
                do="put back the node.db that belongs to outbound.log; without it this run is over",
                where=str(joined.folder),
            )
        ways = Ways(gate, self._finish, gate.expect, self._judged, home.renewed)
        self.node = PartyNode(joined.charter, preparing, self._store, ways, seat)
        self._key = invitation.key  # under which it is connected, and signs what it sends
        self._renew()

    def serve(self, until: Callable[[], bool]) -> bool:
        """Answer until the run is over, or until told; return whether it is. Then the service has ended."""
        rounds = self._joined.charter.rounds
        answer = self._telling.answered(self._signs.answered(self.answer_in_hours(until), rounds))
        try:
            while not (self.node.over or until() or self._is_over()):
                self._connected(answer, lambda: until() or self._is_over() or self._has_new_key())
                self._renew()
            return self.node.over or self.node.finished
        finally:
            self._store.close()

    def _connected(self, answer: Answer, until: Callable[[], bool]) -> None:
        """Answer under one key, until told."""
        invitation = self._home.joined().invitation
        access = self._home.access(invitation)
        link = Link(access)
        self._signs.follow(link)
        try:
            if come_in(link, until, CONNECT_S):
                end = End(link, invitation.run, self._home.name, access.key)
                NatsDoor(end, invitation.coordinator).serve(answer, self._telling.while_waiting(until))
        finally:
            link.close()

    def _has_new_key(self) -> bool:
        """Return whether all have signed for another key than the one that this node is connected under."""
        listed = self.node.membership
        return listed is not None and listed.identities[self._home.name] != self._key

    def _renew(self) -> None:
        """Go on under a new key, if all have signed for it; the one before goes."""
        if not self._has_new_key():
            if self.node.membership is not None:
                self._home.keep_alone(self._key)
            return
        if (renewal := self.node.renewal) is not None:
            self._home.go_on_under(renewal)
            self._key = self._home.joined().invitation.key
        if self._has_new_key():
            raise FolderError(
                "has an invitation for another key than the one that the members of this run know",
                do="put back invitation.hansa, identity.key and identity.old.key as they were",
                where=str(self._home.folder),
            )
        logger.warning("goes on under its new key")

    def close(self) -> None:
        """Close what it remembers the run in; made again, the service goes on from there."""
        self._store.close()

    def answer_in_hours(self, until: Callable[[], bool]) -> Answer:
        """Return what answers, and waits before that for the hours in which the site does."""

        def answer(step: str, question: bytes) -> bytes:
            while self._policy.opens_in(self._clock()) > 0 and not until():
                time.sleep(_LOOK_S)
            try:
                return self.node.answer(step, question)
            except (RefusedError, MessageError):
                raise  # which tell of the question, the charter and the site's policy alone
            except HansaError as fault:
                logger.error("not answered step=%s why=%s", step, fault)
                raise self._unable(fault) from fault

        return answer

    def _unable(self, fault: HansaError) -> PartyError:
        """Return what the coordinator hears of a fault: nothing of records, numbers or paths."""
        disk = isinstance(fault, FolderError)
        what = "its disk or its folder refuses" if disk else "its records do not allow it"
        return PartyError(what, do="ask its operator, whose log says more", where=self._home.name)

    def _is_over(self) -> bool:
        """Return whether nothing is left to do: all is said, or the model is here and nobody asks more."""
        if self.node.finished and self._finished_at is None:
            self._finished_at = time.monotonic()
        waited = -math.inf if self._finished_at is None else time.monotonic() - self._finished_at
        return self.node.over or waited > self._joined.charter.lateness.seconds

    def _judged(self, found: Mapping[str, Any]) -> None:
        """Keep what was found of the party: its verdicts, what it brought and is paid, and the votes."""
        write_json(self._joined.folder / JUDGED, found)

    def _finish(self, algorithm: Algorithm, network: Any) -> None:
        """Keep the model, and what it is worth on the party's own test; nothing of it leaves."""
        charter, inputs = self._joined.charter, self._preparing.inputs
        about = about_model(charter, charter_digest(charter), self._records.party, inputs.sensors)
        model = Model(about, inputs, network, output_scale(algorithm, charter.parties))
        exam = exam_of(self._records.test, charter, f"the test of {self._home.name}")
        predictions = model.shares(exam.fleet)
        threshold = exam.threshold(predictions)
        replace(model, about=replace(about, threshold=threshold)).save(self._joined.folder / "model")
        scores = dict(zip(TASKS[charter.task].protocols, exam.score(predictions), strict=True))
        write_json(
            self._joined.folder / "result.json",
            {
                "charter": charter.name,
                "charter_digest": about.charter_digest,
                "party": self._home.name,
                "rounds": charter.rounds,
                "scores": {name: one.value() for name, one in scores.items()},
            },
        )
