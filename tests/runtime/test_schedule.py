"""The steps of a run follow from its charter alone, and nodes take these and no others."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hansa.core.charter import Charter
from hansa.core.steps import Step, step_of
from hansa.runtime.learning import possible_keys
from hansa.runtime.schedule import schedule_of
from tests.runtime.node_world import NodeWorld, charter_of

STAGES = ("keys", "masked", "agreed", "revealed")


def _steps(charter: Charter) -> list[Step]:
    schedule, found = schedule_of(charter, possible_keys(charter)[0]), [(-1, -1)]
    while (step := schedule.after(*found[-1])) is not None:
        found.append((step.round, step.number))
    return [schedule.after(*place) or Step(0, 0, "") for place in found[:-1]]


def _kinds(charter: Charter, round_: int) -> list[str]:
    return [step.kind for step in _steps(charter) if step.round == round_]


def test_an_open_run_of_averages_is_as_short_as_this() -> None:
    charter = charter_of("fedavg")
    assert _kinds(charter, 0) == ["join", "statistics", "scale", "start"]
    assert [_kinds(charter, number) for number in (1, 2, 3, 4)] == [
        ["training"],
        ["training"],
        ["finish"],
        [],
    ]


def test_a_masked_sum_is_four_steps_and_keys_are_exchanged_before() -> None:
    charter = charter_of("fedavg", "masked")
    of = {kind: [f"{kind}/{stage}" for stage in STAGES] for kind in ("support of statistics", "statistics")}
    due = ["join", "meet", *of["support of statistics"], *of["statistics"], "scale", "start"]
    assert _kinds(charter, 0) == due
    assert _kinds(charter, 2) == [f"training/{stage}" for stage in STAGES]


@pytest.mark.parametrize(
    ("name", "preparation", "before", "each"),
    [
        ("fsvrg", {}, [], ["gradient", "training"]),
        ("labsync", {}, ["labels", "predictions"], ["training"]),
        ("labsync_mean", {}, ["predictions"], ["training"]),
        ("aligned", {"lacking": "mean"}, [], ["training"]),
    ],
)
def test_what_an_algorithm_exchanges_has_its_place(
    name: str, preparation: dict[str, Any], before: list[str], each: list[str]
) -> None:
    charter = charter_of(name, preparation=preparation)
    assert _kinds(charter, 0) == ["join", "statistics", "scale", "start", *before]
    assert _kinds(charter, 1) == each


@pytest.mark.parametrize(
    ("name", "preparation"), [("aligned", {"lacking": "regression"}), ("fedavg", {"features": "pca"})]
)
def test_products_are_summed_where_the_charter_asks_for_what_follows_from_them(
    name: str, preparation: dict[str, Any]
) -> None:
    charter = charter_of(name, preparation=preparation)
    assert _kinds(charter, 0) == ["join", "statistics", "scale", "products", "turn", "start"]


def test_a_number_beyond_a_round_leads_to_the_next_round() -> None:
    """A store may have the answers of a longer charter: no step follows that does not exist."""
    schedule = schedule_of(charter_of("fedavg"), 0)
    assert schedule.after(1, 7) == Step(2, 0, "training")
    assert schedule.after(3, 0) is None
    assert schedule.after(9, 0) is None


@pytest.mark.parametrize("secrecy", ["open", "masked"])
def test_a_run_takes_these_steps_in_this_order(tmp_path: Path, secrecy: str) -> None:
    nodes = NodeWorld(charter_of("fedavg", secrecy), tmp_path)
    with closing(nodes):
        nodes.run()
    taken = [step_of(text) for text, name in nodes.made if name == "party-2"]
    assert taken == _steps(nodes.charter)
