"""Forgetting: who has which class, what absent parties keep, and that a common model does forget."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmarks.forgetting import FIRST, METHODS, SECOND, _charter, _widest_gap, forgetting, two_classes
from hansa.core.charter import Charter
from hansa.core.charter_rules import check_charter
from hansa.data.prepare import regime_of
from hansa.runtime.world import World
from tests.batteries.fleets import charter as small_charter
from tests.batteries.fleets import fleet

MODES = np.array(["fan", "hpc"] * 8)
FLEET = replace(fleet([18, 22, 26, 20] * 4), traits={"fault_mode": MODES})


def _small(algorithm: str) -> Charter:
    choice = {"name": algorithm, "alone_rounds": 4 if algorithm == "fine_tuned" else 0}
    return small_charter(
        4,
        partition={"kind": "horizontal", "deal": "fault_mode"},
        rounds=12,
        algorithm=choice,
        training={"learning_rate": 0.05},
    )


@cache
def _world() -> World:
    # the readings of a fan fall as it wears, those of an hpc rise: what one teaches is wrong for the other
    regime = regime_of(FLEET, _small("fedavg").data.regimes)  # (rows,)
    healthy = 10 * np.arange(1, 4) + 3 * regime[:, None]  # (rows, sensors)
    fan = (MODES == "fan")[FLEET.asset][:, None]  # (rows, 1)
    turned = np.where(fan, 2 * healthy - FLEET.sensors, FLEET.sensors)  # (rows, sensors)
    return two_classes(replace(FLEET, sensors=turned), _small("fedavg"))


@pytest.mark.parametrize("name", METHODS)
def test_its_charters_hold(name: str) -> None:
    check_charter(_charter(1, name))


def test_each_party_has_one_class_and_no_asset_is_both_taught_and_tested() -> None:
    taught = [set(own.train.asset_names) for own in _world().own]
    modes = dict(zip(FLEET.asset_names, MODES.tolist(), strict=True))
    assert [{modes[name] for name in names} for names in taught] == [{"fan"}, {"fan"}, {"hpc"}, {"hpc"}]
    test = _world().own[0].test
    assert sum(map(len, taught)) + len(test.asset_names) == len(MODES)
    assert not set(test.asset_names) & set().union(*taught)
    classes = {"fan": FIRST, "hpc": SECOND}
    assert [classes[modes[name]] for name in test.asset_names] == test.traits["fault_mode"].tolist()


def test_the_classes_are_cut_at_the_widest_gap_of_the_middle_half() -> None:
    ranks = np.array([9.0, 0.0, 1.0, 2.0, 2.5, 5.0, 5.5, 6.0])
    assert _widest_gap(ranks) == pytest.approx(3.75)


@pytest.mark.slow  # two federations, twice
def test_a_common_model_moves_away_and_a_personal_one_stays() -> None:
    common, personal = (forgetting(_small(name), _world(), after=8) for name in ("fedavg", "ditto"))
    assert common["after"][FIRST] > 1.05 * common["before"][FIRST]
    assert common["after"][SECOND] < common["before"][SECOND]
    assert personal["after"] == personal["before"]


def test_a_party_takes_the_newest_common_part_beside_its_own() -> None:
    found = forgetting(_small("fedper"), _world(), after=2)
    assert found["after"] != found["before"]
    assert all(np.isfinite(list(one.values())).all() for one in found.values())


def test_a_party_that_tunes_the_common_model_again_gets_nearer_to_its_class() -> None:
    found = forgetting(_small("fine_tuned"), _world(), after=8)
    assert list(found) == ["before", "after", "tuned again after"]
    assert found["tuned again after"][FIRST] < found["after"][FIRST]
