"""What one protected sum is for; its digest goes into every key, so that no other sum can be opened by it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

from hansa.core import codec
from hansa.core.errors import FolderError, RefusedError
from hansa.protection.cohorts import told_by_sums
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
    unchanging: bool = False  # whether something in a party's terms of this kind is the same in every sum
    same: str = ""  # what that is, where terms of other kinds have it too; empty: of this kind alone
    cells: str = ""  # the kind of the sum that told which cells enough parties have; empty: all have all

    @cached_property
    def digest(self) -> bytes:
        """Return the 32 bytes that name this sum."""
        named = [self.roster, self.round, self.number, self.kind, self.model, self.form.stated()]
        plain = [*named, self.size, self.cohort, self.unchanging, self.same, self.cells]
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
    opened: dict[str, list[frozenset[str]]] = field(default_factory=dict)  # cohorts of what never changes

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
        """Take note that a cohort is signed; raises RefusedError for one that would show a single term."""
        own = frozenset(cohort)
        if occasion.cells:
            self._check_cells(occasion, own)
        if not occasion.unchanging:
            return
        kept = occasion.same or occasion.kind
        before = self.opened.get(kept, [])
        told = None if own in before else told_by_sums([*before, own])
        if told is not None:
            raise RefusedError(
                f"{kept} was summed for another cohort before; together the sums would show what {told} adds",
                do=f"go on with {', '.join(sorted(before[-1]))}, as before, or without two of them",
                where=COORDINATOR,
            )
        self.opened[kept] = [*(one for one in before if one != own), own]  # the newest last

    def _check_cells(self, occasion: Occasion, cohort: frozenset[str]) -> None:
        """Return if this cohort is the one that told the cells: others may have a cell alone."""
        known = self.opened.get(occasion.cells, [])
        if not known:
            raise RefusedError(
                f"{occasion.name} is by cell, and no {occasion.cells} told which of them enough parties have",
                do="ask the coordinator's operator why",
                where=COORDINATOR,
            )
        if known[-1] != cohort:
            raise RefusedError(
                f"{occasion.name} is by cell, and {occasion.cells} was summed for another cohort",
                do=f"go on with the cohort of before, {', '.join(sorted(known[-1]))}",
                where=COORDINATOR,
            )

    def value(self) -> list[object]:
        """Return plain values that can be stored."""
        opened = {kind: [sorted(cohort) for cohort in cohorts] for kind, cohorts in self.opened.items()}
        return [list(self.last), opened]


def past_of(value: object) -> Past:
    """Return what `Past.value` told; raises FolderError for anything else."""
    if not (isinstance(value, list) and len(value) == 2 and _is_last(value[0]) and _is_opened(value[1])):
        raise FolderError(
            "is damaged, so that a sum could be opened twice",
            do="restore the copy that was kept last, or take no more part in this task",
            where="what this party remembers of its sums",
        )
    last, opened = value
    cohorts = {kind: [frozenset(cohort) for cohort in known] for kind, known in opened.items()}
    return Past((last[0], last[1]), cohorts)


def _is_last(value: object) -> bool:
    return (
        isinstance(value, list) and len(value) == 2 and all(type(one) is int and one >= -1 for one in value)
    )


def _is_opened(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(kind, str) and isinstance(known, list) and known and all(map(_are_names, known))
        for kind, known in value.items()
    )


def _are_names(cohort: object) -> bool:
    if not isinstance(cohort, list):
        return False
    names = [name for name in cohort if isinstance(name, str)]
    return len(names) == len(cohort) and names == sorted(set(names))
