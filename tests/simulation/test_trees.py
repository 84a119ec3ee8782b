"""Trees stand beside the scenarios of networks: dealt, judged, saved and scored as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hansa.core.charter import Charter, Protection, Trees
from hansa.runtime.scoring import Boosted, load, score_fleet
from hansa.simulation.cohort import dealt
from hansa.simulation.federation import Checkpoint, Federation, Progress
from hansa.simulation.lockstep import train_together
from hansa.simulation.scaling import scaled_inputs
from hansa.simulation.trees import tree_rows
from tests.simulation.small_world import small, world

xgb = pytest.importorskip("xgboost", reason="needs XGBoost: pip install 'hansa[trees]'")
if not xgb.build_info().get("USE_FEDERATED"):
    pytest.skip("this xgboost has no federated plugin", allow_module_level=True)


def charter(kind: str = "horizontal", **changes: object) -> Charter:
    sensors = {"sensors_per_party": 2} if kind == "vertical" else {}
    made = small(compare=(), partition={"kind": kind, **sensors}, algorithm={"name": "trees"})
    return replace(
        made, trees=Trees(depth=2, rate=0.5), protection=Protection("open"), rounds=3, roster=made.roster[:2],
        **changes,
    )  # fmt: skip


def trained(agreed: Charter) -> Federation:
    federation = Federation(agreed, world=world())
    assert list(federation.train(lambda progress: None, lambda: False)) == ["trees"]
    return federation


def test_seeds_of_a_study_grow_their_trees_in_turn_and_a_stop_is_heard() -> None:
    agreed = replace(charter(), compare=("isolated",))
    told: list[Progress] = []
    seeds = [Federation(replace(agreed, seed=seed), world=world()) for seed in (1, 2)]
    assert list(train_together(seeds, told.append, lambda: False)) == ["isolated", "trees"]
    alone = Federation(replace(agreed, seed=2), world=world())
    list(alone.train(lambda progress: None, lambda: False))
    for name, found in seeds[1].finished.items():
        assert found.scores == alone.finished[name].scores  # bytes differ by how the tracker's messages fall
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert told[-1].done == pytest.approx(1.0)

    stopped = Federation(charter(), world=world())
    assert list(train_together([stopped], lambda progress: None, lambda: True)) == []
    assert stopped.finished == {}


@pytest.mark.parametrize("kind", ["horizontal", "vertical"])
def test_a_run_is_judged_saved_and_scored(kind: str, tmp_path: Path) -> None:
    federation = trained(charter(kind))
    figures = federation.result().scenarios["trees"]
    assert federation.result().complete
    assert figures.reading == "one model"
    assert figures.history["round"] == [1, 2, 3]
    assert figures.history["train_loss"] == sorted(figures.history["train_loss"], reverse=True)
    assert figures.history["rmse"][-1] == pytest.approx(figures.all_cycle.filtered.rmse, rel=1e-5)
    assert all(party.traffic.bytes_up > 0 for party in figures.parties.values())

    model = federation.models["trees"]
    assert isinstance(model, Boosted)
    assert len(model.inputs) == (2 if kind == "vertical" else 1)
    model.save(tmp_path / "trees")
    assert {path.name for path in (tmp_path / "trees").iterdir()} == {
        "model.json", "trees.json", "weights.npz"
    }  # fmt: skip
    again = load(tmp_path / "trees")
    assert repr(again) == repr(model)
    test = federation.world.test
    assert test is not None
    np.testing.assert_array_equal(again.shares(test), model.shares(test))
    exam = federation._exams[0]
    remaining = score_fleet(again, exam.fleet)["remaining"].to_numpy()
    rmse = np.sqrt(np.mean((remaining - exam.true) ** 2))
    assert rmse == pytest.approx(figures.all_cycle.filtered.rmse, rel=1e-4)


def test_a_run_that_is_stopped_leaves_no_half_model_and_begins_again() -> None:
    federation = Federation(charter(), world=world())
    assert not list(federation.train(lambda progress: None, lambda: True))
    result = federation.result()
    assert (result.complete, result.rounds_done, dict(result.scenarios)) == (False, 1, {})
    assert federation.unfinished_models() == {}
    stood = federation.checkpoint()
    assert isinstance(stood, Checkpoint)
    again = Federation(charter(), world=world())
    assert list(again.train(lambda progress: None, lambda: False, stood)) == ["trees"]
    assert again.result().complete


def test_where_columns_are_apart_rows_are_those_that_the_first_party_can_label() -> None:
    agreed = charter("vertical", training=replace(charter().training, horizon=2.0))
    _, holdings = dealt(agreed, "trees", world())
    inputs, _ = scaled_inputs(agreed, "trees", holdings)
    first, second = tree_rows(agreed, holdings, inputs)
    assert len(first.x) == len(second.x) == len(first.y)
    np.testing.assert_allclose(first.weight, 1 + 2.0 * (1 - first.y), rtol=1e-6)
