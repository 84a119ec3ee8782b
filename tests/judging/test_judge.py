"""One round judged: who is rejected, what the others count for, and that every word of it is so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from hansa.core.charter import DefenceChoice
from hansa.core.defences import DEFENCES
from hansa.judging import defence
from hansa.judging.arrival import Flaw
from hansa.judging.judge import FAR, Judge, Judged, from_the_others
from hansa.judging.table import table_of
from hansa.judging.verdicts import ACCEPTED, CHECKS, LESS, REJECTED

NAMES = ("p0", "p1", "p2", "p3", "p4", "p5", "p6")
SEEDS = st.integers(0, 2**32 - 1)
BY_TABLE = [name for name, one in DEFENCES.items() if one.needs == "table"]


def updates(parties: int = 7, seed: int = 0, dim: int = 40) -> np.ndarray:
    """Return honest updates: a common direction and as much noise."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=dim) + rng.normal(size=(parties, dim))).astype(np.float32)  # (parties, dim)


def judged(
    rows: np.ndarray,
    choice: DefenceChoice,
    stated: Mapping[str, float] | None = None,
    flaws: Mapping[str, Flaw] | None = None,
) -> Judged:
    names = [name for name in NAMES[: len(rows) + len(flaws or {})] if name not in (flaws or {})]
    table = table_of(rows)
    summed = table if DEFENCES[choice.rule].remembers else None
    return Judge(choice, CHECKS["open"]).judged(
        3, stated or dict.fromkeys(names, 1.0), table, flaws or {}, summed
    )


def choice_of(rule: str, **more: Any) -> DefenceChoice:
    return DefenceChoice(rule, **({"trusted": "p0" if DEFENCES[rule].trusted else ""} | more))


# --- weights ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [name for name in BY_TABLE if name != "mean"])
def test_weights_are_the_rules_own(rule: str) -> None:
    rows = updates()
    found = judged(rows, choice_of(rule))
    trusted = 0 if DEFENCES[rule].trusted else None
    expected = defence.weights(rule, "none", table_of(rows), 1, trusted)
    assert_array_equal([*found.weights.values()], expected)
    assert list(found.weights) == list(NAMES)


@pytest.mark.parametrize("rule", [name for name, one in DEFENCES.items() if one.needs == "updates"])
def test_where_a_rule_works_number_by_number_all_count_alike(rule: str) -> None:
    found = judged(updates(), choice_of(rule))
    assert_allclose([*found.weights.values()], 1 / 7)


def test_the_mean_counts_by_rows() -> None:
    stated = dict(zip(NAMES, (10.0, 20.0, 30.0, 0.0, 5.0, 5.0, 30.0), strict=True))
    found = judged(updates(), choice_of("mean"), stated)
    assert found.weights == pytest.approx({name: own / 100 for name, own in stated.items()})
    assert {one.outcome for one in found.verdicts} == {ACCEPTED}
    assert "it counts for its rows, 20.0% of all" in found.verdicts[1].reason


def test_where_nobody_has_rows_nobody_counts() -> None:
    found = judged(updates(), choice_of("mean"), dict.fromkeys(NAMES, 0.0))
    assert set(found.weights.values()) == {0.0}
    assert {one.share for one in found.verdicts} == {0.0}


@given(SEEDS, st.sampled_from(list(DEFENCES)), st.integers(0, 1))
@settings(max_examples=40)
def test_every_party_has_one_verdict_and_shares_are_weights(seed: int, rule: str, bad: int) -> None:
    found = judged(updates(seed=seed), choice_of(rule, bad=bad))
    assert [one.party for one in found.verdicts] == list(NAMES)
    assert all(one.round == 3 and one.checks == CHECKS["open"] for one in found.verdicts)
    assert {one.party: one.share for one in found.verdicts} == found.weights
    assert sum(found.weights.values()) <= 1 + 1e-9
    assert min(found.weights.values()) >= 0


@given(SEEDS, st.permutations(range(7)), st.sampled_from(["geometric_median", "multi_krum", "mean"]))
@settings(max_examples=20)
def test_the_order_in_which_messages_arrive_does_not_matter(seed: int, order: list[int], rule: str) -> None:
    rows, judge = updates(seed=seed), Judge(choice_of(rule), CHECKS["open"])
    straight = judge.judged(1, dict.fromkeys(NAMES, 1.0), table_of(rows), {}, None)
    turned = judge.judged(1, {NAMES[place]: 1.0 for place in order}, table_of(rows[order]), {}, None)
    assert {name: turned.weights[name] for name in NAMES} == pytest.approx(straight.weights, abs=1e-6)


# --- what is far ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", DEFENCES)
@pytest.mark.parametrize("factor", [1e2, 1e6, -1e4])
def test_what_is_far_from_everybody_is_rejected_under_every_rule(rule: str, factor: float) -> None:
    rows = updates()
    rows[4] *= factor
    found = judged(rows, choice_of(rule, bad=1))
    verdict = next(one for one in found.verdicts if one.party == "p4")
    assert (verdict.outcome, verdict.by, verdict.share) == (REJECTED, "distance", 0.0)
    assert "times as far from the others as is usual" in verdict.reason
    assert "p4" not in found.weights
    assert len(found.weights) == 6


@pytest.mark.parametrize("size", [1e3, 1e15, 1e19, 1e25, 1e30, float(np.finfo(np.float32).max)])
@pytest.mark.parametrize("rule", ["mean", "geometric_median"])
def test_however_far_an_update_is_the_others_are_as_near_as_before(size: float, rule: str) -> None:
    rows = updates()
    others = from_the_others(table_of(np.delete(rows, 2, axis=0)))
    rows[2] = size
    times = from_the_others(table_of(rows))
    assert times[2] > 100
    assert_allclose(np.delete(times, 2), others, rtol=0.3)
    found = judged(rows, choice_of(rule))
    assert "p2" not in found.weights
    assert all(math.isfinite(one) for one in found.weights.values())


def test_no_more_are_rejected_for_distance_than_may_be_bad_and_the_farthest_first() -> None:
    rows = updates()
    rows[1] *= 1e3
    rows[5] *= 1e5
    one = judged(rows, choice_of("geometric_median", bad=1))
    assert [v.party for v in one.verdicts if v.outcome == REJECTED] == ["p5"]
    two = judged(rows, choice_of("geometric_median", bad=2))
    assert {v.party for v in two.verdicts if v.outcome == REJECTED} == {"p1", "p5"}
    none = judged(rows, choice_of("geometric_median", bad=0))
    assert not [v for v in none.verdicts if v.outcome == REJECTED]


def test_the_trusted_party_is_never_far() -> None:
    rows = updates()
    rows[0] *= 1e4
    found = judged(rows, choice_of("monna", bad=1))
    assert not [one for one in found.verdicts if one.outcome == REJECTED]


@given(SEEDS, st.integers(3, 7), st.floats(1e-6, 1e6), st.sampled_from([0.0, 1.0, 5.0]))
@settings(max_examples=60)
def test_honest_updates_of_like_parties_are_never_far(
    seed: int, parties: int, scale: float, apart: float
) -> None:
    """Even where each has a direction of its own, five times as large as what they have in common."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(parties, 60)) * (1 + apart)
    rows = ((rng.normal(size=60) + own) * scale).astype(np.float32)
    assert from_the_others(table_of(rows)).max() < FAR / 2


def test_equal_updates_are_told_by_their_lengths() -> None:
    rows = np.tile(updates(1), (5, 1))
    assert_allclose(from_the_others(table_of(rows)), 1.0)
    assert_array_equal(from_the_others(table_of(np.zeros((4, 9), np.float32))), 0.0)


@pytest.mark.parametrize("parties", [4, 5, 7])
def test_who_differs_from_equal_updates_is_not_accused_for_that_alone(parties: int) -> None:
    rows = np.tile(updates(1), (parties, 1))
    rows[1] = updates(1, seed=5)
    assert from_the_others(table_of(rows)).max() < FAR


def test_one_party_alone_is_as_long_as_is_usual() -> None:
    assert_array_equal(from_the_others(table_of(updates(1))), 1.0)


# --- who is left ------------------------------------------------------------------------------------------


def test_flaws_of_messages_become_rejections_and_their_senders_do_not_count() -> None:
    flaws = {"p2": Flaw("finite", "3 of its numbers are not finite")}
    found = judged(updates(6), choice_of("geometric_median"), flaws=flaws)
    verdict = next(one for one in found.verdicts if one.party == "p2")
    assert (verdict.outcome, verdict.by, verdict.reason) == (REJECTED, "finite", flaws["p2"].what)
    assert "p2" not in found.weights
    assert len(found.verdicts) == 7


@pytest.mark.parametrize(
    ("rule", "parties", "flawed", "bears"),
    [
        ("median", 7, 0, 1),
        ("median", 7, 1, 1),  # the one who was found may be honest
        ("multi_krum", 5, 1, 0),  # 4 are left: it bears nobody any more, and the bad one is gone
        ("multi_krum", 5, 2, 0),
        ("median", 3, 1, 0),
        ("bulyan", 7, 1, 0),
    ],
)
def test_who_is_left_bears_as_many_as_may_still_be_bad(
    rule: str, parties: int, flawed: int, bears: int
) -> None:
    flaws = {name: Flaw("finite", "x") for name in NAMES[parties - flawed : parties]}
    found = judged(updates(parties - flawed), choice_of(rule), flaws=flaws)
    if DEFENCES[rule].least(bears) <= parties - flawed:
        assert found.bad == bears
        assert len(found.weights) == parties - flawed
    else:
        assert not found.weights


def test_a_rule_is_not_asked_of_a_minority() -> None:
    flaws = {name: Flaw("finite", "x") for name in NAMES[2:5]}
    found = judged(updates(2), choice_of("median"), flaws=flaws)
    assert not found.weights
    left = [one for one in found.verdicts if one.party in NAMES[:2]]
    assert [(one.outcome, one.share) for one in left] == [(LESS, 0.0)] * 2
    assert all("the last model stays" in one.reason for one in left)


def test_too_few_left_count_for_nothing() -> None:
    """Two bad ones may be there, none was found, and two are left of five that the charter counts on."""
    choice = DefenceChoice("median", bad=2)
    judge = Judge(choice, CHECKS["open"])
    found = judge.judged(1, {"p0": 1.0, "p1": 1.0}, table_of(updates(2)), {}, None)
    assert not found.weights
    assert [(one.outcome, one.share) for one in found.verdicts] == [(LESS, 0.0)] * 2


@pytest.mark.parametrize("rule", ["monna", "fltrust"])
def test_without_the_trusted_party_nobody_counts(rule: str) -> None:
    flaws = {"p0": Flaw("replay", "again")}
    found = judged(updates(6), choice_of(rule), flaws=flaws)
    assert not found.weights
    assert [one.party for one in found.verdicts if one.outcome == REJECTED] == ["p0"]


@pytest.mark.parametrize("rule", ["monna", "fltrust"])
@pytest.mark.parametrize("far", [0, 2, 6])
def test_the_trusted_party_keeps_its_place_when_others_go(rule: str, far: int) -> None:
    rows = updates()
    choice = DefenceChoice(rule, trusted="p3")
    rows[far] *= 1e5
    found = judged(rows, choice)
    rest = np.delete(np.arange(7), far)
    expected = defence.weights(
        rule, "none", table_of(rows[rest]), found.bad, int(np.flatnonzero(rest == 3)[0])
    )
    assert "p3" in found.weights
    assert_allclose([*found.weights.values()], expected, rtol=1e-6, atol=1e-9)


# --- words ------------------------------------------------------------------------------------------------


def test_who_gets_less_than_an_even_part_is_told_so() -> None:
    rows = updates()
    rows[6] = -3 * rows[6]
    found = judged(rows, choice_of("multi_krum"))
    outcomes = {one.party: one for one in found.verdicts}
    assert outcomes["p6"].outcome == LESS
    assert "Multi-Krum gives it 0.0% of the aggregate; an even part is 14.3%" in outcomes["p6"].reason
    for one in found.verdicts:
        assert (one.outcome == LESS) == (one.share < 0.9 / 7)


def test_figures_say_how_far_each_is() -> None:
    rows = updates()
    found = judged(rows, choice_of("mean"))
    away = from_the_others(table_of(rows))
    assert [one.figures["distance"] for one in found.verdicts] == pytest.approx(away.tolist())
    assert np.median(away) == pytest.approx(1.0)


def test_updates_that_are_one_count_once_and_their_verdicts_say_with_whom() -> None:
    rows = updates()
    rows[[4, 5, 6]] = rows[4]
    found = judged(rows, choice_of("geometric_median", bad=3))
    together = sum(found.weights[name] for name in ("p4", "p5", "p6"))
    assert together <= max(found.weights.values()) + 1e-9 < 0.5
    assert found.weights["p4"] == pytest.approx(together / 3)
    (verdict,) = [one for one in found.verdicts if one.party == "p5"]
    assert verdict.reason.endswith("with p4, p6, whose update is the same, it counts once")
    assert verdict.figures["same"] == 3.0


def test_under_the_plain_mean_everybody_counts_for_its_rows() -> None:
    rows = updates()
    rows[[4, 5, 6]] = rows[4]
    found = judged(rows, choice_of("mean"))
    assert found.weights["p5"] == pytest.approx(1 / 7)


@pytest.mark.parametrize("place", [0, 3])
@pytest.mark.parametrize("rule", ["geometric_median", "mda", "centered_clipping", "median", "mean"])
def test_an_honest_majority_that_agrees_is_not_outvoted(rule: str, place: int) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=40)
    rows = (base + 1e-3 * rng.normal(size=(4, 40))).astype(np.float32)
    rows[place] = -1e6 * base
    found = judged(rows, choice_of(rule, bad=1))
    assert f"p{place}" not in found.weights
    assert sum(found.weights.values()) == pytest.approx(1.0)
