"""How predictions are judged: both protocols, raw and filtered, on assets whose end is known."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.core.errors import DataError
from hansa.runtime.exam import exam, scores
from tests.batteries.fleets import fleet
from tests.oracles.filters import kalman

CAP = 12.0
TEST = fleet([15, 4, 20, 9], censored=[1])
EXAM = exam(TEST, CAP, "kalman")
KNOWN = TEST.asset != 1
PREDICTED = np.random.default_rng(0).uniform(0, 1, int(KNOWN.sum())).astype(np.float32)
TRUE = np.minimum(TEST.remaining[KNOWN], CAP)


def _filtered() -> np.ndarray:
    own = TEST.asset[KNOWN]
    return np.concatenate([kalman(PREDICTED[own == asset].astype(float)) for asset in (0, 2, 3)]) * CAP


def test_assets_whose_end_is_not_known_are_left_out() -> None:
    assert EXAM.fleet.asset_names == ("asset-0", "asset-2", "asset-3")
    assert_array_equal(EXAM.true, TRUE)
    partly = replace(TEST, remaining=np.where(TEST.time == 1, np.nan, TEST.remaining))
    with pytest.raises(DataError, match="the test: no asset of the test has a known remaining life; give"):
        exam(partly, CAP, "none")


def test_the_all_cycle_protocol_scores_every_row() -> None:
    every, _ = EXAM.score(jnp.asarray(PREDICTED))
    for found, predicted in ((every.raw, PREDICTED * CAP), (every.filtered, _filtered())):
        assert found.rmse == pytest.approx(np.sqrt(np.mean((predicted - TRUE) ** 2)), rel=1e-5)
        assert found.mae == pytest.approx(np.mean(np.abs(predicted - TRUE)), rel=1e-5)
    assert every.filter == "kalman"
    assert EXAM.figure(jnp.asarray(PREDICTED)) == pytest.approx(every.filtered.rmse, rel=1e-6)


def test_the_last_cycle_protocol_scores_the_last_row_of_each_asset() -> None:
    _, last = EXAM.score(jnp.asarray(PREDICTED))
    rows = np.array([14, 34, 43])
    for found, predicted in ((last.raw, PREDICTED * CAP), (last.filtered, _filtered())):
        miss = predicted[rows] - TRUE[rows]
        assert found.rmse == pytest.approx(np.sqrt(np.mean(miss**2)), rel=1e-5)
        assert found.nasa == pytest.approx(
            np.sum(np.exp(np.where(miss < 0, -miss / 13, miss / 10)) - 1), rel=1e-4
        )


def test_truth_is_capped_and_never_below_zero() -> None:
    below = replace(TEST, remaining=TEST.remaining - 3)
    assert (exam(below, CAP, "none").true.min(), exam(below, CAP, "none").true.max()) == (0.0, CAP)


def test_a_perfect_model_without_a_filter_scores_zero() -> None:
    every, last = exam(TEST, CAP, "none").score(jnp.asarray(TRUE / CAP, jnp.float32))
    for found in (every.raw, every.filtered, last.raw, last.filtered):
        assert found.rmse == pytest.approx(0, abs=1e-5)


def test_curves_follow_the_chosen_assets_to_a_hundredth() -> None:
    chosen = np.array([2, 0])
    curves = EXAM.curves(jnp.asarray(PREDICTED), chosen)
    assert [len(curve) for curve in curves.raw] == [len(curve) for curve in curves.filtered] == [9, 15]
    assert_allclose(curves.raw[0], PREDICTED[35:] * CAP, atol=0.006)
    assert_allclose(curves.filtered[1], _filtered()[:15], atol=0.006)
    assets = EXAM.assets(chosen)
    assert [one.name for one in assets] == ["asset-3", "asset-0"]
    assert assets[1].time == tuple(np.arange(1.0, 16.0))
    assert assets[0].true == tuple(np.minimum(np.arange(9.0)[::-1], CAP))


def test_chosen_assets_are_few_and_each_once() -> None:
    ends = replace(TEST, remaining=TEST.remaining + np.arange(4)[TEST.asset])
    many = exam(ends, CAP, "none")
    assert sorted(many.chosen(6)) == [0, 1, 2]
    assert len(set(many.chosen(2))) == 2
    assert 1 in many.chosen(1)  # the longest history


def test_one_array_that_many_predict_is_scored_once_and_like_each() -> None:
    other = np.ones_like(PREDICTED)
    found = scores([EXAM] * 3, [PREDICTED, other, PREDICTED])
    assert found == [EXAM.score(PREDICTED), EXAM.score(other), EXAM.score(PREDICTED)]
    assert found[0] is found[2]
