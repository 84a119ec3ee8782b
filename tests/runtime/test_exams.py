"""The exams of failures and prices: who chooses the threshold, who is judged, and by which figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.errors import DataError
from hansa.core.tasks import UNCHOSEN
from hansa.data.fleet import Fleet
from hansa.data.targets import Price
from hansa.models.metrics import average_precision, best_threshold
from hansa.runtime.exams import PriceExam, class_exam
from tests.batteries.fleets import fleet


def parts(failed: list[bool]) -> Fleet:
    """Return assets of one row each."""
    return replace(fleet([1] * len(failed)), remaining=np.array(failed, float))


@given(
    st.lists(st.booleans(), min_size=2, max_size=30).filter(lambda own: 0 < sum(own) < len(own)),
    st.floats(0.05, 0.95),
    st.integers(0, 1 << 32),
)
def test_both_classes_are_judged_and_the_share_of_each_chooses(
    failed: list[bool], share: float, seed: int
) -> None:
    exam = class_exam(parts(failed), share, np.random.default_rng(seed))
    for kind in (True, False):
        own = np.array(failed) == kind
        assert exam.judged[own].any()
        assert (~exam.judged[own]).sum() == min(max(round(share * own.sum()), 1), own.sum() - 1)


def test_the_threshold_is_chosen_without_the_rows_that_are_judged() -> None:
    rng = np.random.default_rng(3)
    failed = rng.random(400) < 0.2
    exam = class_exam(parts(list(failed)), 0.5, rng)
    chance = np.clip(0.3 * failed + rng.random(400) * 0.7, 0, 1).astype(np.float32)
    other = np.where(exam.judged, 1.0 - chance, chance).astype(np.float32)
    assert (
        exam.threshold(chance)
        == exam.threshold(other)
        == best_threshold(chance[~exam.judged], failed[~exam.judged])
    )
    (found,) = exam.score(chance)
    assert found.figures["threshold"] == exam.threshold(chance)
    assert (
        found.figures["auprc"]
        == exam.figure(chance)
        == average_precision(chance[exam.judged], failed[exam.judged])
    )


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        ([True] * 3, "no asset is good"),
        ([False] * 3, "no asset is failed"),
    ],
)
def test_a_test_of_one_class_alone_is_refused(failed: list[bool], words: str) -> None:
    with pytest.raises(DataError, match=words) as refused:
        class_exam(parts(failed), 0.5, np.random.default_rng(0), "the test of north")
    assert refused.value.where == "the test of north"


def test_a_price_is_judged_in_its_own_unit() -> None:
    true = np.array([1000.0, 2000.0, 9000.0])
    exam = PriceExam(parts([False] * 3), true, Price(500.0, 10_000.0))
    told = np.array([1100.0, 2000.0, 4500.0])
    shares = exam.target.share(told).astype(np.float32)
    (found,) = exam.score(shares)
    ratio = np.log1p(told) - np.log1p(true)
    assert (
        found.figures["rmsle"] == pytest.approx(np.sqrt(np.mean(ratio**2)), rel=1e-4) == exam.figure(shares)
    )
    assert found.figures["mae"] == pytest.approx((100 + 0 + 4500) / 3, rel=1e-3)
    assert found.figures["median_share"] == pytest.approx(0.1, rel=1e-3)


def test_a_class_of_assets_has_the_figure_of_its_own_rows() -> None:
    rng = np.random.default_rng(5)
    number = rng.integers(0, 3, 300)
    failed = rng.random(300) < 0.4
    exam = class_exam(parts(list(failed)), 0.5, rng)
    chance = rng.random(300).astype(np.float32)
    found = exam.by_class(chance, number)
    prices = PriceExam(parts([False] * 300), 1000.0 + rng.random(300) * 500.0, Price(900.0, 2000.0))
    for kind in range(3):
        own = (number == kind) & exam.judged
        assert found[kind]["test"] == average_precision(chance[own], failed[own])
        of_class = PriceExam(
            prices.fleet.take_assets(np.flatnonzero(number == kind)),
            prices.true[number == kind],
            prices.target,
        )
        assert prices.by_class(chance, number)[kind]["test"] == pytest.approx(
            of_class.figure(chance[number == kind])
        )


def test_a_class_in_which_nobody_failed_has_no_area() -> None:
    failed = [True, False, True, False, False, False]
    exam = class_exam(parts(failed), 0.01, np.random.default_rng(0))
    number = np.array([0, 0, 0, 0, 1, 1])
    found = exam.by_class(np.linspace(0, 1, 6).astype(np.float32), number)
    assert "test" in found[0]
    assert found[1] == {}


def test_where_one_asset_alone_failed_it_is_judged_and_nobody_chooses() -> None:
    exam = class_exam(parts([True, False, False, False]), 0.5, np.random.default_rng(0))
    assert exam.judged[0]
    (found,) = exam.score(np.array([0.4, 0.1, 0.2, 0.3], np.float32))
    assert found.figures["threshold"] == UNCHOSEN
    assert found.figures["auprc"] == 1.0
