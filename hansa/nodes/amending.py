"""Members and their keys change between two rounds of a run: one change at a time, which all others sign.

Whoever comes signs the new list first, or who has a new key, with that one; then the others do; then all get
all signatures. Before that the coordinator keeps them: from then on the list counts, whatever is killed.
Until then the operator may think otherwise, and the next list has a higher number. Who comes learns the sums
of statistics that the others began with; its own readings are not in them.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hansa.core import codec
from hansa.core.charter import Charter, Party
from hansa.core.errors import AbortedError, MessageError, PartyError
from hansa.nodes.asking import Asking
from hansa.nodes.changes import Changes
from hansa.nodes.renewal import Renewal
from hansa.nodes.seats import CoordinatorSeat, text_of
from hansa.protection.amendment import Change, amendment, change_between, with_key, with_party, without_party
from hansa.protection.membership import Member, Membership, check_approval, read_approval
from hansa.registry.node_store import NodeStore

logger = logging.getLogger(__name__)

_PROBE_S = 1.0  # how long a round waits for who was let in and may not run yet
_SIGN_S = 30.0  # and for signatures of those who take part
_BEGIN_S = 300.0  # and for a newcomer to read its records and compile its programs
_AGAIN_S = 10.0  # between two tries to change members

Wanted = Callable[[], Mapping[str, bytes]]
"""Returns the public key of everybody who shall be a member, by name."""

Renewals = Callable[[], Mapping[bytes, Renewal]]
"""Returns what lets members go on under new keys, by the former key."""


class Door(Protocol):
    """Lets members in and out of the wire."""

    def admit(self, party: str, key: bytes) -> None:
        """Count on a party, under this key, from now on."""

    def expel(self, party: str) -> None:
        """Neither hear a party nor wait for it any more."""


@dataclass(frozen=True, slots=True)
class Members:
    """Who shall be a member, as the operator says it now, and what lets them in."""

    door: Door
    wanted: Wanted
    renewals: Renewals = dict

    def expelled(self, listed: Membership) -> list[str]:
        """Return who is in a list and shall be no member any more, or under a key that follows from none."""
        wanted = self.wanted()
        lost = [one for one in listed.parties if wanted.get(one.party.name) != one.key]
        return [one.party.name for one in lost if self.renewal(one, wanted) is None]

    def renewal(self, one: Member, wanted: Mapping[str, bytes]) -> Renewal | None:
        """Return what lets a member go on under another key that is wanted; None where none follows."""
        new = wanted.get(one.party.name, one.key)
        found = None if new == one.key else self.renewals().get(one.key)
        return found if found is not None and found.succession.new == new else None


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
    store: NodeStore
    tried: float = -math.inf  # when something was tried and not done, of `time.monotonic`
    tries: int = 0
    known: Changes = field(init=False)

    def __post_init__(self) -> None:
        """Go on from what the store has."""
        self.known = Changes(self.store)

    def amended(self, began: Began) -> bool:
        """Return whether who takes part has changed; what a member does not sign is left for later."""
        self.known.skip_asked(self.asking)
        after = self.known.counts_after(self.seat.membership)
        if after is not None:  # the coordinator was killed while it told all of it
            self._count(after, began)
            return True
        if time.monotonic() - self.tried < _AGAIN_S:
            return False
        waits = [name for name in self.seat.membership.names if name not in self.asking.names]
        after = self._after()
        if not waits and after is None:
            return False
        self.tried, self.tries = time.monotonic(), self.tries + 1
        begun = [self._begin(name, began, _PROBE_S) for name in waits]
        if after is None or not self._signed(after := self.known.numbered(after)):
            return any(begun)
        self._count(after, began)
        self.tried = -math.inf  # the next change need not wait
        return True

    def _after(self) -> Membership | None:
        """Return the list after the first change that is wanted; None: all is as wanted."""
        now, wanted = self.seat.membership, self.members.wanted()
        gone = self._expelled(now)
        if gone and len(gone) < len(now.parties):  # first, and at once: they may sign nothing any more
            return without_party(now, *gone)
        for one in now.parties:
            if (renewal := self.members.renewal(one, wanted)) is not None:
                return with_key(now, one.party.name, renewal.succession.new)
        if not self.charter.changes_members:
            return None
        lacking = [name for name in wanted if name not in now.names]
        if lacking:  # one that does not run yet keeps no other out
            name = lacking[self.tries % len(lacking)]
            return with_party(now, Member(self._party(name), wanted[name]))
        return None

    def _expelled(self, listed: Membership) -> list[str]:
        """Return who is to leave a list, if anybody may."""
        return self.members.expelled(listed) if self.charter.changes_members else []

    def _party(self, name: str) -> Party:
        """Return a party as the charter has it, if it was a member from the beginning."""
        return next((one for one in self.charter.roster if one.name == name), Party(name))

    def _signed(self, after: Membership) -> bool:
        """Return whether all have signed a list, which then counts; not where one does not, or not soon."""
        before = self.seat.membership
        change = change_between(before, after)
        told: dict[str, Mapping[str, Any]] = {}
        newest, word = None, None
        try:
            if change.kind != "leaves":
                told |= self._tell([change.name], *self._asked_first(change, after))
                newest = read_approval(text_of(told[change.name], "approval", change.name), change.name)
                check_approval(after, newest)
            if change.kind == "rekeyed":
                word = self.members.renewals()[change.old].succession
            body = amendment(before, after, self.seat.key, newest, word)
            others = [name for name in after.names if name != change.name]
            told |= self._tell(others, "amend", _SIGN_S, {"amendment": body})
            met = self.seat.met(told, after)
        except (PartyError, MessageError, AbortedError) as fault:
            logger.warning("members stay as they are why=%s", fault)
            return False
        self.known.count(after, met)
        return True

    def _asked_first(self, change: Change, after: Membership) -> tuple[str, float, dict[str, Any]]:
        """Return what is asked of whose key is new in a list: the step, how long, and what it is shown."""
        shown = {"membership": codec.encode(after.value)}
        if change.kind == "joins":
            self.members.door.admit(change.name, change.new)
            return "join", _PROBE_S, shown
        return "rekey", _SIGN_S, shown | {"invitation": self.members.renewals()[change.old].invitation}

    def _count(self, after: Membership, began: Began) -> None:
        """Let a list count that all have signed."""
        before, change = self.seat.membership, change_between(self.seat.membership, after)
        stay = [name for name in self.asking.names if name in after.names]
        if change.kind != "leaves":
            self.members.door.admit(change.name, change.new)
        self._meet(stay, after)
        self.seat.membership = after
        self.asking.names = tuple(stay)
        logger.warning("members changed: %s", change.words)
        if change.kind == "joins":
            self._begin(change.name, began, _BEGIN_S)
        for name in before.names:
            if name not in after.names:
                self.members.door.expel(name)

    def _meet(self, stay: Sequence[str], after: Membership) -> None:
        """Tell all signatures to who takes part; whom the operator expels meanwhile need not hear them."""
        while True:
            asked = [name for name in stay if name not in self._expelled(after)]
            try:
                self._tell(asked, "meet", None, self.known.met)
                return
            except AbortedError:
                if not set(asked) & set(self._expelled(after)):
                    raise

    def _begin(self, name: str, began: Began, seconds: float) -> bool:
        """Return whether a newcomer has begun; one that cannot is a member that no round asks, for now.

        seconds: how long it is waited for at first.
        """
        try:
            self._tell([name], "meet", seconds, self.known.met)
            self._tell([name], "scale", _BEGIN_S, {"totals": began.totals, "enough": None})
            self._tell([name], "start", _BEGIN_S, {"keys": began.keys})
        except (PartyError, MessageError, AbortedError) as fault:
            logger.warning("a newcomer takes no part why=%s", fault)
            return False
        here = (*self.asking.names, name)
        self.asking.names = tuple(one for one in self.seat.membership.names if one in here)
        return True

    def _tell(
        self, names: Sequence[str], kind: str, seconds: float | None, told: Mapping[str, Any]
    ) -> dict[str, dict[str, Any]]:
        """Take a step about members, which is not taken again with another question after a restart."""
        self.known.note_asked(self.asking)
        return self.asking.tell_some(names, kind, seconds, told)
