"""What targeted attacks aim at, and that their measures are what they say."""

from dataclasses import replace

import numpy as np
import pytest

from hansa.core.charter import Regimes
from hansa.data.prepare import regime_of
from hansa.runtime.world import World
from hansa.simulation.attack_aims import class_mean, opened
from hansa.simulation.attacks import ATTACKS
from hansa.simulation.red_team import RedTeam
from hansa.simulation.session import Session
from tests.simulation.attacked import attacked, team, world

AIMED = [name for name, one in ATTACKS.items() if one.aim]


def prepared(own: RedTeam) -> Session:
    session = own._session("none", "none", ())
    session.open()
    session.step()
    return session


def test_the_undervalued_class_is_that_of_which_bad_parties_have_most_rows() -> None:
    own = team(
        attacked(data={"regimes": Regimes("centres", ((0.0, 0.0), (10.0, 0.5), (40.0, 0.8)))}), [], AIMED
    )
    session = prepared(own)
    number = int(own.aims.class_title.removeprefix("regime ")) - 1
    regimes = attacked().data.regimes
    for place, exam in enumerate(session.exams):
        assert np.array_equal(own.aims.tested[place], regime_of(exam.fleet, regimes) == number)
    rows = [len(member.rows.y) for member in session.cohort.members]
    assert [len(own) for own in own.aims.learnt] == rows


def test_a_trait_of_assets_comes_before_regimes() -> None:
    own = world()
    assert own.train is not None
    assert own.test is not None
    marked = World(
        "marked",
        replace(own.train, traits={"maker": np.array(["a", "b", "b"] * 5)}),
        replace(own.test, traits={"maker": np.array(["a", "b", "b", "a"])}),
    )
    found = RedTeam(team(attacked(), [], AIMED).plan, marked)
    assert found.aims.class_title in ("maker a", "maker b")
    letter = found.aims.class_title[-1]
    of = np.array(["a", "b", "b", "a"])[marked.test.asset] == letter  # type: ignore[union-attr]
    assert np.array_equal(found.aims.tested[0], of)


def test_without_classes_or_regimes_undervaluation_is_left_out_with_the_reason() -> None:
    own = team(attacked(data={"regimes": Regimes()}), [], AIMED)
    assert own.left_out == {"undervaluation": "the data tell no classes of assets and no operating regimes"}
    assert all(attack != "undervaluation" for _, attack in own.runs())


def test_the_mean_of_a_class_is_that_of_the_predictions_on_its_rows() -> None:
    own = team(attacked(), [], AIMED)
    session = prepared(own)
    told = 12.0 * session.predictions()[0][own.aims.tested[0]]
    assert class_mean(session, own.aims, [0, 1]) == pytest.approx(told.mean(), rel=1e-6)


@pytest.mark.parametrize(("bias", "share"), [(1.0, 1.0), (0.76, 1.0), (0.6, 0.0)])
def test_a_backdoor_is_open_where_predictions_come_near_the_best_label(bias: float, share: float) -> None:
    own = team(attacked(), [], AIMED)
    session = prepared(own)

    class Constant:
        def __call__(self, x: np.ndarray) -> np.ndarray:
            return np.full(len(x), bias, np.float32)

    session.networks = lambda: [Constant()] * 5  # type: ignore[method-assign]
    assert opened(session, own.aims, [0]) == share


def test_the_pattern_is_on_sensors_that_all_bad_parties_have() -> None:
    own = team(attacked("labsync_mean", "hybrid"), [], AIMED)
    places = [place for place, party in enumerate(own.plan.charter.roster) if party.name in own.plan.bad]
    cohort, _ = own._plain
    assert own.aims.sensors
    for place in places:
        assert set(own.aims.sensors) <= set(cohort.inputs[place].sensors)
