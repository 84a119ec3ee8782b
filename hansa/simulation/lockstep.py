"""Federations that differ by their seed, trained in lockstep: seeds are one more axis of blocks.

Their blocks run side by side and share compiled programs; each seed keeps blocks, chance, state and
figures of its own, and finds to the bit what it finds alone. Trees, grown in processes, take turns instead.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from hansa.models.rows import Rows, Stream
from hansa.runtime.exam import Exam
from hansa.simulation.cohort import Cohort
from hansa.simulation.federation import Federation, Progress, Watch
from hansa.simulation.session import Session, open_together, sight_of, step_together
from hansa.simulation.trees import SCENARIO as TREES

_MEMORY = 1 << 28  # numbers that seeds in lockstep hold at most: 1 GiB


@dataclass(frozen=True, slots=True, eq=False)
class _Seat:
    """One federation's parties of a scenario, before they are seated."""

    federation: Federation
    cohort: Cohort
    exams: list[Exam]

    @property
    def numbers(self) -> int:
        """Return how many numbers its rows and its tests hold; parties that see the same hold it once."""
        seen = {
            sight_of(own, exam): own.features * exam.fleet.rows
            for own, exam in zip(self.cohort.inputs, self.exams, strict=True)
        }
        return sum(_held_numbers(member.rows) for member in self.cohort.members) + sum(seen.values())


def _held_numbers(rows: Rows | Stream) -> int:
    """Return how many numbers memory holds of a party's rows: of a stream, those of one block."""
    return rows.size * rows.features if isinstance(rows, Stream) else int(rows.x.size)


def train_together(
    federations: Sequence[Federation], watch: Watch, stop: Callable[[], bool]
) -> Iterator[str]:
    """Train all scenarios of federations alike but for their seed; yield each scenario's name.

    What each found is in its `finished` and `models`. `stop` is asked after every round.
    """
    units, rounds = federations[0].units, federations[0].charter.rounds
    for place, unit in enumerate(units):
        before = 0
        for count, turns in _groups(federations, unit):
            with closing(turns):
                for done in turns:
                    share = (before + count * done / rounds) / len(federations)
                    watch(Progress(unit, done, rounds, (place + share) / len(units)))
                    if stop():
                        return
            before += count
        yield unit


def _groups(federations: Sequence[Federation], unit: str) -> Iterator[tuple[int, Generator[int]]]:
    """Yield how many seeds are trained at once, and the number of each of their rounds as it is done."""
    if unit == TREES:
        for federation in federations:
            yield 1, _grown(federation)
        return
    for seats in _parts(federations, unit):
        yield len(seats), _trained(seats, federations[0].charter.rounds)


def _grown(federation: Federation) -> Generator[int]:
    with closing(federation.open(TREES)) as session:
        while session.done < session.rounds:
            session.step()
            yield session.done
        federation.keep(session)


def _trained(seats: Sequence[_Seat], rounds: int) -> Generator[int]:
    """Yield the number of each round of some seeds; after the last one their federations keep them."""
    sessions = [Session(seat.cohort, seat.exams, rounds) for seat in seats]
    open_together(sessions)
    while sessions[0].done < rounds:
        step_together(sessions)
        yield sessions[0].done
    for seat, session in zip(seats, sessions, strict=True):
        seat.federation.keep(session)


def _parts(federations: Sequence[Federation], unit: str) -> Iterator[list[_Seat]]:
    """Yield the federations in their order, as many at a time as fit together."""
    part: list[_Seat] = []
    for federation in federations:
        seat = _Seat(federation, *federation.gathered(unit))
        alike = not part or part[0].cohort.algorithm == seat.cohort.algorithm
        if part and (not alike or sum(one.numbers for one in [*part, seat]) > _MEMORY):
            yield part
            part = []
        part.append(seat)
    yield part
