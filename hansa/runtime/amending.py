"""Members come and go between two rounds of a run: one change at a time, which all others countersign.

Whoever comes signs the new list first, then the members that stay do, then all get all signatures. It learns
the sums of statistics that the others began with; its own readings are not in them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hansa.core.charter import Charter, Party
from hansa.core.errors import PartyError
from hansa.core.methods import METHODS
from hansa.protection.amendment import amendment, change_between, with_party, without_party
from hansa.protection.membership import Member, Membership, read_approval
from hansa.runtime.asking import Asking
from hansa.runtime.seats import CoordinatorSeat

logger = logging.getLogger(__name__)

Wanted = Callable[[], Mapping[str, bytes]]
"""Returns the public key of everybody who shall be a member, by name."""


class Door(Protocol):
    """Lets members in and out of the wire."""

    def admit(self, party: str, key: bytes) -> None:
        """Count on a party from now on."""

    def expel(self, party: str) -> None:
        """Neither hear a party nor wait for it any more."""


@dataclass(slots=True)
class Amending:
    """What the coordinator does about members between rounds."""

    charter: Charter
    seat: CoordinatorSeat
    asking: Asking
    door: Door
    wanted: Wanted

    def amended(self, began: Mapping[str, Any], keys: int) -> bool:
        """Return whether a change was made; began: what the first members were told to scale by.

        What a member does not sign is left for the next round.
        """
        after = self._after()
        if after is None or not may_change(self.charter):
            return False
        try:
            self._change(after, began, keys)
        except PartyError as fault:
            logger.warning("members stay as they are why=%s", fault)
            return False
        return True

    def _after(self) -> Membership | None:
        """Return the list after the first change that is wanted; None: all is as wanted."""
        now, wanted = self.seat.membership, self.wanted()
        here = {one.party.name: one.key for one in now.parties}
        for name in here:
            if name not in wanted and len(here) > 1:
                return without_party(now, name)
        for name, key in wanted.items():
            if name not in here:
                return with_party(now, Member(Party(name), key))
        return None

    def _change(self, after: Membership, began: Mapping[str, Any], keys: int) -> None:
        before, seat = self.seat.membership, self.seat
        change = change_between(before, after)
        shown = replace_roster(self.charter, after)
        told: dict[str, Mapping[str, Any]] = {}
        newest = None
        if change.kind == "joins":
            self.door.admit(change.name, change.new)
            told = dict(self.asking.tell_one(change.name, "join", membership=seat.shown_of(after)))
            newest = read_approval(told[change.name]["approval"], change.name)
        body = amendment(before, after, seat.key, newest)
        stay = [one.party.name for one in after.parties if one.party.name != change.name]
        told |= self.asking.tell_some(stay, "amend", amendment=body)
        seat.membership = after
        met = seat.met(told)
        self.asking.tell_some(stay, "meet", **met)
        if change.kind == "joins":
            self.asking.tell_one(change.name, "meet", **met)
            self.asking.tell_one(change.name, "scale", **began)
            self.asking.tell_one(change.name, "start", keys=keys)
        else:
            self.door.expel(change.name)
        self.charter = shown
        self.asking.names = tuple(one.party.name for one in after.parties)
        logger.warning("members changed: %s", change.words)


def may_change(charter: Charter) -> bool:
    """Return whether members may come and go within a run.

    Masked sums of two cohorts that differ by one party would show what that one adds, and predictions are
    shared among those who began together.
    """
    method = METHODS[charter.algorithm.name]
    apart = method.exchanges == "weights" and not (method.framed or method.in_clear)
    return charter.secrecy == "open" and apart and charter.preparation.features != "pca"


def replace_roster(charter: Charter, membership: Membership) -> Charter:
    """Return the charter with a list's parties as its roster; its digest stays."""
    return replace(charter, roster=membership.roster)
