"""Seeds in lockstep: each finds what it finds alone, whatever sits beside it in the engine."""

import gc
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from hansa.core.charter import Charter
from hansa.simulation import lockstep
from hansa.simulation.batched import BatchedParties
from hansa.simulation.federation import Federation, Progress
from hansa.simulation.lockstep import train_together
from tests.batteries.roster import same_bits
from tests.simulation.small_world import small, world

WORLD = world()
SEEDS = (1, 2, 3)
CHARTER = small(rounds=3, compare=("centralised", "fedavg", "labsync"), evaluation={"filter": "none"})


def _federations(charter: Charter = CHARTER) -> list[Federation]:
    return [Federation(replace(charter, seed=seed), world=WORLD) for seed in SEEDS]


def _together(
    watch: Callable[[Progress], None] = lambda _: None, stop: Callable[[], bool] = lambda: False
) -> tuple[list[Federation], list[str]]:
    federations = _federations()
    return federations, list(train_together(federations, watch, stop))


@cache
def _found() -> tuple[list[Federation], list[str]]:
    """Return federations after their last round together; read only."""
    return _together()


@cache
def _alone() -> list[Federation]:
    """Return the same federations, trained one after the other; read only."""
    federations = _federations()
    for federation in federations:
        for _ in federation.train(lambda _: None, lambda: False):
            pass
    return federations


def test_every_seed_finds_what_it_finds_alone_to_the_bit() -> None:
    together, units = _found()
    assert units == together[0].units
    for one, other in zip(together, _alone(), strict=True):
        assert one.finished.keys() == other.finished.keys()
        for name, found in one.finished.items():
            assert replace(found, seconds=0.0) == replace(other.finished[name], seconds=0.0)


def test_seeds_differ() -> None:
    found = [federation.finished["labsync_mean"].all_cycle.raw.rmse for federation in _found()[0]]
    assert len(set(found)) == len(SEEDS)


def test_every_seed_keeps_its_own_models() -> None:
    together, _ = _found()
    for one, other in zip(together, _alone(), strict=True):
        mine, theirs = one.models["labsync"], other.models["labsync"]
        assert same_bits(mine.parts["party-2"].network, theirs.parts["party-2"].network)


def test_seeds_that_do_not_fit_together_take_turns_and_leave_before_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lockstep, "_MEMORY", 1)
    told: list[int] = []

    def watch(progress: Progress) -> None:
        if progress.round == 1:
            gc.collect()
            told.append(sum(type(one) is BatchedParties for one in gc.get_objects()))

    gc.freeze()  # what other tests left is not looked through: late in a long run that takes seconds
    try:
        federations = _federations(replace(CHARTER, compare=("fedavg",)))
        list(train_together(federations, watch, lambda: False))
    finally:
        gc.unfreeze()
    assert set(told) == {1}
    assert len(told) == len(SEEDS) * len(federations[0].units)


def test_what_parties_see_alike_is_counted_once() -> None:
    federation = _federations()[0]
    seat = lockstep._Seat(federation, *federation.gathered("fedavg"))
    rows = sum(member.rows.x.size for member in seat.cohort.members)
    assert len(seat.cohort.members) == 3
    assert seat.numbers == rows + seat.cohort.inputs[0].features * seat.exams[0].fleet.rows


def test_progress_only_grows_and_ends_at_one() -> None:
    told: list[Progress] = []
    _together(told.append)
    shares = [progress.done for progress in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_a_stop_is_heard_after_the_round_and_keeps_nothing_of_the_scenario() -> None:
    told: list[Progress] = []
    together, units = _together(told.append, lambda: len(told) == 4)
    assert len(units) == 1
    assert len(told) == 4
    assert all(set(federation.finished) == set(units) for federation in together)
