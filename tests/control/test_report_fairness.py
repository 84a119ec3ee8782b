"""The report names the worst party and those that federating did not help, as a finding of one run."""

from typing import Any

import pytest

from hansa.control.report import render_report
from hansa.control.report_fairness import fairness, helped, listed, worst_party
from tests.control.made_result import made_outcome, made_result
from tests.control.test_report import Page

ALONE = {"a": 15.0, "b": 16.0, "c": 14.0}


def _result(own: dict[str, float], alone: dict[str, float] | None = ALONE, **changes: Any) -> dict[str, Any]:
    scenarios = ("labsync_mean", "isolated") if alone else ("labsync_mean",)
    result = made_result(tuple(own), scenarios, **changes)
    for name, errors in (("labsync_mean", own), ("isolated", alone)):
        for party, error in (errors or {}).items():
            result["scenarios"][name]["parties"][party]["all_cycle"]["rmse"] = error
    return result


def test_the_worst_party_stands_beside_its_own_isolated_error() -> None:
    said = worst_party(_result({"a": 14.0, "b": 13.0, "c": 15.5}))
    assert said == (
        "Worst party under LabSync-Mean, each with its own model alone: c, 15.50 cycles RMSE (all-cycle);"
        " isolated it has 14.00."
    )


def test_parties_that_are_not_helped_are_named_the_most_harmed_first() -> None:
    said = helped(_result({"a": 15.1, "b": 13.0, "c": 15.5}))
    assert (
        "lowers the error of 1 of 3 parties; it does not help c (isolated 14.00, now 15.50) and a (" in said
    )
    assert said.endswith("One run can be chance: hansa study tests it over seeds.")


def test_level_to_what_is_shown_is_no_help() -> None:
    assert "b (isolated 16.00, now 16.00)" in helped(_result({"a": 14.0, "b": 15.999, "c": 13.0}))


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"a": 14.0, "b": 13.0, "c": 13.5}, "lowers the error of all 3 parties."),
        (
            {"a": 18.0, "b": 17.0, "c": 16.5},
            "lowers the error of none of the 3 parties; it does not help a (",
        ),
    ],
)
def test_all_and_none_are_said_in_words(own: dict[str, float], words: str) -> None:
    assert words in helped(_result(own))


def test_where_all_have_one_model_the_worst_isolated_party_is_named() -> None:
    said = worst_party(_result(dict.fromkeys(ALONE, 13.0)))
    assert said.endswith("all parties have 13.00 cycles RMSE (all-cycle); isolated, the worst, b, has 16.00.")


def test_without_isolated_parties_only_the_worst_is_named() -> None:
    said = fairness(_result({"a": 14.0, "b": 13.0}, None))
    assert len(said) == 1
    assert "isolated" not in said[0]


def test_one_party_or_a_baseline_alone_says_nothing() -> None:
    assert fairness(_result({"a": 14.0}, {"a": 15.0})) == ()
    assert fairness(_result({"a": 14.0, "b": 13.0}, {"a": 15.0, "b": 15.0}, algorithm="isolated")) == ()


def test_of_many_names_a_few_are_listed() -> None:
    assert listed([f"p{n}" for n in range(9)]) == "p0, p1, p2, p3, p4 and 4 more"
    assert listed(["p0"]) == "p0"


def test_the_page_says_it_above_the_parties() -> None:
    result = _result({"a": 14.0, "b": 13.0, "c": 15.5})
    text = Page(render_report(result, "")).text
    for sentence in fairness(result):
        assert sentence in text


def _outcome(task: str, key: str, own: dict[str, float], alone: dict[str, float]) -> dict[str, Any]:
    """Return a result of another task whose parties have these figures under fedavg and isolated."""
    result = made_outcome(task, ("isolated", "fedavg"))
    for name, figures in (("fedavg", own), ("isolated", alone)):
        scenario = result["scenarios"][name]
        party = next(iter(scenario["parties"].values()))
        scenario["parties"] = {
            one: party | {"test": party["test"] | {key: figure}} for one, figure in figures.items()
        }
    return result


def test_of_failures_the_worst_party_has_the_least_and_more_is_a_help() -> None:
    own, alone = {"a": 0.31, "b": 0.2, "c": 0.5}, {"a": 0.32, "b": 0.1, "c": 0.5004}
    worst, counted = fairness(_outcome("failure", "auprc", own, alone))
    assert worst == (
        "Worst party under FedAvg, each with its own model alone: b, 0.200 AUPRC (test);"
        " isolated it has 0.100."
    )
    assert counted.startswith(
        "In this one run federating raises the AUPRC of 1 of 3 parties; it does not help"
        " a (isolated 0.320, now 0.310) and c (isolated 0.500, now 0.500)."
    )


def test_of_prices_less_is_a_help() -> None:
    own, alone = {"a": 0.31, "b": 0.2}, {"a": 0.32, "b": 0.1}
    worst, counted = fairness(_outcome("price", "rmsle", own, alone))
    assert "a, 0.310 RMSLE (test)" in worst
    assert "lowers the RMSLE of 1 of 2 parties; it does not help b (" in counted


def test_where_parties_differ_by_the_deal_their_own_kind_of_assets_tells() -> None:
    result = _result({"a": 14.0, "b": 13.0, "c": 13.5})
    own = {"labsync_mean": {"a": 20.0, "b": 13.0, "c": 13.5}, "isolated": ALONE}
    for name, errors in own.items():
        for party, error in errors.items():
            result["scenarios"][name]["parties"][party]["own"] = {"all_cycle": error}
    assert (
        "lowers the error on test assets of their own kind of 2 of 3 parties; it does not help a"
        in helped(result)
    )
    assert "a, 20.00 cycles RMSE (all-cycle, test assets of its own kind)" in worst_party(result)
    del result["scenarios"]["isolated"]["parties"]["c"]["own"]  # a run of before: all or none
    assert "all 3 parties" in helped(result)
