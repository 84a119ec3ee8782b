"""What is rehearsed has the shapes of what is sent: nobody has to tell them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import jax
import pytest

from hansa.core import arrays
from hansa.core.charter import Charter
from hansa.core.framing import frame, framed
from hansa.core.messages import Ask, Terms
from hansa.core.methods import BROUGHT, METHODS, TRAINABLE
from hansa.models.rows import held
from hansa.nodes.rehearsal import Exchange, rehearsed
from hansa.simulation.cohort import Cohort
from hansa.simulation.federation import Federation
from hansa.transport.memory import MemoryTransport, ask_of
from tests.nodes.node_world import charter_of
from tests.simulation.small_world import world

QUICK = ("fedavg", "labsync_mean")
TRAINED = [name for name in TRAINABLE if name not in (*BROUGHT, "trees", "isolated")]
each = pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in TRAINED]
)


def _due(cohort: Cohort, charter: Charter) -> tuple[dict[str, Exchange], Any]:
    """Return the exchanges as the coordinator rehearses them."""
    in_clear = METHODS[cohort.scenario].in_clear
    sizes = [held(one.rows).y.shape[0] if in_clear else 1 for one in cohort.members]
    own = cohort.members[0].network if cohort.scenario == "aligned" else cohort.common
    inputs = cohort.members[0].rows.x.shape[1]  # type: ignore[union-attr]
    del charter
    found, state = rehearsed(cohort.algorithm, cohort.common, own, inputs, sizes)
    return dict(found), state


def _exchanged(cohort: Cohort, rounds: int) -> Iterator[tuple[Ask, list[Terms], Any]]:
    """Yield each ask of a run with the terms of all parties, and the state after it."""
    algorithm, state, terms = cohort.algorithm, cohort.algorithm.start(cohort.common), list[Terms]()

    def answer(place: int, ask: Ask) -> Terms:
        terms.append(cohort.members[place].answer(ask))
        return terms[-1]

    parties = [lambda ask, place=place: answer(place, ask) for place in range(len(cohort.members))]
    transport = MemoryTransport(parties, addressed=algorithm.addressed)
    for _ in range(len(algorithm.openings) + rounds * (1 + len(algorithm.preludes))):
        terms.clear()
        ask = algorithm.ask(state)
        state = algorithm.absorb(state, transport(ask))
        yield ask, list(terms), state


@each
def test_what_is_rehearsed_has_the_shapes_of_two_rounds(name: str) -> None:
    charter = charter_of(name)
    with closing(Federation(charter, world=world())) as federation:
        cohort, _ = federation.gathered(name)
        due, after = _due(cohort, charter)
        seen, state = set(), None
        for ask, terms, new in _exchanged(cohort, 2):
            state = new
            seen.add(ask.opening)
            for place, own in enumerate(terms):
                asked = ask_of(ask, place)
                like = due[ask.opening]
                assert _shapes(asked) == _shapes(ask_of(like.ask, place))
                assert frame(framed(ask_of(like.ask, place), frame(asked), "coordinator")) == frame(asked)
                assert _shapes(own) == _shapes(like.terms[place])
                assert frame(framed(like.terms[place], frame(own), "party")) == frame(own)
        assert seen == set(due) == {*cohort.algorithm.openings, *cohort.algorithm.preludes, ""}
        assert _shapes(state) == _shapes(after)


def _shapes(tree: Any) -> list[tuple[str, tuple[int, ...], str]]:
    return [(name, leaf.shape, str(leaf.dtype)) for name, leaf in arrays.flatten(tree).items()]


def test_nothing_rehearsed_is_anybodys_number() -> None:
    charter = charter_of("fedavg")
    with closing(Federation(charter, world=world())) as federation:
        due, _ = _due(federation.gathered("fedavg")[0], charter)
    assert all(not leaf.any() for one in due.values() for leaf in jax.tree.leaves(one.terms[0]))
