"""What a coordinator keeps of changes of members: the list that it proposed last, and who has signed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hansa.core import codec
from hansa.core.errors import FolderError, MessageError
from hansa.nodes.asking import Asking
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.membership import Membership, membership_of
from hansa.registry.node_store import NodeStore

_PROPOSED, _COUNTED, _ASKED = "list proposed", "list signed by all", "last step about members"
MEMBERS = "members"
"""The name of the list of members in a coordinator's store, from before anybody is asked."""

MEMBERSHIP = "membership"
"""The name of the list of members that all have signed, in a party's store."""

Met = Mapping[str, Mapping[str, bytes]]
"""What all are told once all have signed: signatures, and keys for masked sums."""


class Changes:
    """The newest lists of a run, and how far their signing has come."""

    def __init__(self, store: NodeStore) -> None:
        """Go on from what the store has. Raises FolderError where that is damaged."""
        self._store = store
        try:
            proposed, counted, asked = (self._kept(name) for name in (_PROPOSED, _COUNTED, _ASKED))
            self._proposed = None if proposed is None else membership_of(proposed, COORDINATOR)
            self._counted = None if counted is None else membership_of(counted["list"], COORDINATOR)
            self.met: Met = {} if counted is None else counted["met"]  # the signatures of the one that counts
            self._asked: list[int] = [0, 0] if asked is None else asked
        except (ValueError, MessageError) as fault:
            raise FolderError(
                "where the change of members stands cannot be read",
                do="put the folder back as it was",
                where="its store",
            ) from fault

    def numbered(self, after: Membership) -> Membership:
        """Return a list with the number that it is proposed under: its own, or a new one.

        Members sign one list of a number, and none of a lower one: what was proposed keeps its number as long
        as it is wanted, and what is wanted instead has a higher one.
        """
        known = self._proposed
        if known is not None and known.number >= after.number:
            if replace(after, number=known.number) == known:
                return known
            after = replace(after, number=known.number + 1)
        self._proposed = after
        self._store.keep({_PROPOSED: codec.encode(after.value)})
        return after

    def count(self, after: Membership, met: Met) -> None:
        """Let a list count from now on; met: what all are told of who has signed it."""
        self._counted, self.met = after, met
        kept = {"list": after.value, "met": {name: dict(one) for name, one in met.items()}}
        self._store.keep({_COUNTED: codec.encode(kept)})

    def counts_after(self, listed: Membership) -> Membership | None:
        """Return the list that counts, if that is one after this."""
        newest = self._counted
        return newest if newest is not None and newest.number > listed.number else None

    def _kept(self, name: str) -> Any:
        kept = self._store.state(name)
        return None if kept is None else codec.decode(kept)

    def skip_asked(self, asking: Asking) -> None:
        """Go on after the steps about members that were asked in this round already."""
        if self._asked[0] == asking.round:
            asking.number = max(asking.number, self._asked[1])

    def note_asked(self, asking: Asking) -> None:
        """Keep that a step is asked now."""
        self._asked = [asking.round, asking.number + 1]
        self._store.keep({_ASKED: codec.encode(self._asked)})
