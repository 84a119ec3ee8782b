"""Aligned parties whose own sensors speak for those that they lack: in training, traffic and saved models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose

from hansa.core.charter import Charter
from hansa.runtime.scoring import Joined, load
from hansa.simulation.cohort import gather
from hansa.simulation.federation import Federation
from tests.simulation.small_world import small, world

WORLD = world()


def _filling(lacking: str = "regression") -> Charter:
    base = small(compare=(), algorithm={"name": "aligned"}, partition={"sensors_per_party": 2})
    return replace(base, preparation=replace(base.preparation, lacking=lacking))


def test_a_party_lacks_nothing_once_its_own_sensors_speak_for_the_others() -> None:
    filled, plain = (gather(_filling(lacking), "aligned", WORLD) for lacking in ("regression", "mean"))
    fleet = WORLD.train
    assert fleet is not None
    assert filled.products is not None
    assert plain.products is None
    for with_, without in zip(filled.inputs, plain.inputs, strict=True):
        assert with_.has.all()
        assert not without.has.all()
        own = without.has > 0
        assert_allclose(with_.of(fleet)[:, own], without.of(fleet)[:, own])
        assert np.abs(with_.of(fleet)[:, ~own]).max() > 0


def test_its_sums_are_weighed_and_its_models_say_the_same_once_loaded(tmp_path: Path) -> None:
    federation = Federation(_filling(), world=WORLD)
    for _ in federation.train(lambda _: None, lambda: False):
        pass
    model = federation.models["aligned"]
    assert isinstance(model, Joined)
    model.save(tmp_path)
    assert WORLD.test is not None
    assert_allclose(load(tmp_path).shares(WORLD.test), model.shares(WORLD.test), rtol=1e-6)
    plain = Federation(_filling("mean"), world=WORLD)
    for _ in plain.train(lambda _: None, lambda: False):
        pass
    sent, before = (
        next(iter(one.finished["aligned"].parties.values())).traffic.array_bytes_up
        for one in (federation, plain)
    )
    sensors = len({name for part in model.parts.values() for name in part.inputs.sensors})
    assert sent - before >= 2 * 8 * sensors * (sensors + 1) // 2  # a sum and a count for each pair
