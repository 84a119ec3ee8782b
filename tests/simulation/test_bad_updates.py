"""What bad parties send, against byzfl's answers and against the definitions of the attacks."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from hansa.simulation import bad_updates
from hansa.simulation.attacks import ATTACKS
from hansa.simulation.bad_updates import Floats, Scene, alie_factor

KNOWN = json.loads((Path(__file__).parents[1] / "golden" / "attacks.json").read_text(encoding="utf-8"))
HONEST = np.array(KNOWN["honest"])  # (good, dim)
SEEDS = st.integers(0, 2**32 - 1)
SENDS = {name: one.send for name, one in ATTACKS.items() if one.send is not None}


def answer(name: str) -> Floats:
    return np.array([float(one) for one in KNOWN["answers"][name]])


def moved(rule: Callable[[Floats], Floats], honest: Floats) -> Callable[[Floats], float]:
    """Return the damage under a rule that maps (parties, dim) to (dim,)."""
    return lambda made: float(np.linalg.norm(rule(np.concatenate([honest, made])) - honest.mean(axis=0)))


def median(updates: Floats) -> Floats:
    return np.median(updates, axis=0)


def scene(honest: Floats = HONEST, bad: int = 2, seed: int = 0) -> Scene:
    rng = np.random.default_rng(seed)
    dim = honest.shape[1]
    direction = rng.normal(size=dim)
    return Scene(
        honest,
        rng.normal(size=(bad, dim)),
        rng.normal(size=(bad, dim)),
        rng.normal(size=dim),
        direction / np.linalg.norm(direction),
        moved(median, honest),
        rng,
    )


def drawn(seed: int, good: int = 5, dim: int = 4) -> Scene:
    rng = np.random.default_rng(seed)
    return scene(rng.normal(rng.normal(size=dim), rng.uniform(0.1, 3, dim), (good, dim)), seed=seed)


def test_deviations_from_the_mean_are_byzfls() -> None:
    found = scene()
    assert_allclose(found.mean + 1.5 * found.deviation, answer("alie 1.5"))


def test_inner_products_infinity_and_a_mimic_are_byzfls() -> None:
    assert_allclose(bad_updates.inner_product(scene()), np.tile(answer("ipm 2"), (2, 1)))
    assert_array_equal(bad_updates.endless(scene()), np.tile(answer("infinity"), (2, 1)))
    assert_array_equal(answer("mimic 3"), HONEST[3])
    assert any((one == bad_updates.mimic(scene())[0]).all() for one in HONEST)


@pytest.mark.parametrize(
    ("send", "name"),
    [(bad_updates.alie_searched, "alie searched"), (bad_updates.inner_product_searched, "ipm searched")],
)
def test_a_searched_factor_does_as_much_damage_as_byzfls(send: Callable[[Scene], Floats], name: str) -> None:
    own = scene()
    assert own.damage(send(own)) >= 0.999 * own.damage(np.tile(answer(name), (2, 1)))


@given(SEEDS)
@settings(max_examples=20)
def test_a_searched_factor_does_more_damage_than_the_fixed_one_within_its_range(seed: int) -> None:
    own = drawn(seed)
    for fixed, searched in (("ipm", "ipm_searched"), ("alie", "alie_searched")):
        assert own.damage(SENDS[searched](own)) >= 0.9 * own.damage(SENDS[fixed](own))


@pytest.mark.parametrize(
    ("parties", "bad", "z"),
    # z with cdf(z) = (n - m - s) / (n - m), s = floor(n / 2 + 1) - m; 50 workers, 12 bad: s = 14
    [(50, 12, 0.33603), (7, 3, 0.67449), (9, 4, 0.84162), (5, 1, 0.0)],
)
def test_the_factor_of_a_little_is_that_of_its_source(parties: int, bad: int, z: float) -> None:
    assert alie_factor(parties, bad) == pytest.approx(z, abs=1e-4)


@given(st.integers(3, 30), st.integers(1, 28))
def test_the_factor_of_a_little_is_finite_however_many_are_bad(parties: int, bad: int) -> None:
    assert np.isfinite(alie_factor(parties, min(bad, parties - 2)))


@given(SEEDS)
def test_min_max_reaches_the_largest_honest_distance_and_does_not_go_beyond(seed: int) -> None:
    own = drawn(seed)
    (made, _) = bad_updates.min_max(own)
    apart = np.linalg.norm(own.honest[:, None] - own.honest[None], axis=2)
    assert np.linalg.norm(own.honest - made, axis=1).max() == pytest.approx(apart.max(), rel=1e-9)


@given(SEEDS)
def test_min_sum_reaches_the_largest_honest_sum_of_squares_and_does_not_go_beyond(seed: int) -> None:
    own = drawn(seed)
    (made, _) = bad_updates.min_sum(own)
    apart = ((own.honest[:, None] - own.honest[None]) ** 2).sum(axis=2)
    found = ((own.honest - made) ** 2).sum()
    assert found == pytest.approx(apart.sum(axis=1).max(), rel=1e-9)


@given(SEEDS)
def test_both_go_against_the_deviations_of_honest_parties(seed: int) -> None:
    own = drawn(seed)
    for send in (bad_updates.min_max, bad_updates.min_sum):
        off = send(own)[0] - own.mean
        assert_allclose(off / np.linalg.norm(off), -own.deviation / np.linalg.norm(own.deviation), atol=1e-9)


def test_honest_parties_that_agree_leave_no_room_to_hide() -> None:
    alike = replace(scene(np.ones((4, 3))), own=np.zeros((2, 3)))
    assert_array_equal(bad_updates.min_max(alike), np.ones((2, 3)))
    assert_array_equal(bad_updates.min_sum(alike), np.ones((2, 3)))


def test_a_mimic_copies_the_party_farthest_along_the_widest_direction() -> None:
    wide = np.array([[0.0, 0.1], [1.0, -0.1], [9.0, 0.0], [0.5, 0.05]])
    assert_array_equal(bad_updates.mimic(scene(wide)), np.tile(wide[2], (2, 1)))


def test_a_replacement_in_a_plain_mean_is_the_bad_parties_update() -> None:
    still = scene(np.zeros((5, 3)))
    alike = replace(still, own=np.tile(still.own[:1], (2, 1)))
    sent = np.concatenate([still.honest, bad_updates.replacement(alike)])
    assert_allclose(sent.mean(axis=0), alike.own[0])
    assert_allclose(bad_updates.reversed_replacement(alike), -bad_updates.replacement(alike))


def test_free_riders_send_what_others_or_earlier_rounds_made() -> None:
    own = scene()
    assert_array_equal(bad_updates.copied(own), HONEST[[0, 0]])
    apart = np.linalg.norm(bad_updates.nearly_copied(own) - HONEST[0], axis=1)
    assert_allclose(apart, 1e-3 * own.length)
    assert_array_equal(bad_updates.echoed(own), np.tile(own.last, (2, 1)))
    assert_array_equal(bad_updates.replayed(own), own.first)
    assert_array_equal(bad_updates.sign_flip(own), -own.own)
    assert_allclose(np.linalg.norm(bad_updates.disguised(own), axis=1), own.length)


def test_sybils_are_alike_and_jittered_ones_nearly() -> None:
    own = scene()
    one, other = bad_updates.sybils(own)
    assert_array_equal(one, other)
    assert np.linalg.norm(one) == pytest.approx(own.length)
    first, second = bad_updates.unlike_sybils(own)
    assert 0 < np.linalg.norm(first - second) < own.length
    assert_allclose(np.linalg.norm(first - one), 0.2 * own.length)


def test_loud_noise_is_ten_times_as_loud_as_honest_numbers() -> None:
    many = scene(np.random.default_rng(1).normal(0, 0.3, (5, 4000)))
    assert bad_updates.gaussian(many).std() == pytest.approx(3.0, rel=0.05)


@pytest.mark.parametrize("name", SENDS)
def test_every_attack_sends_one_update_a_bad_party_and_leaves_the_scene_as_it_was(name: str) -> None:
    own, before = drawn(4), drawn(4)
    made = SENDS[name](own)
    assert made.shape == own.own.shape
    assert np.isfinite(made).all() == ATTACKS[name].finite
    for kept in ("honest", "own", "first", "last"):
        assert_array_equal(getattr(own, kept), getattr(before, kept))


@pytest.mark.parametrize("name", SENDS)
def test_one_seed_sends_one_thing(name: str) -> None:
    assert_array_equal(SENDS[name](drawn(4)), SENDS[name](drawn(4)))
