"""Seeds in lockstep: each finds what it finds alone, whatever sits beside it in the engine."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from hansa.simulation import lockstep
from hansa.simulation.federation import Federation, Progress
from hansa.simulation.lockstep import train_together
from tests.batteries.roster import leaves
from tests.simulation.small_world import small, world

WORLD = world()
SEEDS = (1, 2, 3)
CHARTER = small(rounds=3, evaluation={"filter": "none"})


def _federations() -> list[Federation]:
    return [Federation(replace(CHARTER, seed=seed), world=WORLD) for seed in SEEDS]


def _together(
    watch: Callable[[Progress], None] = lambda _: None, stop: Callable[[], bool] = lambda: False
) -> tuple[list[Federation], list[str]]:
    federations = _federations()
    return federations, list(train_together(federations, watch, stop))


@cache
def _alone() -> list[Federation]:
    """Return the same federations, trained one after the other; read only."""
    federations = _federations()
    for federation in federations:
        for _ in federation.train(lambda _: None, lambda: False):
            pass
    return federations


def test_every_seed_finds_what_it_finds_alone() -> None:
    together, units = _together()
    assert units == together[0].units
    for one, other in zip(together, _alone(), strict=True):
        assert one.finished.keys() == other.finished.keys()
        for name, found in one.finished.items():
            alone = other.finished[name]
            assert found.all_cycle.raw.rmse == pytest.approx(alone.all_cycle.raw.rmse, abs=2e-4)
            assert found.last_cycle.raw.nasa == pytest.approx(alone.last_cycle.raw.nasa, rel=1e-3)
            assert found.history["train_loss"] == pytest.approx(alone.history["train_loss"], rel=1e-4)
            assert [party.traffic for party in found.parties.values()] == [
                party.traffic for party in alone.parties.values()
            ]
            assert found.curves.raw == tuple(pytest.approx(own, abs=0.02) for own in alone.curves.raw)


def test_seeds_differ() -> None:
    found = [federation.finished["labsync_mean"].all_cycle.raw.rmse for federation in _together()[0]]
    assert len(set(found)) == len(SEEDS)


def test_every_seed_keeps_its_own_models() -> None:
    together, _ = _together()
    for one, other in zip(together, _alone(), strict=True):
        mine, theirs = one.models["labsync"], other.models["labsync"]
        for a, b in zip(
            leaves(mine.parts["party-2"].network), leaves(theirs.parts["party-2"].network), strict=True
        ):
            assert a == pytest.approx(b, abs=1e-4)


def test_the_same_seeds_give_the_same_bits_twice() -> None:
    one, other = _together()[0], _together()[0]
    for mine, theirs in zip(one, other, strict=True):
        assert {name: found.all_cycle for name, found in mine.finished.items()} == {
            name: found.all_cycle for name, found in theirs.finished.items()
        }


def test_seeds_that_do_not_fit_together_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockstep, "_MEMORY", 1)
    told: list[Progress] = []
    together, _ = _together(told.append)
    assert len(told) == 3 * len(SEEDS) * len(together[0].units)
    for one, other in zip(together, _alone(), strict=True):
        for name, found in one.finished.items():
            assert found.all_cycle.raw.rmse == pytest.approx(
                other.finished[name].all_cycle.raw.rmse, abs=2e-4
            )


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
