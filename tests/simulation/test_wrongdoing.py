"""Bad parties change what they send in training, and nothing else: nobody else's terms, no other exchange."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.algorithms.prediction_sharing import Curve
from hansa.core import arrays
from hansa.core.charter import DefenceChoice
from hansa.core.messages import Ask, Terms
from hansa.simulation import bad_updates
from hansa.simulation.attacks import ATTACKS
from hansa.simulation.wrongdoing import Wrongdoers
from tests.simulation.attacked import attacked

BAD = ("party-2", "party-4")
SENDS = {name: one.send for name, one in ATTACKS.items() if one.send is not None}


def sent(seed: int = 0) -> dict[str, Terms]:
    rng = np.random.default_rng(seed)

    def one() -> Terms:
        values = [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in ((3, 2), (4,))]
        return Terms(values, jnp.float32(rng.integers(5, 50)))

    return {f"party-{number}": one() for number in range(1, 6)}


def curves(seed: int = 0) -> dict[str, Terms]:
    rng = np.random.default_rng(seed)

    def one() -> Terms:
        has = (rng.random(8) < 0.6).astype(np.float32)
        curve = Curve(jnp.asarray(has * rng.random(8), jnp.float32), jnp.asarray(has))
        return Terms(curve, jnp.ones(()))

    return {f"party-{number}": one() for number in range(1, 6)}


def wrongdoers(name: str, scenario: str = "fedavg", rule: str = "none") -> Wrongdoers:
    send = SENDS[name]
    return Wrongdoers(attacked(defence=DefenceChoice(rule, bad=2)), scenario, BAD, send, name)


def ask(round_: int = 1, opening: str = "") -> Ask:
    return Ask(jnp.int32(round_), (), opening=opening)


def flat(terms: Terms) -> Any:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(terms.values)])


@pytest.mark.parametrize("name", SENDS)
@pytest.mark.parametrize("terms", [sent(), curves()], ids=["weights", "predictions"])
def test_terms_of_the_others_stay_to_the_bit_and_bad_ones_keep_shape_and_weight(
    name: str, terms: dict[str, Terms]
) -> None:
    scenario = "labsync_mean" if isinstance(terms["party-1"].values, Curve) else "fedavg"
    tampered = wrongdoers(name, scenario)(ask(), terms)
    assert list(tampered) == list(terms)
    for party, own in terms.items():
        found = arrays.flatten(tampered[party])
        like = arrays.flatten(own)
        assert {key: (one.shape, one.dtype) for key, one in found.items()} == {
            key: (one.shape, one.dtype) for key, one in like.items()
        }
        assert_array_equal(tampered[party].weight, own.weight)
        if party not in BAD:
            assert tampered[party] is own


def test_support_and_statistics_are_left_alone() -> None:
    terms = curves()
    for opening in ("support", "statistics"):
        assert wrongdoers("sign_flip", "labsync_mean")(ask(0, opening), terms) is terms
    assert wrongdoers("sign_flip", "labsync_mean")(ask(0, "predictions"), terms) is not terms


def test_a_round_without_a_bad_party_is_left_alone() -> None:
    terms = {name: one for name, one in sent().items() if name not in BAD}
    assert wrongdoers("sign_flip")(ask(), terms) is terms


def test_who_has_a_key_is_never_changed_and_where_nobody_is_nothing_is_said() -> None:
    terms = curves()
    tampered = wrongdoers("sybils", "labsync_mean")(ask(), terms)
    for party in BAD:
        has = np.asarray(terms[party].values.support)
        assert_array_equal(tampered[party].values.support, has)
        assert (np.asarray(tampered[party].values.prediction)[has == 0] == 0).all()


def test_a_flipped_sign_is_the_partys_own_term_the_other_way() -> None:
    terms = sent()
    tampered = wrongdoers("sign_flip")(ask(), terms)
    for party in BAD:
        assert_allclose(flat(tampered[party]), -flat(terms[party]))


def test_an_echo_is_the_aggregate_of_the_round_before() -> None:
    team, first, second = wrongdoers("echo"), sent(1), sent(2)
    assert (flat(team(ask(1), first)["party-2"]) == 0).all()
    weights = [float(one.weight) for one in first.values()]
    rows = [np.zeros(10) if party in BAD else flat(one) for party, one in first.items()]
    due = np.average(rows, axis=0, weights=weights)
    assert_allclose(flat(team(ask(2), second)["party-2"]), due, rtol=1e-5)


def test_a_replay_is_the_partys_own_first_term() -> None:
    team, first = wrongdoers("replay"), sent(1)
    team(ask(1), first)
    assert_allclose(flat(team(ask(2), sent(2))["party-4"]), flat(first["party-4"]))


def test_sybils_push_into_one_direction_in_all_rounds() -> None:
    team = wrongdoers("sybils")
    one, other = (flat(team(ask(turn), sent(turn))["party-2"]) for turn in (1, 2))
    assert_allclose(one / np.linalg.norm(one), other / np.linalg.norm(other), atol=1e-6)


@pytest.mark.parametrize("rule", ["median", "geometric_median"])
def test_a_search_meets_the_rule_that_the_charter_has(rule: str) -> None:
    terms = sent()
    seen = []

    def noted(scene: bad_updates.Scene) -> Any:
        far = np.full_like(scene.own, 1e6)
        seen.append((scene.damage(far), scene.damage(np.tile(scene.mean, (scene.bad, 1)))))
        return scene.own

    for name in ("none", rule):
        Wrongdoers(attacked(defence=DefenceChoice(name, bad=2)), "fedavg", BAD, noted, "x")(ask(), terms)
    (plain, _), (defended, near) = seen
    assert plain > 1e5
    assert defended < 100
    assert near < 100
