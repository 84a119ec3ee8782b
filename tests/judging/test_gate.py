"""The vote on a model: who votes how, and how many it takes."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.charter import Charter, Gate
from hansa.judging.gate import Vote, agrees, quorum
from hansa.judging.gate import vote as counted
from tests.batteries.fleets import charter

NAMES = ("party-1", "party-2", "party-3", "party-4", "party-5")
BEFORE = dict.fromkeys(NAMES, 2.0)
LOSSES = st.floats(0, 1e6)


def vote(charter: Charter, round_: int, new: dict[str, float], adopted: dict[str, float]) -> Vote:
    """Return the vote of parties that lose so much with the new model and with the one adopted last."""
    return counted(charter, round_, {name: agrees(charter, one, adopted[name]) for name, one in new.items()})


def agreed(**changes: Any) -> Charter:
    return charter(5, gate=Gate(**({"every": 1, "tolerance": 0.1} | changes)))


def test_a_party_votes_by_its_own_loss_and_the_bound_is_in() -> None:
    new = {"party-1": 1.0, "party-2": 2.0, "party-3": 2.0 * 1.1, "party-4": 2.3, "party-5": 9.0}
    found = vote(agreed(), 7, new, BEFORE)
    assert found == Vote(7, True, ("party-1", "party-2", "party-3"), ("party-4", "party-5"))


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_a_no(loss: float) -> None:
    found = vote(agreed(), 1, dict.fromkeys(NAMES, loss), BEFORE)
    assert (found.promoted, found.noes) == (False, NAMES)
    generous = vote(agreed(tolerance=1e300), 1, dict.fromkeys(NAMES, loss), dict.fromkeys(NAMES, math.inf))
    assert not generous.promoted


@pytest.mark.parametrize(("parties", "needed"), [(2, 2), (3, 2), (4, 3), (5, 3), (6, 4)])
def test_more_than_half_is_needed_where_no_quorum_is_written(parties: int, needed: int) -> None:
    assert quorum(charter(parties, gate=Gate(1))) == needed
    assert quorum(charter(parties, gate=Gate(1, quorum=1))) == 1


@pytest.mark.parametrize(("ayes", "needed", "promoted"), [(3, 3, True), (2, 3, False), (1, 1, True)])
def test_a_model_is_adopted_by_so_many_votes_and_no_fewer(ayes: int, needed: int, promoted: bool) -> None:
    new = {name: 1.0 if place < ayes else 50.0 for place, name in enumerate(NAMES)}
    assert vote(agreed(quorum=needed), 1, new, BEFORE).promoted is promoted


def test_who_abstains_is_on_neither_side_and_still_counts_in_the_quorum() -> None:
    new = {"party-1": 1.0, "party-2": 1.0}
    found = vote(agreed(), 1, new, BEFORE)
    assert (found.ayes, found.noes, found.promoted) == (("party-1", "party-2"), (), False)


@given(st.lists(LOSSES, min_size=5, max_size=5), st.lists(LOSSES, min_size=5, max_size=5), st.integers(1, 5))
@settings(max_examples=40)
def test_every_voter_is_on_one_side_and_a_better_model_loses_no_vote(
    losses: list[float], before: list[float], needed: int
) -> None:
    new, adopted = dict(zip(NAMES, losses, strict=True)), dict(zip(NAMES, before, strict=True))
    found = vote(agreed(quorum=needed), 1, new, adopted)
    assert sorted(found.ayes + found.noes) == sorted(NAMES)
    assert found.promoted == (len(found.ayes) >= needed)
    better = vote(agreed(quorum=needed), 1, {name: loss / 2 for name, loss in new.items()}, adopted)
    assert set(found.ayes) <= set(better.ayes)
    assert vote(agreed(quorum=5), 1, adopted, adopted).promoted  # the same model is as good


def test_a_vote_comes_back_from_json() -> None:
    found = vote(agreed(), 3, {"party-1": 1.0, "party-2": 50.0}, BEFORE)
    assert Vote.of(json.loads(json.dumps(found.value()))) == found
