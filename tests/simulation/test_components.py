"""A scenario whose inputs are components: dealt in any way, they are those of all rows of the federation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hansa.core.charter import Charter, Preparation
from hansa.data import pieces as piece_sizes
from hansa.runtime.scoring import Model, load
from hansa.runtime.world import STREAM_VARIABLE, open_world
from hansa.simulation.cohort import Cohort, gather
from hansa.simulation.federation import Federation
from tests.batteries import pumps
from tests.oracles.principal import pooled_scores
from tests.simulation.small_world import small, world

PCA = Preparation(features="pca", components=2)
WORLD = world()


def _grouped(charter: Charter) -> Charter:
    """Return the charter with components: of the first two sensors, and of the others."""
    sensors = [column.name for column in charter.data.columns if column.role == "sensor"]
    columns = tuple(
        replace(column, group="early" if column.name in sensors[:2] else "late")
        if column.role == "sensor"
        else column
        for column in charter.data.columns
    )
    return replace(charter, preparation=PCA, data=replace(charter.data, columns=columns))


def _z(cohort: Cohort) -> np.ndarray:
    fleet = WORLD.train
    assert fleet is not None
    return replace(cohort.inputs[0], projection=None, preparation=Preparation()).scaled(fleet)


@pytest.mark.parametrize("scenario", ["centralised", "fedavg"])
def test_parties_with_all_sensors_have_the_components_of_the_pooled_records(scenario: str) -> None:
    cohort = gather(_grouped(small(partition={"kind": "horizontal"})), scenario, WORLD)
    z = _z(cohort)
    expected = np.concatenate([pooled_scores(z[:, :2], 2), pooled_scores(z[:, 2:], 2)], axis=1)
    for inputs in cohort.inputs:
        assert inputs.features == 4 == cohort.members[0].rows.x.shape[1]
        assert_allclose(inputs.of(WORLD.train), expected, rtol=1e-4, atol=1e-5)
    assert (cohort.products is None) == (scenario == "centralised")


def test_isolated_parties_take_the_components_of_their_own_rows() -> None:
    cohort = gather(_grouped(small()), "isolated", WORLD)
    assert cohort.products is None
    for member in cohort.members:
        x = np.asarray(member.rows.x, np.float64)
        assert_allclose(x.var(axis=0) + x.mean(axis=0) ** 2, 1.0, rtol=1e-4)


def test_parties_with_other_sensors_learn_and_the_products_are_weighed() -> None:
    charter = replace(_grouped(small()), compare=())
    found = Federation(charter, world=WORLD)
    plain = Federation(replace(small(), compare=()), world=WORLD)
    sent = []
    for federation in (found, plain):
        assert list(federation.train(lambda _: None, lambda: False)) == ["labsync_mean"]
        parties = federation.result().scenarios["labsync_mean"].parties
        sent.append({one.traffic.array_bytes_up for one in parties.values()})
    (with_products,), (without,) = sent
    pairs = 3 + 3  # of each group of two sensors, each with itself
    assert with_products - without == 2 * 8 * pairs + 4  # and a weight


def test_a_saved_model_makes_the_same_components_of_new_rows(tmp_path: Path) -> None:
    federation = Federation(replace(_grouped(small()), compare=()), world=WORLD)
    for _ in federation.train(lambda _: None, lambda: False):
        pass
    part = next(iter(federation.models["labsync_mean"].parts.values()))  # type: ignore[union-attr]
    part.save(tmp_path)
    again = load(tmp_path)
    assert isinstance(again, Model)
    fleet = WORLD.test
    assert fleet is not None
    np.testing.assert_array_equal(again.shares(fleet), part.shares(fleet))
    assert again.inputs.projection is not None


def test_a_party_read_in_pieces_sums_the_same_products(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piece_sizes, "PIECE_CELLS", 400)
    monkeypatch.delenv(STREAM_VARIABLE, raising=False)
    folder, charter = pumps.write(tmp_path), replace(pumps.charter("fedavg"), preparation=PCA)
    held = gather(charter, "fedavg", open_world(charter, folder))
    monkeypatch.setenv(STREAM_VARIABLE, "0")
    large = gather(charter, "fedavg", open_world(charter, folder))
    for one, other in zip(held.members, large.members, strict=True):
        assert_allclose(other.rows.block(0).x, one.rows.x, rtol=1e-5, atol=1e-5)
