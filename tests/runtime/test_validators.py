"""What models lose on kept-back assets, and the way down, are those of the networks themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from hansa.core.charter import DefenceChoice, Reward, Validation
from hansa.runtime.validators import Validators
from hansa.runtime.validators import validators_of as of_rows
from hansa.simulation.cohort import Cohort
from tests.simulation.judged_world import contract, gathered


def cohort_of(name: str = "fedavg", **changes: Any) -> Cohort:
    more: dict[str, Any] = (
        {"training": {"optimizer": "sgd", "learning_rate": 0.02}} if name == "scaffold" else {}
    )
    given = contract(
        name,
        validation=Validation(0.4),
        reward=Reward("shapley"),
        defence=DefenceChoice("mean"),
        **(more | changes),
    )
    return gathered(given)


def validators_of(cohort: Cohort) -> Validators:
    kept = {member.name: rows for member, rows in zip(cohort.members, cohort.kept_back, strict=True)}
    return of_rows(cohort.charter, cohort.scenario, kept)


def flat(tree: Any) -> np.ndarray:
    return np.concatenate([np.asarray(leaf, np.float32).reshape(-1) for leaf in jax.tree.leaves(tree)])


def shared_of(cohort: Cohort) -> Any:
    return cohort.algorithm.ask(cohort.algorithm.start(cohort.common)).shared


def due(cohort: Cohort, network: Any) -> list[float]:
    """Return each party's mean half squared error on all that it keeps back."""
    found = []
    for rows in cohort.kept_back:
        outputs = np.asarray(network(np.asarray(rows.x)), np.float64)
        found.append(float(np.mean(0.5 * (outputs - np.asarray(rows.y, np.float64)) ** 2)))
    return found


@pytest.mark.parametrize("name", ["fedavg", "scaffold", "aligned"])
def test_losses_are_those_of_the_networks_on_each_partys_rows(name: str) -> None:
    cohort = cohort_of(name)
    shared = shared_of(cohort)
    network = shared.network if name == "scaffold" else shared
    validators = validators_of(cohort)
    assert validators.owners == tuple(member.name for member in cohort.members)
    models = np.stack([flat(shared), 2 * flat(shared), 0 * flat(shared)])  # (models, dim)
    found = validators.losses(shared, models)
    assert found.shape == (3, 5)
    assert_allclose(found[0], due(cohort, network), rtol=1e-4)
    assert_allclose(found[1], due(cohort, jax.tree.map(lambda leaf: 2 * leaf, network)), rtol=1e-4)


def test_one_model_and_many_have_the_same_losses() -> None:
    cohort = cohort_of()
    shared, validators = shared_of(cohort), validators_of(cohort)
    rng = np.random.default_rng(0)
    models = rng.normal(size=(5, len(flat(shared)))).astype(np.float32)  # (models, dim)
    together = validators.losses(shared, models)
    alone = np.concatenate([validators.losses(shared, models[place : place + 1]) for place in range(5)])
    assert_allclose(together, alone, rtol=1e-5)


@pytest.mark.parametrize("name", ["fedavg", "scaffold"])
def test_downhill_is_the_direction_of_minus_the_slope_of_each_loss(name: str) -> None:
    cohort = cohort_of(name)
    shared, validators = shared_of(cohort), validators_of(cohort)
    here, rng, step = flat(shared), np.random.default_rng(1), 1e-2
    down = validators.downhill(shared)
    assert down.shape == (5, len(here))
    assert_allclose(np.linalg.norm(down, axis=1), 1.0, rtol=1e-5)
    lengths = []
    for _ in range(3):
        along = rng.normal(size=len(here)).astype(np.float32)
        ends = validators.losses(shared, np.stack([here + step * along, here - step * along]))
        slope = (ends[0] - ends[1]) / (2 * step)  # (validators,)
        lengths.append(-slope / (down @ along))
    assert_allclose(lengths, np.broadcast_to(lengths[0], (3, 5)), rtol=3e-2)
    assert np.min(lengths) > 0


def test_of_many_rows_evenly_spread_ones_count(monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = cohort_of()
    monkeypatch.setattr("hansa.runtime.validators._ROWS", 15)  # three of each party's
    few = validators_of(cohort)
    assert len(few.rows.y) == 15
    assert_allclose(np.asarray(few.parts).sum(axis=1), 1.0, rtol=1e-6)
    first, last = np.asarray(cohort.kept_back[0].y)[[0, -1]]
    assert np.asarray(few.rows.y)[[0, 2]].tolist() == [first, last]


def test_a_party_without_a_known_row_is_no_validator() -> None:
    cohort = cohort_of()
    nothing = jax.tree.map(lambda leaf: np.asarray(leaf)[:0], cohort.kept_back[1])
    kept = [cohort.kept_back[0], nothing, *cohort.kept_back[2:]]
    found = validators_of(replace(cohort, kept_back=kept))
    assert found.owners == ("party-1", "party-3", "party-4", "party-5")
