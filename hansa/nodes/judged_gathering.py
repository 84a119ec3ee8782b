"""Sums over parties that are elsewhere and are judged: all commit to their updates, then all show them.

Nobody can send what he has seen of another. What a party sends instead of an update becomes its verdict, and
the others go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hansa.core import codec
from hansa.core.errors import MessageError
from hansa.core.framing import leaves_of
from hansa.core.messages import Ask, Terms, Totals
from hansa.judging.arrival import SALT_BYTES, Arrivals, Flaw, Update
from hansa.nodes.asking import Asking, as_map
from hansa.nodes.gathering import OpenGathering, questions_of
from hansa.nodes.schedule import COMMIT, REVEAL
from hansa.runtime.judged import JudgedRounds

COMMITMENT_BYTES = 32


class JudgedGathering(OpenGathering):
    """Everybody's numbers as they are, each weighed as the charter's rule says."""

    def __init__(self, asking: Asking, rounds: JudgedRounds) -> None:
        """Take who asks, and who judges."""
        super().__init__(asking)
        self._rounds = rounds

    def totals(self, ask: Ask, like: Sequence[Terms], *, addressed: bool) -> Totals | Sequence[Terms]:
        """Return the sums over updates, by the rule."""
        assert not addressed  # the charter's rules judge no such method
        arrivals = self._rounds.arrivals(ask, like[0])
        committed = self._committed(ask, arrivals)
        found = self._shown(ask, like[0], arrivals, committed)
        ordered = [name for name in self._asking.names if name in found]
        updates, flaws = dict[str, Update](), dict[str, Flaw]()
        for name in ordered:
            one = found[name]
            if isinstance(one, Flaw):
                flaws[name] = one
            else:
                updates[name] = one
        return self._rounds.judged(ask, like[0], updates, flaws)

    def _committed(self, ask: Ask, arrivals: Arrivals) -> list[str]:
        """Return who answered; who did not commit to anything is found out when it shows something."""
        kind, wrong = f"{ask.opening or 'training'}/{COMMIT}", dict[str, MessageError]()
        questions = questions_of(self._asking.names, ask)
        here = []
        for name, body in self._asking.ask(kind, questions, all_of_them=bool(ask.opening), wrong=wrong):
            here.append(name)
            try:
                told = as_map(body, name, kind).get("commitment")
            except MessageError:
                continue
            if type(told) is bytes and len(told) == COMMITMENT_BYTES:
                arrivals.commit(name, told)
        committed = [name for name in self._asking.names if name in here or name in wrong]
        self._asking.settle(committed)
        return committed

    def _shown(
        self, ask: Ask, like: Terms, arrivals: Arrivals, committed: Sequence[str]
    ) -> Mapping[str, Update | Flaw]:
        """Return what each party's update is, or why it is none."""
        kind, wrong = f"{ask.opening or 'training'}/{REVEAL}", dict[str, MessageError]()
        found: dict[str, Update | Flaw] = {}
        questions = dict.fromkeys(committed, codec.encode({}))
        for name, body in self._asking.ask(kind, questions, all_of_them=bool(ask.opening), wrong=wrong):
            found[name] = _opened(body, like, name, arrivals)
        found |= {name: Flaw("schema", "its message is not what it signed") for name in wrong}
        self._asking.settle([name for name in committed if name in found])
        return found


def _opened(body: bytes, like: Terms, name: str, arrivals: Arrivals) -> Update | Flaw:
    """Return a party's update, or what is wrong with it."""
    try:
        leaves = leaves_of(like, body[:-SALT_BYTES], name)
    except MessageError:
        return Flaw("schema", "its message is no update")
    return arrivals.reveal(name, body[-SALT_BYTES:], leaves)
