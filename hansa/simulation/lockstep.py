"""Federations that differ by their seed, trained in lockstep: seeds are one more axis of the engine.

They share compiled programs and blocks of parties; each keeps its own chance, state and figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from hansa.models.rows import held
from hansa.simulation.cohort import Cohort
from hansa.simulation.crew import Crew
from hansa.simulation.exam import Exam
from hansa.simulation.federation import Federation, Progress, Watch
from hansa.simulation.session import Session, open_together, step_together

_MEMORY = 1 << 28  # numbers that the rows of one crew take at most: 1 GiB

_Gathered = tuple[Cohort, list[Exam]]


def train_together(
    federations: Sequence[Federation], watch: Watch, stop: Callable[[], bool]
) -> Iterator[str]:
    """Train all scenarios of federations alike but for their seed; yield each scenario's name.

    What each found is in its `finished` and `models`. `stop` is asked after every round.
    """
    units = federations[0].units
    for place, unit in enumerate(units):
        rounds = federations[0].charter.rounds
        crews = _crews([federation.gathered(unit) for federation in federations], rounds)
        for number, sessions in enumerate(crews):
            open_together(sessions)
            while sessions[0].done < rounds:
                step_together(sessions)
                share = (number + sessions[0].done / rounds) / len(crews)
                watch(Progress(unit, sessions[0].done, rounds, (place + share) / len(units)))
                if stop():
                    return
        found = [session for sessions in crews for session in sessions]
        for federation, session in zip(federations, found, strict=True):
            federation.keep(session)
        yield unit


def _crews(gathered: Sequence[_Gathered], rounds: int) -> list[list[Session]]:
    """Return sessions in the order given, those side by side that one crew can hold."""
    parts: list[list[_Gathered]] = []
    for one in gathered:
        alike = parts and parts[-1][0][0].algorithm == one[0].algorithm
        if not alike or sum(map(_numbers, [*parts[-1], one])) > _MEMORY:
            parts.append([])
        parts[-1].append(one)
    return [_sessions(part, rounds) for part in parts]


def _sessions(gathered: Sequence[_Gathered], rounds: int) -> list[Session]:
    crew = Crew(*zip(*gathered, strict=True))
    return [Session(*one, rounds, crew, seat) for seat, one in enumerate(gathered)]


def _numbers(gathered: _Gathered) -> int:
    cohort, exams = gathered
    parties = zip(cohort.members, cohort.inputs, exams, strict=True)
    return sum(
        held(member.rows).x.size + inputs.features * exam.fleet.rows for member, inputs, exam in parties
    )
