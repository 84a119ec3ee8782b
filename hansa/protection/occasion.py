"""What one protected sum is for; its digest goes into every key, so that no other sum can be opened by it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hansa.core import codec
from hansa.core.errors import RefusedError
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.fixed_point import FixedPoint
from hansa.protection.shared_form import SharedForm


@dataclass(frozen=True)
class Occasion:
    """One sum of one round."""

    roster: bytes  # its digest, which holds the task's
    round: int  # counts up, openings apart: 0
    number: int  # of the sum within the round, from 0
    kind: str  # what is summed
    model: str  # the digest of what the coordinator sent out for it
    form: FixedPoint | SharedForm
    size: int  # words of a party's term
    cohort: int  # parties of a sum that is opened, at least
    unchanging: bool = False  # whether parties' terms of this kind are the same in every sum
    cells: str = ""  # the kind of the sum that told which cells enough parties have; empty: all have all

    @cached_property
    def digest(self) -> bytes:
        """Return the 32 bytes that name this sum."""
        named = [self.roster, self.round, self.number, self.kind, self.model, self.form.stated()]
        plain = [*named, self.size, self.cohort, self.unchanging, self.cells]
        return bytes.fromhex(codec.digest(plain))

    @property
    def name(self) -> str:
        """Return how errors call it."""
        return f"the sum of {self.kind} of round {self.round}"


@dataclass(slots=True)
class Past:
    """What a party remembers of all sums of a task, so that nothing is opened twice.

    Kept across restarts: a party that forgets it must not take part in the task again.
    """

    last: tuple[int, int] = (-1, -1)  # round and number of the newest sum that it took part in
    opened: dict[str, frozenset[str]] = field(default_factory=dict)  # the one cohort of what never changes

    def begin(self, occasion: Occasion) -> None:
        """Take note that a sum begins; raises RefusedError for one that is not after all others."""
        if (occasion.round, occasion.number) <= self.last:
            raise RefusedError(
                f"it asks for {occasion.name} again, or for one before the last",
                do="ask why: two sums of one occasion differ by what one party sent",
                where=COORDINATOR,
            )
        self.last = (occasion.round, occasion.number)

    def sign(self, occasion: Occasion, cohort: Collection[str]) -> None:
        """Take note that a cohort is signed; raises RefusedError for another one than what it hangs on had.

        Any two sums of the same terms over different cohorts tell more than both cohorts were meant to; and
        a cell that enough parties of one cohort have may be one party's in another.
        """
        if occasion.cells and occasion.cells not in self.opened:
            raise RefusedError(
                f"{occasion.name} is by cell, and {occasion.cells} never told which enough parties have",
                do="ask the coordinator's operator why",
                where=COORDINATOR,
            )
        for kind in filter(None, (occasion.kind if occasion.unchanging else "", occasion.cells)):
            before = self.opened.get(kind, frozenset(cohort))
            if before != frozenset(cohort):
                raise RefusedError(
                    f"{kind} was summed for another cohort before; the two would show single terms",
                    do=f"go on with the cohort of before: {', '.join(sorted(before))}",
                    where=COORDINATOR,
                )
        if occasion.unchanging:
            self.opened[occasion.kind] = frozenset(cohort)

    def value(self) -> list[object]:
        """Return plain values that can be stored."""
        return [list(self.last), {kind: sorted(cohort) for kind, cohort in self.opened.items()}]


def past_of(value: list[Any]) -> Past:
    """Return what `Past.value` told."""
    last, opened = value
    return Past((last[0], last[1]), {kind: frozenset(cohort) for kind, cohort in opened.items()})
