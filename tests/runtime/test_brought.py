"""Networks and an algorithm of the user's own under everything that the built-in ones run under."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from hansa.core.charter import Charter, Network
from hansa.core.charter_reader import parse_charter
from hansa.core.errors import CharterError
from hansa.core.methods import TRAINABLE
from hansa.runtime.own_code import digest_of
from hansa.runtime.result import RunResult
from hansa.runtime.scoring import load
from hansa.simulation.charter_file import charter_file_of
from hansa.simulation.federation import Checkpoint, Federation
from hansa.simulation.launch import launch, relaunch
from tests.simulation.small_world import small, world

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
WORLD = world()
needs_torch = pytest.mark.skipif(
    find_spec("torch") is None, reason="needs PyTorch: pip install 'hansa[torch]'"
)
each_network = pytest.mark.parametrize(
    "name", ["own_jax_net:Net", pytest.param("own_torch_net:Net", marks=needs_torch)]
)
NOT_HERE = ("isolated", "labsync_mean", "own", "own_personal")
EVERY = ("centralised", "isolated", "isolated_mean", *(name for name in TRAINABLE if name not in NOT_HERE))
FEW = {
    "own_jax_net:Net": ("isolated_mean", "fedrep", "aligned"),
    "own_torch_net:Net": ("fedrep", "own_scaling"),
}


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))


def network(name: str, **changes: Any) -> dict[str, Any]:
    """Return the table [network] that names an example."""
    return {"hidden": (10,), "model": name, "digest": digest_of(name)} | changes


def named(name: str, **changes: Any) -> Charter:
    """Return a small charter whose network is one of the examples'."""
    settings: dict[str, Any] = {
        "rounds": 2,
        "compare": (),
        "network": network(name),
        "evaluation": {"filter": "none"},
    }
    return small(**(settings | changes))


def ruled(**changes: Any) -> Charter:
    """Return a small charter under the example's algorithm."""
    own = {"name": "own", "own": "own_rule:Rule", "digest": digest_of("own_rule:Rule"), "leaves": "changes"}
    settings: dict[str, Any] = {
        "rounds": 2,
        "compare": (),
        "partition": {"kind": "horizontal"},
        "algorithm": own,
    }
    return small(**(settings | changes))


def trained(charter: Charter, rounds: int = 0, start: Checkpoint | None = None) -> Federation:
    """Return the federation after its last round, or stopped after so many."""
    federation, done = Federation(charter, world=WORLD), []
    list(federation.train(done.append, lambda: len(done) == rounds, start))
    return federation


@pytest.mark.slow  # every scenario of a charter
@each_network
def test_it_trains_whatever_is_exchanged(name: str) -> None:
    _check_learns(name, FEW[name])


@pytest.mark.slow
@each_network
def test_it_trains_under_every_scenario_that_asks_for_nothing_that_it_lacks(name: str) -> None:
    _check_learns(name, tuple(one for one in EVERY if one != "aligned" or "jax" in name))


def _check_learns(name: str, compare: tuple[str, ...]) -> None:
    training = {"batch_size": 32, "optimizer": "sgd", "learning_rate": 0.1}
    alone = {"alone_rounds": 1} if "fine_tuned" in compare else {}
    found = trained(named(name, compare=compare, algorithm=alone, training=training)).finished
    assert set(found) == {"labsync_mean", *compare}
    for scenario in found.values():
        assert np.isfinite(scenario.all_cycle.filtered.rmse)
        assert scenario.history["train_loss"][1] < scenario.history["train_loss"][0]


@each_network
def test_a_model_that_is_saved_and_loaded_predicts_the_same_bits(name: str, tmp_path: Path) -> None:
    federation = trained(named(name, compare=("fedavg",), rounds=1, network=network(name, ensemble=2)))
    for scenario in ("fedavg", "labsync_mean"):
        model = federation.models[scenario]
        model.save(tmp_path / scenario)
        again = load(tmp_path / scenario)
        assert repr(again) == repr(model)
        assert_array_equal(again.shares(WORLD.test), model.shares(WORLD.test))
    assert f"network {name}, 2 of them" in repr(federation.models["fedavg"])


@each_network
def test_an_interrupted_run_goes_on_to_the_same_bits(name: str) -> None:
    charter = named(name, rounds=3)
    straight = trained(charter)
    resumed = trained(charter, start=trained(charter, rounds=2).checkpoint())
    for one, other in zip(*(_weights(own) for own in (straight, resumed)), strict=True):
        assert_array_equal(one, other)


def _weights(federation: Federation) -> list[Any]:
    return jax.tree.leaves([part.network for part in federation.models["labsync_mean"].parts.values()])


@needs_torch
def test_pytorch_has_no_reach_and_a_scenario_that_needs_it_is_refused_before_training() -> None:
    with pytest.raises(
        CharterError, match=r"own_torch_net:Net: has no reach, which aligned needs; give it one"
    ):
        Federation(named("own_torch_net:Net", compare=("aligned",)), world=WORLD)


def test_code_that_is_not_what_was_agreed_is_refused_before_data_is_read(tmp_path: Path) -> None:
    name = "own_jax_net:Net"
    with pytest.raises(CharterError, match="the code here has digest " + digest_of(name)):
        Federation(named(name, network=network(name, digest="0" * 64)), tmp_path / "nowhere")


def test_a_saved_model_whose_code_has_changed_is_refused(tmp_path: Path) -> None:
    model = trained(named("own_jax_net:Net", rounds=1)).models["labsync_mean"]
    model.save(tmp_path)
    for part in tmp_path.glob("*/model.json"):
        text = part.read_text(encoding="utf-8")
        part.write_text(text.replace(digest_of("own_jax_net:Net"), "1" * 64), encoding="utf-8")
    with pytest.raises(CharterError, match="the code here has digest"):
        load(tmp_path)


def test_an_own_algorithm_trains_beside_a_built_in_one_and_is_saved(tmp_path: Path) -> None:
    federation = trained(ruled(compare=("fedavg",)))
    own, built_in = (federation.finished[name] for name in ("own", "fedavg"))
    assert own.reading == "one model"
    assert own.parties["party-1"].traffic == built_in.parties["party-1"].traffic
    assert own.all_cycle != built_in.all_cycle  # parties of other sizes count the same
    model = federation.models["own"]
    model.save(tmp_path)
    assert_array_equal(load(tmp_path).shares(WORLD.test), model.shares(WORLD.test))


def test_an_own_algorithm_may_leave_each_party_its_own_model() -> None:
    choice = {
        "name": "own_personal",
        "own": "own_rule:Rule",
        "digest": digest_of("own_rule:Rule"),
        "leaves": "x",
    }
    found = trained(ruled(algorithm=choice)).finished["own_personal"]
    assert found.reading == "mean of parties"


def test_an_own_algorithm_and_network_are_resumed_in_their_folder_to_the_same_bits(tmp_path: Path) -> None:
    own = ruled()
    plain = parse_charter('name = "s"\nconsortium = "x"\nparties = 3\n[data]\nengines = 6\ntest_engines = 3')
    brought = Network(model="own_jax_net:Net", digest=digest_of("own_jax_net:Net"))
    charter = replace(plain, rounds=2, network=brought, algorithm=own.algorithm, partition=own.partition)
    file, done = charter_file_of(charter), []
    whole = launch(file, None, tmp_path / "whole").go(_report, lambda _: None, lambda: False)
    half = launch(file, None, tmp_path / "half").go(_report, done.append, lambda: len(done) == 1)
    assert not half.complete
    resumed = relaunch(tmp_path / "half", None).go(_report, lambda _: None, lambda: False)
    assert resumed.scenarios["own"].all_cycle == whole.scenarios["own"].all_cycle


def _report(result: RunResult) -> str:
    return result.about["charter"]
