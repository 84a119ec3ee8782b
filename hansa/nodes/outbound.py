"""The gate that every answer of a party leaves through; what left is in a log on the party's own disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from hansa.core.charter import Charter
from hansa.core.errors import RefusedError
from hansa.core.site_policy import SitePolicy
from hansa.core.steps import Step
from hansa.nodes.outbound_kinds import before_rounds, in_rounds, own_kinds
from hansa.nodes.outbound_log import OutboundLog
from hansa.nodes.rehearsal import Exchange
from hansa.protection.enrolment import COORDINATOR

Clock = Callable[[], datetime]


class Outbound:
    """What may leave in one run: kinds that the charter names, no longer than such are, so much a day."""

    def __init__(self, log: OutboundLog, charter: Charter, policy: SitePolicy, clock: Clock) -> None:
        """Go on with the run's log."""
        self._charter, self._policy, self._clock = charter, policy, clock
        self._log = log
        self._most = before_rounds(charter)
        self._own = own_kinds(charter)

    def expect(self, due: Mapping[str, Exchange]) -> None:
        """Take what the algorithm's messages look like; none of these leaves before that is known."""
        self._most |= in_rounds(self._charter, due)

    def left_after(self, last: tuple[int, int]) -> int:
        """Return how many steps after one are in the log, by round and number."""
        return self._log.steps_after(last)

    def __call__(self, step: Step, answer: bytes) -> dict[str, bytes]:
        """Return what is to be kept with an answer that may leave; else raise RefusedError, or FolderError.

        It is in the log then, and for good once what is returned is on the disk.
        """
        most = self._most.get(step.kind)
        if most is None:
            early = step.kind in self._own
            why = "is not due before the party is ready" if early else "is not named by the charter"
            raise _stopped(f"{step.words} {why}")
        if len(answer) > most:
            raise _stopped(f"{step.words} has {len(answer)} bytes, and its kind {most} at most")
        now = self._clock().astimezone(UTC)
        self._policy.check_bytes(self._log.left_on(now), len(answer))
        return self._log.add(now, step, answer)


def _stopped(what: str) -> RefusedError:
    return RefusedError(f"the outbound gate stops it: {what}", do="ask its operator why", where=COORDINATOR)
