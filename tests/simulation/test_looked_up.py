"""Categories that are looked up, from a table to a saved model: prices of parties that a column tells."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from hansa.core.charter import Charter
from hansa.data.bulldozers import Sales, charter_of, prepared
from hansa.data.columns import fleet_from_table
from hansa.data.prepare import Inputs
from hansa.models.embedding import Embedding
from hansa.runtime.scoring import Model, load
from hansa.runtime.world import World, open_world
from hansa.simulation.charter_file import charter_file_of, read_charter_file
from hansa.simulation.cohort import gather
from hansa.simulation.federation import Federation
from hansa.simulation.partition_folders import write_partition
from tests.batteries.sales import published

NUMBERS = ("sold", "age", "log_hours", "log_class", "log_sales")


@cache
def _sales() -> Sales:
    return prepared(published(), "auctioneer")


def _charter(rounds: int = 4, dim: int = 2, compare: tuple[str, ...] = ()) -> Charter:
    charter = charter_of(_sales())
    network = replace(charter.network, embedding=dim, hidden=(6,))
    training = replace(charter.training, optimizer="adam", learning_rate=0.02, batch_size=64)
    choice = replace(charter.algorithm, name="fedavg", server_rate=None)
    changed = replace(charter, rounds=rounds, network=network, training=training, algorithm=choice)
    return replace(changed, compare=compare)


@cache
def _world() -> World:
    fleets = [fleet_from_table(frame, _charter()) for frame in (_sales().train, _sales().test)]
    return World("sales", *fleets)


def _inputs(scenario: str, dim: int = 2) -> Inputs:
    return gather(_charter(dim=dim, compare=(scenario,)), scenario, _world()).inputs[0]


def test_what_is_looked_up_stays_0_or_1_and_is_not_flagged() -> None:
    inputs = _inputs("fedavg")
    x = inputs.of(_world().test)
    sensors, readings, beside, lookups = inputs.shape
    assert (readings, beside) == (1, len(NUMBERS))
    assert x.shape[1] == sensors + beside
    for first, values in lookups:
        own = x[:, first : first + values]
        assert set(np.unique(own)) <= {0.0, 1.0}
        assert_array_equal(own.sum(axis=1), 1.0)
    assert sum(values for _, values in lookups) + len(NUMBERS) == sensors


def test_a_missing_value_is_looked_up_as_nothing() -> None:
    inputs, test = _inputs("fedavg"), _world().test
    gaps = test.sensors.copy()
    first, values = inputs.shape[3][0]
    gaps[:, first : first + values] = np.nan
    assert not inputs.of(replace(test, sensors=gaps))[:, first : first + values].any()


def test_without_an_embedding_every_indicator_is_scaled_and_flagged() -> None:
    inputs = _inputs("fedavg", dim=0)
    assert inputs.shape[1:] == (1, len(inputs.sensors), ())
    assert np.abs(inputs.of(_world().test)).max() > 1.0


def test_a_frame_holds_the_same_inputs_as_a_partys_own_sensors() -> None:
    own = _inputs("fedavg")
    turned = tuple(reversed(own.sensors))
    framed = replace(own, frame=turned)
    lookups = tuple(names[::-1] for names in own.lookups)
    reversed_inputs = replace(
        own, sensors=turned, lookups=lookups, mean=own.mean[:, ::-1], deviation=own.deviation[:, ::-1]
    )
    fleet = _world().test
    assert_array_equal(framed.of(fleet), reversed_inputs.of(fleet.take_sensors(turned)))
    assert framed.has.all()
    assert len(framed.has) == framed.features


@cache
def _trained() -> Federation:
    """Return a federation after its last round; read only."""
    federation = Federation(_charter(compare=("labsync_mean", "aligned")), world=_world())
    list(federation.train(lambda progress: None, lambda: False))
    return federation


@pytest.mark.parametrize("scenario", ["fedavg", "labsync_mean", "aligned"])
def test_prices_are_learnt_and_the_saved_model_predicts_the_same_bits(scenario: str, tmp_path: Path) -> None:
    found, model = _trained().finished[scenario], _trained().models[scenario]
    assert found.history["rmsle"][-1] < 0.8 * found.history["rmsle"][0]
    model.save(tmp_path)
    again = load(tmp_path)
    assert repr(again) == repr(model)
    assert_array_equal(again.shares(_world().test), model.shares(_world().test))
    if isinstance(model, Model):
        assert isinstance(model.network, Embedding)


def test_each_partys_file_reads_back_as_what_it_was_dealt(tmp_path: Path) -> None:
    sales, charter = _sales(), _charter()
    for name, frame in ((charter.data.file, sales.train), (charter.data.test_file, sales.test)):
        frame.to_csv(tmp_path / name, index=False)
    write_partition(charter_file_of(charter), tmp_path, tmp_path / "out")
    file = read_charter_file(tmp_path / "out" / "charter.toml")
    own = open_world(file.charter, tmp_path / "out").own
    sales_of = sales.train["party"].value_counts()
    for party, data in zip(file.charter.roster, own, strict=True):
        assert data.train.rows + data.test.rows == sales_of[party.name]
        assert data.train.sensor_names == _world().train.sensor_names
