"""Members come and go between two rounds of a run: one change at a time, which all others countersign.

Whoever comes signs the new list first, then the members that stay do, then all get all signatures. It learns
the sums of statistics that the others began with; its own readings are not in them.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hansa.core import codec
from hansa.core.charter import Charter, Party
from hansa.core.errors import AbortedError, MessageError, PartyError
from hansa.protection.amendment import amendment, change_between, with_party, without_party
from hansa.protection.membership import Member, Membership, check_approval, read_approval
from hansa.runtime.asking import Asking
from hansa.runtime.seats import CoordinatorSeat, text_of

logger = logging.getLogger(__name__)

_PROBE_S = 1.0  # how long a round waits for who was let in and may not run yet
_SIGN_S = 30.0  # and for signatures of those who take part
_BEGIN_S = 300.0  # and for a newcomer to read its records and compile its programs
_AGAIN_S = 10.0  # between two tries to change members

Wanted = Callable[[], Mapping[str, bytes]]
"""Returns the public key of everybody who shall be a member, by name."""


class Door(Protocol):
    """Lets members in and out of the wire."""

    def admit(self, party: str, key: bytes) -> None:
        """Count on a party from now on."""

    def expel(self, party: str) -> None:
        """Neither hear a party nor wait for it any more."""


@dataclass(frozen=True, slots=True)
class Members:
    """Who shall be a member, as the operator says it now, and what lets them in."""

    door: Door
    wanted: Wanted


@dataclass(frozen=True, slots=True, eq=False)
class Began:
    """What the first members went on from."""

    totals: NDArray[np.float64]  # (3 x numbers,), the sums of statistics
    keys: int


@dataclass(slots=True)
class Amending:
    """What the coordinator does about members between rounds."""

    charter: Charter
    seat: CoordinatorSeat
    asking: Asking
    members: Members
    tried: float = -math.inf  # when, of `time.monotonic`
    tries: int = 0

    def amended(self, began: Began) -> bool:
        """Return whether a change was made; what a member does not sign is left for the next round."""
        if not self.charter.changes_members or time.monotonic() - self.tried < _AGAIN_S:
            return False
        after = self._after()
        if after is None:
            return False
        self.tried, self.tries = time.monotonic(), self.tries + 1
        told = self._signed(after)
        if told is None:
            return False
        self._change(after, told, began)
        return True

    def _after(self) -> Membership | None:
        """Return the list after the first change that is wanted; None: all is as wanted."""
        now, wanted = self.seat.membership, self.members.wanted()
        here = {one.party.name: one.key for one in now.parties}
        for name in here:
            if name not in wanted and len(here) > 1:
                return without_party(now, name)
        lacking = [name for name in wanted if name not in here]
        if lacking:  # one that does not run yet keeps no other out
            name = lacking[self.tries % len(lacking)]
            return with_party(now, Member(Party(name), wanted[name]))
        return None

    def _signed(self, after: Membership) -> dict[str, Mapping[str, Any]] | None:
        """Return what each member answers that signs a list; None where one does not, or not soon."""
        before = self.seat.membership
        change = change_between(before, after)
        told: dict[str, Mapping[str, Any]] = {}
        newest = None
        try:
            if change.kind == "joins":
                self.members.door.admit(change.name, change.new)
                shown = codec.encode(after.value)
                told |= self.asking.tell_some([change.name], "join", _PROBE_S, {"membership": shown})
                newest = read_approval(text_of(told[change.name], "approval", change.name), change.name)
                check_approval(after, newest)
            body = amendment(before, after, self.seat.key, newest)
            stay = [one.party.name for one in after.parties if one.party.name != change.name]
            told |= self.asking.tell_some(stay, "amend", _SIGN_S, {"amendment": body})
        except (PartyError, MessageError, AbortedError) as fault:
            logger.warning("members stay as they are why=%s", fault)
            return None
        return told

    def _change(self, after: Membership, told: Mapping[str, Mapping[str, Any]], began: Began) -> None:
        """Let a list count that all have signed."""
        change, met = change_between(self.seat.membership, after), self.seat.met(told, after)
        stay = [one.party.name for one in after.parties if one.party.name != change.name]
        self.asking.tell_some([name for name in stay if name in self.asking.names], "meet", None, met)
        self.seat.membership = after
        self.charter = replace(self.charter, roster=after.roster)
        self.asking.names = tuple(name for name in self.asking.names if name in stay)
        logger.warning("members changed: %s", change.words)
        if change.kind == "joins":
            self._begin(change.name, met, began)
        else:
            self.members.door.expel(change.name)

    def _begin(self, name: str, met: Mapping[str, Any], began: Began) -> None:
        """Let a newcomer begin; one that cannot is a member that no round asks."""
        try:
            self.asking.tell_some([name], "meet", _BEGIN_S, met)
            self.asking.tell_some([name], "scale", _BEGIN_S, {"totals": began.totals, "enough": None})
            self.asking.tell_some([name], "start", _BEGIN_S, {"keys": began.keys})
        except (PartyError, MessageError, AbortedError) as fault:
            logger.warning("a newcomer takes no part why=%s", fault)
            return
        self.asking.names = (*self.asking.names, name)
