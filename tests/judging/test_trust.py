"""Rules of direction, against the papers' words on the updates themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from hansa.judging.table import Table, table_of_products
from hansa.judging.trust import cosine_clusters, cosines, fltrust, foolsgold

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=25)


def drawn(seed: int, parties: int = 7, dim: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(parties, dim)) + 0.5


def exact(updates: np.ndarray) -> Table:
    return table_of_products(updates @ updates.T)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@given(SEEDS)
def test_cosines_are_those_of_the_updates(seed: int) -> None:
    updates = drawn(seed)
    assert_allclose(cosines(exact(updates))[1, 2], cosine(updates[1], updates[2]), atol=1e-9)


def test_an_update_that_changes_nothing_points_nowhere() -> None:
    updates = np.vstack([drawn(0, 3), np.zeros(5)])
    assert cosines(exact(updates))[3].tolist() == [0, 0, 0, 0]


@given(SEEDS)
@FEW
def test_fltrust_weighs_by_cosine_and_lengthens_nothing(seed: int) -> None:
    updates, root = drawn(seed), 2
    total, trust = np.zeros(5), 0.0
    for party, one in enumerate(updates):
        score = 0.0 if party == root else max(cosine(one, updates[root]), 0.0)
        total += score * one * min(1, np.linalg.norm(updates[root]) / np.linalg.norm(one))
        trust += score
    due = total / trust if trust else total
    assert_allclose(fltrust(exact(updates), root) @ updates, due, atol=1e-8)


def test_fltrust_changes_nothing_where_nobody_goes_the_trusted_way() -> None:
    updates = np.array([[1.0, 0.0], [-1.0, 1.0], [-2.0, 0.0]])
    assert fltrust(exact(updates), 0).tolist() == [0, 0, 0]


@given(SEEDS)
@FEW
def test_foolsgold_is_the_papers_algorithm(seed: int) -> None:
    updates = drawn(seed)
    parties = len(updates)
    alike = np.array([[cosine(one, other) for other in updates] for one in updates]) - np.eye(parties)
    most = alike.max(axis=1)
    for one in range(parties):
        for other in range(parties):
            if most[other] > most[one] > 0:
                alike[one, other] *= most[one] / most[other]
    counts = np.clip(1 - np.maximum(alike, 0).max(axis=1), 0, 1)
    counts = np.minimum(counts / counts.max(), 0.99)
    due = np.clip(np.log(counts / (1 - counts)) + 0.5, 0, 1) / parties
    assert_allclose(foolsgold(exact(updates)), due, atol=1e-6)


def test_to_foolsgold_those_who_act_as_one_count_for_nothing() -> None:
    honest = np.eye(4, 5)
    updates = np.vstack([honest, np.tile([0.0, 0, 0, 0, 1], (3, 1))])
    assert foolsgold(exact(updates)).tolist() == pytest.approx([1 / 7] * 4 + [0] * 3)
    assert foolsgold(exact(updates[4:])).tolist() == [0, 0, 0]


def test_clusters_leave_out_who_goes_another_way_and_clip_who_goes_too_far() -> None:
    rng = np.random.default_rng(0)
    honest = np.array([1.0, 0, 0]) + rng.normal(0, 0.05, (5, 3))
    honest[0] *= 50
    updates = np.vstack([honest, [[-1.0, 0, 0], [-1, 0.1, 0]]])
    found = cosine_clusters(exact(updates), 2)
    norms = np.linalg.norm(updates, axis=1)
    assert_allclose(found, np.r_[np.minimum(1, np.median(norms) / norms)[:5] / 5, 0, 0], atol=1e-9)


def test_clusters_take_in_more_than_they_must_where_all_agree() -> None:
    updates = np.outer(np.ones(5), [3.0, 4.0])
    assert cosine_clusters(exact(updates), 2).tolist() == pytest.approx([0.2] * 5)
    assert cosine_clusters(exact(updates[:1]), 0).tolist() == [1.0]
