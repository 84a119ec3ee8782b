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
from hansa.core.errors import PartyError
from hansa.core.methods import METHODS
from hansa.protection.amendment import amendment, change_between, with_party, without_party
from hansa.protection.membership import Member, Membership, read_approval
from hansa.runtime.asking import Asking
from hansa.runtime.seats import CoordinatorSeat

logger = logging.getLogger(__name__)

_PROBE_S = 1.0  # how long a round waits for who was let in and may not run yet
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

    def amended(self, began: Began) -> bool:
        """Return whether a change was made; what a member does not sign is left for the next round."""
        after = self._after() if may_change(self.charter) else None
        if after is None:
            return False
        if time.monotonic() - self.tried < _AGAIN_S:
            return False
        self.tried = time.monotonic()
        try:
            return self._change(after, began)
        except PartyError as fault:
            logger.warning("members stay as they are why=%s", fault)
            return False

    def _after(self) -> Membership | None:
        """Return the list after the first change that is wanted; None: all is as wanted."""
        now, wanted = self.seat.membership, self.members.wanted()
        here = {one.party.name: one.key for one in now.parties}
        for name in here:
            if name not in wanted and len(here) > 1:
                return without_party(now, name)
        for name, key in wanted.items():
            if name not in here:
                return with_party(now, Member(Party(name), key))
        return None

    def _change(self, after: Membership, began: Began) -> bool:
        before, seat = self.seat.membership, self.seat
        change = change_between(before, after)
        told: dict[str, Mapping[str, Any]] = {}
        newest = None
        if change.kind == "joins":
            self.members.door.admit(change.name, change.new)
            shown = codec.encode(after.value)
            joined = self.asking.try_one(change.name, "join", _PROBE_S, membership=shown)
            if joined is None:  # it was let in, and does not run yet
                return False
            told[change.name] = joined
            newest = read_approval(joined.get("approval", b""), change.name)
        body = amendment(before, after, seat.key, newest)
        stay = [one.party.name for one in after.parties if one.party.name != change.name]
        told |= self.asking.tell_some(stay, "amend", amendment=body)
        seat.membership = after
        met = seat.met(told)
        self.asking.tell_some(stay, "meet", **met)
        self.charter = replace(self.charter, roster=after.roster)
        self.asking.names = tuple(stay)
        logger.warning("members changed: %s", change.words)
        if change.kind == "joins":
            self._begin(change.name, met, began)
        else:
            self.members.door.expel(change.name)
        return True

    def _begin(self, name: str, met: Mapping[str, Any], began: Began) -> None:
        """Let a newcomer begin; one that cannot is a member that no round asks."""
        try:
            self.asking.tell_some([name], "meet", **met)
            self.asking.tell_some([name], "scale", totals=began.totals, enough=None)
            self.asking.tell_some([name], "start", keys=began.keys)
        except PartyError as fault:
            logger.warning("a newcomer takes no part why=%s", fault)
            return
        self.asking.names = (*self.asking.names, name)


def may_change(charter: Charter) -> bool:
    """Return whether members may come and go within a run.

    Masked sums of two cohorts that differ by one party would show what that one adds, and predictions are
    shared among those who began together.
    """
    method = METHODS[charter.algorithm.name]
    apart = method.exchanges == "weights" and not (method.framed or method.in_clear)
    return charter.secrecy == "open" and apart and charter.preparation.features != "pca"
