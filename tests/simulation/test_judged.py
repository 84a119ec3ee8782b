"""Sums by a rule: bad messages are told, the others count as the rule says, one bad party is borne."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from hansa.core.charter import Charter, DefenceChoice, Party, Protection
from hansa.core.defences import DEFENCES
from hansa.core.errors import CharterError
from hansa.core.messages import Terms
from hansa.core.methods import JUDGED
from hansa.simulation.session import Session
from tests.simulation.judged_world import (
    KINDS,
    bad,
    bits,
    contract,
    counting,
    filled,
    gathered,
    opened,
    played,
    shared,
    times,
    verdicts,
)

BAD = "party-2"
MEDIAN = DefenceChoice("median")
_BY_SERVERS = ("multi_krum", "clipped", "mda", "fltrust", "monna", "cosine_clusters", "centered_clipping")
LARGE: dict[str, Any] = {"network": {"hidden": (128,)}}  # more than 512 numbers, which servers multiply


@cache
def honest(name: str, rule: str, rounds: int = 2) -> Session:
    """Return a session without bad parties, after its last round; read only."""
    choice = DefenceChoice(rule, trusted="party-1" if rule != "none" and DEFENCES[rule].trusted else "")
    return played(contract(name, rounds=rounds, defence=choice))


# --- what arrives ---------------------------------------------------------------------------------------


def _short(terms: Terms) -> Terms:
    return Terms(terms.values.weights, terms.weight)


def _wide(terms: Terms) -> Terms:
    return Terms(
        type(terms.values)(
            tuple(np.asarray(leaf, np.float64) for leaf in terms.values.weights),
            terms.values.biases,
            terms.values.activation,
            terms.values.output,
        ),
        terms.weight,
    )


def _flat(terms: Terms) -> Terms:
    turned = tuple(leaf.T for leaf in terms.values.weights)
    kept = (terms.values.biases, terms.values.activation, terms.values.output)
    return Terms(type(terms.values)(turned, *kept), terms.weight)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (filled(math.nan), "finite"),
        (filled(math.inf), "finite"),
        (filled(-math.inf), "finite"),
        (counting(math.nan), "schema"),
        (counting(-1.0), "schema"),
        (counting(1e9), "schema"),
        (_short, "schema"),
        (_wide, "shape"),
        (_flat, "shape"),
        (times(1e6), "distance"),
        (times(-1e6), "distance"),
        (filled(1e25), "distance"),
    ],
    ids=["nan", "inf", "-inf", "weight nan", "weight -1", "weight 1e9", "parts", "type", "shape", "far",
         "far back", "very far"],
)  # fmt: skip
@pytest.mark.parametrize("rule", ["mean", "median"])
def test_what_is_no_update_is_rejected_with_its_reason_and_leaves_no_trace(
    change: Any, check: str, rule: str
) -> None:
    given = contract(rounds=1, defence=DefenceChoice(rule))
    session = played(given, bad(change, BAD))
    assert verdicts(session, BAD) == [(1, "rejected", check)]
    silent = played(given, bad(filled(math.nan), BAD))
    assert bits(session) == bits(silent)
    for name in ("party-1", "party-3", "party-4", "party-5"):
        assert [one for _, one, _ in verdicts(session, name)] == ["accepted"]


def test_an_update_longer_than_the_charter_allows_is_rejected() -> None:
    given = contract(rounds=1, defence=MEDIAN, protection=Protection("open", norm=1e-6))
    session = played(given)
    assert all(verdicts(session, party.name) == [(1, "rejected", "length")] for party in given.roster)
    assert bits(session) == bits(opened(given))  # too few are left
    assert session.cohort.judge is not None
    assert session.cohort.judge.memory.kept == [1]


def test_the_charters_rows_bound_what_a_party_counts_for() -> None:
    given = contract(rounds=1, defence=DefenceChoice("mean"), protection=Protection("open", most_rows=25))
    outcomes = {party.name: verdicts(played(given), party.name) for party in given.roster}
    assert {one for ((_, one, _),) in outcomes.values()} == {"down-weighted", "rejected"}  # most were


def test_an_update_of_an_earlier_round_is_a_replay() -> None:
    kept: list[Terms] = []

    def again(terms: Terms) -> Terms:
        kept.append(terms)
        return kept[0]

    session = played(contract(rounds=3, defence=MEDIAN), bad(again, BAD))
    assert [by for _, _, by in verdicts(session, BAD)] == ["median", "replay", "replay"]


def test_a_prediction_may_be_the_same_twice() -> None:
    kept: list[Terms] = []

    def again(terms: Terms) -> Terms:
        kept.append(terms)
        return kept[1] if len(kept) > 1 else terms

    session = played(contract("labsync_mean", rounds=3, defence=MEDIAN), bad(again, BAD))
    assert [one for _, one, _ in verdicts(session, BAD)] == ["accepted"] * 4


@pytest.mark.parametrize("name", ["labsync_mean", "vertical"])
def test_nobodys_predictions_count_more_than_once(name: str) -> None:
    given = contract(name, rounds=1, defence=DefenceChoice("mean"))
    session = played(given, bad(counting(1e6), BAD))
    assert verdicts(session, BAD) == [(0, "rejected", "schema"), (1, "rejected", "schema")]


def test_who_sends_no_change_counts_and_is_not_accused() -> None:
    session = played(contract(rounds=2, defence=DefenceChoice("mean")), bad(times(0.0), BAD))
    assert [one for _, one, _ in verdicts(session, BAD)] == ["accepted", "accepted"]


# --- what counts ------------------------------------------------------------------------------------------


def some(*fast: str) -> list[Any]:
    """Return every method that can be judged; all but some are slow."""
    return [name if name in fast else pytest.param(name, marks=pytest.mark.slow) for name in sorted(JUDGED)]


def method(name: str, **changes: Any) -> Charter:
    """Return a charter of a method with what it needs."""
    more: dict[str, Any] = {"algorithm": {"alone_rounds": 1}} if name == "fine_tuned" else {}
    if name == "scaffold":
        more["training"] = {"optimizer": "sgd", "learning_rate": 0.02, "batch_size": 8}
    return contract(name, **(more | changes))


CHANGES = [one for one in some("fedavg", "aligned") if getattr(one, "values", (one,))[0] not in
           ("labsync_mean", "vertical", "fedbcd", "mixed")]  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_the_mean_of_honest_parties_is_the_open_run(name: str) -> None:
    plain, weighed = (
        played(method(name, rounds=2, defence=DefenceChoice(rule))) for rule in ("none", "mean")
    )
    assert_allclose(shared(weighed), shared(plain), rtol=1e-4, atol=1e-5)
    assert weighed.history["own"] == pytest.approx(plain.history["own"], rel=1e-4)


@pytest.mark.parametrize("name", ["labsync_mean", "vertical"])
def test_the_mean_of_honest_predictions_is_that_of_all_within_their_range(name: str) -> None:
    sent: dict[str, Terms] = {}

    def seen(ask: Any, terms: Any) -> Any:
        sent.update(terms)
        return terms

    session = played(contract(name, rounds=2, defence=DefenceChoice("mean")), seen)
    curves = [(np.asarray(one.values.prediction), np.asarray(one.values.support)) for one in sent.values()]
    prediction, support = _curve(session)
    assert_allclose(support, sum(own for _, own in curves), rtol=1e-6)
    whole = sum(np.clip(predicted, 0, 1) * own for predicted, own in curves)
    assert_allclose(prediction, whole, rtol=1e-5, atol=1e-6)


def _curve(session: Session) -> tuple[np.ndarray, np.ndarray]:
    """Return (keys,) summed predictions and (keys,) support."""
    total = session.ask().shared
    return np.asarray(total.prediction), np.asarray(total.support)


@pytest.mark.parametrize("rule", list(DEFENCES))
def test_every_rule_trains_an_honest_fleet(rule: str) -> None:
    choice = DefenceChoice(rule, trusted="party-1" if DEFENCES[rule].trusted else "")
    given = contract(parties=7, rounds=1, defence=choice)
    session = played(given)
    moved = np.abs(shared(session) - shared(opened(given))).max()
    assert 1e-5 < moved < 1.0
    judge = session.cohort.judge
    assert judge is not None
    assert not judge.memory.kept
    assert not [one for one in judge.memory.verdicts if one.outcome == "rejected"]


# --- a bad party is borne ---------------------------------------------------------------------------------


def _off(name: str, rule: str, change: Any) -> float:
    """Return how far the model of a run with a bad party is from one without, after training rounds."""
    tamper = bad(change, BAD, openings=False)
    given = contract(name, rounds=2, defence=DefenceChoice(rule))
    return float(np.linalg.norm(shared(played(given, tamper)) - shared(honest(name, rule))))


@pytest.mark.parametrize("name", ["fedavg", "aligned"])
def test_one_bad_change_of_weights_is_bounded_by_a_rule_and_not_without(name: str) -> None:
    length = float(np.linalg.norm(shared(honest(name, "median")) - shared(opened(contract(name)))))
    weak, strong = (_off(name, "none", times(factor)) for factor in (-5.0, -500.0))
    assert strong > 20 * weak
    assert strong > 20 * length
    borne = [_off(name, rule, times(-500.0)) for rule in ("median", "geometric_median", "trimmed_mean")]
    near = [_off(name, rule, times(-5.0)) for rule in ("median", "trimmed_mean")]
    assert max(borne + near) < 2 * length


@pytest.mark.parametrize("name", ["labsync_mean", "vertical"])
def test_one_bad_prediction_is_clipped_and_bounded_by_a_rule(name: str) -> None:
    truth = _means(honest(name, "median"))
    spoilt = {
        rule: _means(played(contract(name, rounds=2, defence=DefenceChoice(rule)), bad(times(1e6), BAD)))
        for rule in ("none", "mean", "median")
    }
    assert np.abs(spoilt["none"]).max() > 1e3
    assert 0 <= spoilt["mean"].min() <= spoilt["mean"].max() <= 1  # clipped, and still a fifth of all
    # The median lies between honest parties: their spread bounds it.
    assert 0 <= spoilt["median"].min() <= spoilt["median"].max() <= 1
    assert np.abs(spoilt["median"] - truth).mean() < 0.5 * np.abs(spoilt["mean"] - truth).mean() + 0.05


def _means(session: Session) -> np.ndarray:
    """Return (keys,) what all parties predict together, where anybody has the key."""
    prediction, support = _curve(session)
    return prediction[support > 0] / support[support > 0]


@pytest.mark.parametrize("number", [7.0, -3.0])
def test_predictions_are_clipped_to_their_range(number: float) -> None:
    session = played(contract("vertical", rounds=1, defence=MEDIAN), bad(filled(number), *_everybody()))
    assert_allclose(_means(session) if number > 0 else [0.0], 1.0 if number > 0 else 0.0)


def _everybody() -> list[str]:
    return [f"party-{place}" for place in range(1, 6)]


@pytest.mark.parametrize("rule", ["mean", "geometric_median"])
def test_what_one_party_alone_has_is_bounded_too(rule: str) -> None:
    """A sensor of one party: nobody else's update tells whether its numbers are right, but its size does."""
    every = ("s1", "s2", "s3", "s4")
    roster = tuple(Party(f"party-{place}", sensors=every[: 4 if place == 1 else 3]) for place in range(1, 6))
    given = contract("aligned", roster=roster, rounds=1, defence=DefenceChoice(rule))

    def blown(terms: Terms) -> Terms:
        first, *others = terms.values.change.weights
        grown = jnp.where(jnp.arange(len(first))[:, None] == 3, 1e6 * first, first)  # (inputs, outputs)
        change = type(terms.values.change)((grown, *others), *_rest(terms.values.change))
        return Terms(type(terms.values)(change, terms.values.has), terms.weight)

    before = shared(opened(given))
    moved = np.abs(shared(played(given, bad(blown, "party-1"))) - before).max()
    usual = np.abs(shared(played(given)) - before).max()
    assert moved < 100 * usual


def _rest(network: Any) -> tuple[Any, ...]:
    return network.biases, network.activation, network.output


# --- too few are left ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", some(*KINDS))
def test_where_too_few_are_left_the_last_model_stays_to_the_bit(name: str) -> None:
    given = method(name, rounds=3, defence=DefenceChoice("multi_krum"))  # for 3 parties and more
    spoil = bad(filled(math.nan), "party-1", "party-2", "party-3", rounds=[2], openings=False)
    session = opened(given, spoil)
    session.step()
    before = bits(session)
    session.step()
    assert bits(session) == before
    judge = session.cohort.judge
    assert judge is not None
    assert judge.memory.kept == [2]
    session.step()
    assert (bits(session) != before) == (name != "fine_tuned")  # its last round sends nothing
    assert judge.memory.kept == [2]


def test_without_anybody_at_all_the_last_model_stays() -> None:
    given = contract(rounds=1, defence=MEDIAN)
    session = played(given, bad(filled(math.nan), *_everybody()))
    assert bits(session) == bits(opened(given))


# --- shared secrecy -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    ["mean", "geometric_median", *(pytest.param(one, marks=pytest.mark.slow) for one in _BY_SERVERS)],
)
def test_a_rule_gives_the_same_weights_whether_updates_are_shown_or_shared(rule: str) -> None:
    choice = DefenceChoice(rule, trusted="party-1" if DEFENCES[rule].trusted else "")
    shown, hidden = (
        played(
            contract(
                rounds=1,
                defence=choice,
                protection=Protection(level),
                training={"batch_size": 8, "learning_rate": 0.001},
                **LARGE,
            )
        )
        for level in ("open", "shared")
    )
    shares = [{one.party: one.share for one in _verdicts(session)} for session in (shown, hidden)]
    assert shares[1] == pytest.approx(shares[0], abs=1e-3)
    if max(shares[0].values()) < 1 / 3:  # else servers cut the largest to a cohort's part
        before = shared(opened(_shared_charter(rule)))
        assert_allclose(shared(hidden) - before, shared(shown) - before, atol=2e-5)


def _shared_charter(rule: str) -> Charter:
    choice = DefenceChoice(rule, trusted="party-1" if DEFENCES[rule].trusted else "")
    return contract(rounds=1, defence=choice, training={"batch_size": 8, "learning_rate": 0.001}, **LARGE)


def _verdicts(session: Session) -> list[Any]:
    assert session.cohort.judge is not None
    return list(session.cohort.judge.memory.verdicts)


def test_a_party_that_is_far_is_rejected_by_servers_as_well() -> None:
    given = contract(
        rounds=1, defence=DefenceChoice("geometric_median"), protection=Protection("shared"), **LARGE
    )
    session = played(given, bad(times(500.0), BAD))
    assert verdicts(session, BAD) == [(1, "rejected", "distance")]


def test_servers_keep_the_last_model_where_a_rule_leaves_fewer_than_a_cohort() -> None:
    given = contract(
        parties=3, rounds=1, defence=DefenceChoice("mean"), protection=Protection("shared"), **LARGE
    )
    session = played(given, bad(times(500.0), BAD))
    assert verdicts(session, BAD) == [(1, "rejected", "distance")]
    assert session.cohort.judge is not None
    assert session.cohort.judge.memory.kept == [1]
    assert bits(session) == bits(opened(given))


def test_products_of_few_numbers_would_tell_them_and_are_not_made() -> None:
    given = contract(rounds=1, defence=DefenceChoice("geometric_median"), protection=Protection("shared"))
    with pytest.raises(CharterError, match="let the network have 512 numbers, or write secrecy"):
        played(given)


# --- who judges -------------------------------------------------------------------------------------


def test_nobody_judges_where_nobody_is_asked_to_or_nothing_is_exchanged() -> None:
    assert gathered(contract()).judge is None
    assert gathered(contract("isolated", partition={"kind": "horizontal"}, defence=MEDIAN)).judge is None
    assert gathered(contract(defence=MEDIAN)).judge is not None


@pytest.mark.parametrize("deal", ["fleet_size", "regime"])
@pytest.mark.parametrize(
    "name", ["fedavg", *(pytest.param(name, marks=pytest.mark.slow) for name in list(KINDS)[1:])]
)
def test_honest_parties_of_a_skewed_deal_are_never_rejected(deal: str, name: str) -> None:
    dealt = {"kind": KINDS[name], "sensors_per_party": 0, "deal": deal}
    given = contract(name, defence=DefenceChoice("geometric_median"), partition=dealt)
    session = played(given)
    assert not [one for one in _verdicts(session) if one.outcome == "rejected"]
