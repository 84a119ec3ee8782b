"""Every network that a charter may name trains, whatever is exchanged, and comes back from its folder."""

from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from hansa.core.charter import Charter, Party
from hansa.models.convolution import Convolution
from hansa.models.ensemble import Ensemble
from hansa.models.network import Perceptron
from hansa.runtime.scoring import Model, load
from hansa.simulation.cohort import gather
from hansa.simulation.federation import Federation
from tests.simulation.small_world import small, world

WORLD = world()
ROUNDS = 2
WINDOW = {"features": "window", "window": 7, "age": 20.0}
CONVOLUTION = {"kind": "convolution", "channels": (4,), "taps": 3, "stride": 2, "hidden": (3,)}
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any], type]] = {  # network, preparation, what it is
    "perceptron": ({}, {"age": 20.0}, Perceptron),
    "convolution": (CONVOLUTION, WINDOW, Convolution),
    "ensemble": ({"ensemble": 2}, {"age": 20.0}, Ensemble),
    "convolutions": ({**CONVOLUTION, "ensemble": 2}, WINDOW, Ensemble),
}
SCENARIOS = ("fedavg", "labsync_mean")  # weights are averaged, and predictions shared

_LONG = ("convolution", "ensemble")  # the ensemble of convolutions is both
each_kind = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] if kind in _LONG else []) for kind in KINDS]
)


def _charter(kind: str, **changes: Any) -> Charter:
    network, preparation, _ = KINDS[kind]
    settings: dict[str, Any] = {
        "rounds": ROUNDS,
        "compare": SCENARIOS[:-1],
        "data": {"missing": "hold"},
        "network": network,
        "preparation": preparation,
        "evaluation": {"filter": "none"},
    }
    return small(**(settings | changes))


@cache
def _trained(kind: str) -> Federation:
    """Return a federation after its last round; read only."""
    federation = Federation(_charter(kind, training={"horizon": 1.0, "batch_size": 32}), world=WORLD)
    list(federation.train(lambda progress: None, lambda: False))
    return federation


def _fresh(kind: str, scenario: str) -> list[np.ndarray]:
    return jax.tree.leaves(gather(_charter(kind), scenario, WORLD).members[0].network)


@each_kind
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_charter_with_each_kind_trains(kind: str, scenario: str) -> None:
    history = _trained(kind).finished[scenario].history
    assert history["round"] == [1, 2]
    assert history["train_loss"][1] < history["train_loss"][0]


@each_kind
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_model_that_is_saved_and_loaded_predicts_the_same_bits(
    kind: str, scenario: str, tmp_path: Path
) -> None:
    model = _trained(kind).models[scenario]
    model.save(tmp_path)
    again = load(tmp_path)
    assert repr(again) == repr(model)
    assert_array_equal(again.shares(WORLD.test), model.shares(WORLD.test))


@each_kind
def test_every_weight_is_trained(kind: str) -> None:
    model = _trained(kind).models["fedavg"]
    assert isinstance(model, Model)
    assert isinstance(model.network, KINDS[kind][2])
    for fresh, trained in zip(_fresh(kind, "fedavg"), jax.tree.leaves(model.network), strict=True):
        assert trained.shape == fresh.shape
        assert not np.array_equal(trained, fresh)


@each_kind
def test_a_partys_own_layers_replace_the_charters(kind: str) -> None:
    roster = (Party("a"), Party("b", hidden=(9,)), Party("c"))
    members = gather(_charter(kind, roster=roster), "labsync_mean", WORLD).members
    ends = [member.network.head()[0].shape[-2] for member in members]  # units below the last one
    assert ends == [ends[0], 9, ends[0]]
    assert ends[0] == (3 if "convolution" in kind else 4)


def test_the_recipe_has_the_charters_momentum_and_horizon() -> None:
    charter = _charter("perceptron", training={"optimizer": "sgd", "momentum": 0.8, "horizon": 2.0})
    for scenario, horizon in (("isolated", 2.0), ("fedavg", 2.0), ("labsync_mean", 0.0), ("labsync", 0.0)):
        recipe = gather(charter, scenario, WORLD).algorithm.recipe
        assert (recipe.momentum, recipe.horizon) == (0.8, horizon)
