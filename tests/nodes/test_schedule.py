"""The steps of a run follow from its charter alone, and nodes take these and no others."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hansa.core.charter import Charter, DefenceChoice, Gate, Reward, Validation
from hansa.core.steps import Step, step_of
from hansa.nodes.schedule import schedule_of
from tests.nodes.node_world import NodeWorld, charter_of

STAGES = ("keys", "masked", "agreed", "revealed")


def _kinds(charter: Charter, round_: int) -> list[str]:
    return list(schedule_of(charter, 1).kinds(round_))


def _steps(charter: Charter) -> list[Step]:
    rounds = range(charter.rounds + 2)
    return [Step(one, place, kind) for one in rounds for place, kind in enumerate(_kinds(charter, one))]


def test_an_open_run_of_averages_is_as_short_as_this() -> None:
    charter = charter_of("fedavg")
    assert _kinds(charter, 0) == ["join", "meet", "statistics", "scale", "start"]
    assert [_kinds(charter, number) for number in (1, 2, 3, 4)] == [
        ["training"],
        ["training"],
        ["finish", "bye"],
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
    assert _kinds(charter, 0) == ["join", "meet", "statistics", "scale", "start", *before]
    assert _kinds(charter, 1) == each


@pytest.mark.parametrize(
    ("name", "preparation"), [("aligned", {"lacking": "regression"}), ("fedavg", {"features": "pca"})]
)
def test_products_are_summed_where_the_charter_asks_for_what_follows_from_them(
    name: str, preparation: dict[str, Any]
) -> None:
    charter = charter_of(name, preparation=preparation)
    assert _kinds(charter, 0) == ["join", "meet", "statistics", "scale", "products", "turn", "start"]


def test_the_next_step_alone_may_follow() -> None:
    schedule = schedule_of(charter_of("fedavg", "masked"), 1)
    steps, last = _steps(charter_of("fedavg", "masked")), (-1, -1)
    for due in steps:
        allowed = [one for one in steps if schedule.allows(one, last, begins="")]
        assert allowed == [due]
        assert not schedule.allows(Step(due.round, due.number, "amend"), last, "")
        last = (due.round, due.number)
    assert not any(schedule.allows(one, last, "") for one in steps)


def test_who_was_late_may_begin_with_any_later_round_where_rounds_go_on_without_it() -> None:
    late = schedule_of(charter_of("fedavg", "masked", rounds=5, lateness={"rule": "go_on"}), 1)
    for last in ((1, 0), (1, 3), (0, len(late.before) - 1)):
        assert late.allows(Step(3, 0, "training/keys"), last, "")
        assert not late.allows(Step(3, 1, "training/masked"), last, "")
    assert not late.allows(Step(2, 0, "training/keys"), (3, 1), "")


BEGINNING = ("join", "meet", "scale", "start")


def test_after_a_round_members_hear_of_changes_and_who_comes_later_begins_step_by_step() -> None:
    schedule = schedule_of(charter_of("fedavg", rounds=5), 1)
    for kind in ("amend", "rekey", "meet", "scale", "start"):
        assert schedule.allows(Step(2, 1, kind), (2, 0), "")
        assert not schedule.allows(Step(2, 1, kind), (1, 0), "")
        assert schedule.allows(Step(3, 1, kind), (2, 5), "") == schedule.allows(Step(3, 1, kind), (2, 1), "")
    may = {
        "join": {"join"},
        "meet": {"join", "meet"},
        "scale": {"meet", "amend", "scale"},
        "start": {"meet", "amend", "scale", "start"},
    }
    kinds = {*BEGINNING, "amend", "rekey", "training"}
    for due in BEGINNING:
        allowed = {kind for kind in kinds if schedule.allows(Step(2, 7, kind), (2, 6), due)}
        assert allowed == may[due]
    assert not schedule.allows(Step(2, 1, "join"), (2, 0), "")
    assert schedule.allows(Step(3, 0, "training"), (2, 6), "")
    assert not schedule.allows(Step(5, 1, "amend"), (5, 0), "")


def test_where_members_may_not_change_their_keys_may_and_nobody_joins() -> None:
    masked = schedule_of(charter_of("fedavg", "masked", rounds=5), 1)
    for kind in ("amend", "rekey", *BEGINNING):
        assert masked.allows(Step(2, 4, kind), (2, 3), "") == (kind in ("amend", "rekey", "meet"))
        for begins in BEGINNING:
            assert not masked.allows(Step(2, 4, kind), (2, 3), begins)


EVERYTHING: dict[str, Any] = {
    "rounds": 4,
    "defence": DefenceChoice("mean"),
    "validation": Validation(0.4),
    "gate": Gate(3),
    "reward": Reward("shapley", 2),
}


def test_where_all_is_judged_parties_commit_before_they_show_then_mark_vote_and_hear_of_it() -> None:
    charter = charter_of("labsync_mean", **EVERYTHING)
    of = {kind: [f"{kind}/commit", f"{kind}/reveal"] for kind in ("predictions", "training")}
    assert _kinds(charter, 0) == ["join", "meet", "statistics", "scale", "start", *of["predictions"], "vote"]
    assert _kinds(charter, 3) == [*of["training"], "vote", "adopt"]  # predictions by label have no marks
    charter = charter_of("fedavg", **EVERYTHING)
    assert [_kinds(charter, number) for number in (1, 2, 3, 4, 5)] == [
        [*of["training"], "mark"],
        of["training"],
        [*of["training"], "mark", "vote", "adopt"],
        [*of["training"], "vote", "adopt"],
        ["finish", "verdicts", "bye"],
    ]
    assert not charter.changes_members


def test_a_vote_alone_leaves_sums_as_they_are() -> None:
    charter = charter_of("fedavg", "masked", validation=Validation(0.4), gate=Gate(1))
    assert _kinds(charter, 1) == [*(f"training/{stage}" for stage in STAGES), "vote", "adopt"]


@pytest.mark.parametrize("secrecy", ["open", "masked"])
def test_a_run_takes_these_steps_in_this_order(tmp_path: Path, secrecy: str) -> None:
    nodes = NodeWorld(charter_of("fedavg", secrecy), tmp_path)
    with closing(nodes):
        nodes.run()
    taken = [step_of(text) for text, name in nodes.made if name == "party-2"]
    assert taken == _steps(nodes.charter)
