"""What each party brought: the Shapley value of a run's own models, by brute force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from hansa.core.charter import Charter, DefenceChoice, Protection, Reward, Validation
from hansa.core.errors import DataError
from hansa.runtime.exams import exam_of
from hansa.runtime.kept_back import loss_of
from hansa.runtime.validators import validators_of
from hansa.simulation.contributions import Contributions
from hansa.simulation.session import Session
from tests.simulation.judged_world import WORLD, bad, contract, gathered, opened, played, times

PARTIES = 4


def rewarded(name: str = "fedavg", measure: str = "shapley", **changes: Any) -> Charter:
    """Return a charter of four parties that pays by what each brought."""
    reward = Reward(measure, **changes.pop("reward", {}))
    whole: dict[str, Any] = {"rounds": 2, "defence": DefenceChoice("mean")}
    return contract(name, PARTIES, reward=reward, validation=Validation(0.4), **(whole | changes))


def brought(session: Session) -> Contributions:
    found = session.judgement._brought
    assert found is not None
    return found


def shapley(parties: int, worth: Callable[[frozenset[int]], float]) -> list[float]:
    """Return the mean gain of each party over all orders of joining."""
    found, orders = [0.0] * parties, list(permutations(range(parties)))
    for order in orders:
        inside: frozenset[int] = frozenset()
        for party in order:
            found[party] += (worth(inside | {party}) - worth(inside)) / len(orders)
            inside |= {party}
    return found


@pytest.mark.parametrize("rule", ["mean", "geometric_median"])
def test_values_are_those_of_all_coalitions_tried_on_the_other_parties_assets(rule: str) -> None:
    session = opened(rewarded(defence=DefenceChoice(rule)))
    for _ in range(2):
        common = session.ask().shared
        session.step()
    judge = session.cohort.judge
    assert judge is not None
    weighed = judge.weighed
    assert weighed is not None
    leaves, structure = jax.tree.flatten(common)
    flat = np.concatenate([np.asarray(leaf).reshape(-1) for leaf in leaves])
    ends = np.cumsum([leaf.size for leaf in leaves])[:-1]
    steps = weighed.weights[:, None] * weighed.view.numbers  # (parties, dim)

    def loss(validator: int, inside: frozenset[int]) -> float:
        whole = flat + sum((steps[party] for party in inside), np.zeros_like(flat))
        parts = np.split(whole.astype(np.float32), ends)
        made = [part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
        rows = session.cohort.kept_back[validator]
        return loss_of(np.asarray(jax.tree.unflatten(structure, made)(np.asarray(rows.x))), rows, "rul")

    each = np.array([shapley(PARTIES, lambda inside, v=v: -loss(v, inside)) for v in range(PARTIES)])
    others = np.array(
        [np.mean([each[v, party] for v in range(PARTIES) if v != party]) for party in range(PARTIES)]
    )
    assert_allclose(brought(session).values[-1], others, rtol=1e-3, atol=1e-7)


def test_by_gradient_a_value_is_the_way_that_an_update_goes_down() -> None:
    session = opened(rewarded(measure="gradient", rounds=1))
    common, cohort = session.ask().shared, session.cohort
    kept = dict(zip((one.name for one in cohort.members), cohort.kept_back, strict=True))
    validators = validators_of(cohort.charter, cohort.scenario, kept)
    down = validators.downhill(common).astype(float)  # (validators, dim)
    session.step()
    judge = session.cohort.judge
    assert judge is not None
    weighed = judge.weighed
    assert weighed is not None
    steps = weighed.weights[:, None] * weighed.view.numbers  # (parties, dim)
    each = down @ steps.T  # (validators, parties)
    others = [np.delete(each[:, party], party).mean() for party in range(PARTIES)]
    assert_allclose(brought(session).values[0], others, rtol=1e-3)


def test_where_rows_are_shared_a_coalition_predicts_by_its_mean() -> None:
    session = played(rewarded("vertical", rounds=1))
    rows = session.cohort.kept_back[0]
    seen = np.stack(
        [
            np.asarray(network(own.x))
            for network, own in zip(session.networks(), session.cohort.kept_back, strict=True)
        ]
    )  # (parties, rows)

    def worth(inside: frozenset[int]) -> float:
        blind = np.full(len(rows.y), np.asarray(rows.y).mean())
        return -loss_of(seen[sorted(inside)].mean(axis=0) if inside else blind, rows, "rul")

    assert_allclose(brought(session).values[0], shapley(PARTIES, worth), rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("measure", ["shapley", "gradient"])
def test_who_sends_no_change_brought_exactly_nothing_and_is_paid_nothing(measure: str) -> None:
    session = played(rewarded(measure=measure), bad(times(0.0), "party-3"))
    values = np.array(brought(session).values)
    assert np.array_equal(values[:, 2], np.zeros(2))
    assert np.abs(np.delete(values, 2, axis=1)).min() > 0
    shares = session.judgement.found()["shares"]["parties"]["party-3"]
    assert shares == {"share": 0.0, "lower": 0.0, "upper": 0.0, "credits": 0}


@pytest.mark.parametrize("measure", ["shapley", "gradient"])
def test_who_learns_from_shuffled_labels_brings_least(measure: str) -> None:
    rounds, training = 12, {"batch_size": 8, "learning_rate": 0.02}
    given = rewarded(measure=measure, rounds=rounds, training=training)
    cohort = gathered(given)
    rng, member = np.random.default_rng(5), cohort.members[2]
    member.rows = eqx.tree_at(lambda rows: rows.y, member.rows, rng.permutation(np.asarray(member.rows.y)))
    session = Session(cohort, [exam_of(WORLD.test, given, "the test")] * PARTIES, rounds)
    session.open()
    for _ in range(rounds):
        session.step()
    values = np.array(brought(session).values)  # (rounds, parties)
    assert int(values.mean(axis=0).argmin()) == 2
    # First all learn the mean label, which shuffled labels have as well; then they do harm.
    late = values[rounds // 2 :].mean(axis=0)
    assert late[2] < 0 < np.delete(late, 2).min()
    paid = {name: one["credits"] for name, one in session.judgement.found()["shares"]["parties"].items()}
    assert paid["party-3"] == min(paid.values())


def test_the_whole_pool_is_paid_or_nothing() -> None:
    shares = played(rewarded(reward={"credits": 777, "pays": "mean"})).judgement.found()["shares"]
    assert sum(one["credits"] for one in shares["parties"].values()) == 777
    assert shares["why"] == "The whole pool is paid."
    assert sum(one["share"] for one in shares["parties"].values()) == pytest.approx(1.0)
    assert all(one["lower"] <= one["share"] <= one["upper"] for one in shares["parties"].values())


@pytest.mark.parametrize("rule", ["mean", "geometric_median"])
def test_copies_are_paid_one_share_together(rule: str) -> None:
    """Whether the rule counts copies once or not; alone a party is paid as much as the two are together."""

    def copied(ask: Any, terms: Any) -> Any:
        return {**terms, "party-2": terms["party-1"]}

    given = rewarded(rounds=4, reward={"pays": "mean", "credits": 10_000}, defence=DefenceChoice(rule))
    session = played(given, copied)
    found = session.judgement.found()
    assert ["party-1", "party-2"] in [one["parties"] for one in found["findings"] if one["kind"] == "copies"]
    shares = {name: one["share"] for name, one in found["shares"]["parties"].items()}
    paid = {name: one["credits"] for name, one in found["shares"]["parties"].items()}
    one = shares["party-1"] * (2 if rule != "mean" else 1)  # what a single source of the update is owed
    whole = one + sum(max(shares[name], 0.0) for name in shares if name not in ("party-1", "party-2"))
    assert shares["party-1"] == pytest.approx(shares["party-2"], rel=0.5)
    assert paid["party-1"] + paid["party-2"] == pytest.approx(10_000 * one / whole, rel=0.35)


def test_it_is_measured_every_so_many_rounds_and_two_are_needed() -> None:
    session = played(rewarded(rounds=5, reward={"every": 2}))
    assert brought(session).rounds == [1, 3, 5]
    few = played(rewarded(rounds=2, reward={"every": 2}))
    assert brought(few).rounds == [1]
    assert few.judgement.found()["shares"] == {
        "unmeasured": "fewer than 2 rounds were measured, which tell no interval"
    }


@pytest.mark.parametrize(
    ("name", "why"), [("labsync_mean", "predictions by label"), ("fedper", "parts of its own")]
)
def test_what_cannot_be_measured_says_why(name: str, why: str) -> None:
    session = opened(rewarded(name, rounds=1))
    assert why in brought(session).unmeasured
    assert why in session.judgement.found()["shares"]["unmeasured"]


def test_where_nobody_counts_nobody_brought_anything() -> None:
    given = rewarded(protection=Protection("open", norm=1e-9))
    session = played(given)
    assert np.array_equal(np.array(brought(session).values), np.zeros((2, PARTIES)))
    assert (
        session.judgement.found()["shares"]["why"] == "Nothing is paid: no party's contribution is above 0."
    )


def test_one_validator_is_refused_before_training() -> None:
    cohort = gathered(rewarded())
    first, *others = cohort.kept_back
    nothing = [jax.tree.map(lambda leaf: np.asarray(leaf)[:0], one) for one in others]
    exams = [exam_of(WORLD.test, cohort.charter, "the test")] * PARTIES
    with pytest.raises(DataError, match="needs 2 parties that keep back a row with a known label, and 1 do"):
        Session(replace(cohort, kept_back=[first, *nothing]), exams, 2)


def test_servers_that_know_products_tell_who_brought_something() -> None:
    given = rewarded(
        measure="gradient", protection=Protection("shared"), network={"hidden": (128,)},
        defence=DefenceChoice("geometric_median"),
    )  # fmt: skip
    assert np.any(brought(played(given)).values)


@pytest.mark.slow
def test_of_many_parties_values_are_estimated_and_add_up() -> None:
    given = replace(rewarded("vertical", rounds=1), roster=contract("vertical", 16).roster)
    session = played(given, bad(times(1.0), "party-1"))
    rows = session.cohort.kept_back[0]
    seen = np.stack(
        [
            np.asarray(network(own.x))
            for network, own in zip(session.networks(), session.cohort.kept_back, strict=True)
        ]
    )
    blind = loss_of(np.full(len(rows.y), np.asarray(rows.y).mean()), rows, "rul")
    assert sum(brought(session).values[0]) == pytest.approx(
        blind - loss_of(seen.mean(axis=0), rows, "rul"), rel=1e-3
    )
