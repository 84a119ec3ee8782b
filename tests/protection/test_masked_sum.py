"""A masked sum is the sum of the survivors, or there is none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.secure_sums import enrolled, plain_sum
from hansa.core.errors import AbortedError, CharterError
from hansa.protection.fixed_point import FixedPoint
from hansa.simulation.masked_sums import STEPS, masked_sum
from tests.protection.federation import occasion, words_of


@pytest.mark.parametrize("parties", [3, 4, 7, 50])
def test_it_is_the_sum_of_all(parties: int) -> None:
    world = enrolled(parties)
    what = occasion(world, size=100)
    words = words_of(world, what)
    total, cohort = masked_sum(world, what, words)
    assert cohort == world.names
    assert not world.trouble
    assert np.array_equal(total, plain_sum(words, cohort))


@pytest.mark.parametrize(("width", "words"), [(32, 1), (64, 1), (64, 2)])
def test_numbers_come_out_within_the_bound(width: int, words: int) -> None:
    world = enrolled(4)
    form = FixedPoint(4, 10.0, width, words)
    what = occasion(world, size=20 * words, form=form)
    values = np.random.default_rng(1).uniform(-10, 10, (4, 20))
    encoded = {name: form.encoded(own) for name, own in zip(world.names, values, strict=True)}
    total, _ = masked_sum(world, what, encoded)
    assert np.abs(form.decoded(total) - values.sum(axis=0)).max() <= form.error + 1e-14


def _lost(plan: dict[str, str]):
    """Return a broker that loses all of a party's messages from a step on."""

    def broker(step: str, party: str, message: bytes) -> bytes | None:
        gone = plan.get(party)
        late = STEPS.index(step.removeprefix("ask ")) >= STEPS.index(gone) if gone else False
        return None if late else message

    return broker


def _check_losses(parties: int, plan: dict[str, str]) -> None:
    world = enrolled(parties)
    what = occasion(world)
    words = words_of(world, what)
    try:
        total, cohort = masked_sum(world, what, words, _lost(plan))
    except AbortedError:
        assert len(plan) > parties - world.roster.threshold
        return
    assert len(plan) <= parties - world.roster.threshold
    assert set(cohort) == {name for name in world.names if plan.get(name) not in ("keys", "masked")}
    assert np.array_equal(total, plain_sum(words, cohort))


@pytest.mark.parametrize("parties", [3, 4, 5])
def test_any_parties_lost_at_any_step_leave_the_right_sum_or_none(parties: int) -> None:
    """Exhaustive: every set of parties, each lost at every step."""
    names = enrolled(parties).names
    for count in range(parties + 1):
        for gone in itertools.combinations(names, count):
            for steps in itertools.product(STEPS, repeat=count):
                if count <= 2 or len(set(steps)) == 1:
                    _check_losses(parties, dict(zip(gone, steps, strict=True)))


@settings(max_examples=10, deadline=None)
@given(
    parties=st.sampled_from([10, 10, 10, 50]), draw=st.randoms(use_true_random=False), more=st.integers(0, 2)
)
def test_parties_lost_by_chance_leave_the_right_sum_or_none(parties: int, draw, more: int) -> None:
    names = [f"p{number}" for number in range(parties)]
    spare = parties - (2 * parties // 3 + 1)
    gone = draw.sample(names, draw.randint(0, spare) if not more else spare + more)
    _check_losses(parties, {name: draw.choice(STEPS) for name in gone})


@pytest.mark.parametrize("parties", [1, 2, 51])
def test_two_parties_or_too_many_make_no_roster(parties: int) -> None:
    with pytest.raises(CharterError, match="over 3 to 50 parties"):
        from hansa.protection.enrolment import Roster

        Roster("task", {"coordinator": bytes(32)}, {f"p{number}": bytes(32) for number in range(parties)})


def test_more_must_answer_where_the_cohort_is_larger() -> None:
    world = enrolled(5)
    what = occasion(world, cohort=5)
    with pytest.raises(AbortedError, match="4 of 5 parties sent their terms, and it takes 5"):
        masked_sum(world, what, words_of(world, what), _lost({"p2": "masked"}))
