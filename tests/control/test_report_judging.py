"""What readers are told of verdicts and votes is what was found, and a hostile name stays a name."""

from __future__ import annotations

from typing import Any

import pytest

from hansa.cli.tables import table_lines
from hansa.control.report import render_report
from hansa.control.report_judging import judging_tables, judging_words, verdict_lines
from hansa.core.defences import DEFENCES
from tests.control.made_result import NASTY, made_result

PARTIES = ("party-1", "party-2", NASTY)


def verdict(round_: int, party: str, outcome: str = "accepted", share: float = 0.25) -> dict[str, Any]:
    return {
        "round": round_,
        "party": party,
        "outcome": outcome,
        "share": share,
        "reason": f"a reason of {party}",
        "by": "median",
        "figures": {"distance": 1.0},
    }


def judged(**changes: Any) -> dict[str, Any]:
    """Return what was found of a scenario: one party rejected twice, once for its numbers."""
    found: dict[str, Any] = {
        "parties": {
            "party-1": {"outcomes": {"accepted": 1000, "down-weighted": 2}, "share": 0.5, "rejected_by": {}},
            "party-2": {
                "outcomes": {"accepted": 1, "rejected": 3},
                "share": 0.125,
                "rejected_by": {"finite": 1, "distance": 2},
            },
            NASTY: {"outcomes": {}, "share": 0.0, "rejected_by": {}},
        },
        "kept": [4, 5],
        "checks": ["finite", "distance"],
        "verdicts": [verdict(1, "party-1"), verdict(1, "party-2", "rejected", 0.0), verdict(2, "party-1")],
        "findings": [],
    }
    return found | changes


def result(found: dict[str, Any] | None, defence: dict[str, Any] | None = None) -> dict[str, Any]:
    made = made_result(PARTIES, ("isolated", "fedavg"), algorithm="fedavg")
    if found is not None:
        made["scenarios"]["fedavg"]["judged"] = found
    return made | ({"defence": defence} if defence else {})


def test_a_run_that_nobody_judged_has_no_table_and_no_words() -> None:
    plain = result(None)
    assert judging_tables(plain) == []
    assert judging_words(plain) == []
    assert list(verdict_lines(plain, "party-1")) == []


def test_a_table_counts_each_partys_outcomes() -> None:
    (table,) = judging_tables(result(judged()))
    assert table.heads == ("accepted", "down-weighted", "rejected", "share (%)")
    cells = {row.head: [cell.text for cell in row.cells] for row in table.rows}
    assert cells == {
        "party-1": ["1,000", "2", "0", "50.0"],
        "party-2": ["1", "0", "3", "12.5"],
        NASTY: ["0", "0", "0", "0.0"],
    }
    assert "FedAvg" in table.caption
    assert "hansa verdicts OUT --party NAME" in table.caption
    assert any("1,000" in line for line in table_lines(table))


@pytest.mark.parametrize("many", [3, 45])
def test_a_result_of_machines_apart_that_tells_names_alone_has_the_tables(many: int) -> None:
    names = [f"party-{number}" for number in range(many)]
    one = {"outcomes": {"accepted": 2}, "share": 1 / many, "rejected_by": {}}
    found = judged(parties=dict.fromkeys(names, one), verdicts=[])
    told = {
        "parties": names,
        "task": "rul",
        "label_cap": 125.0,
        "algorithm": "fedavg",
        "scenarios": {"fedavg": {"judged": found}},
    }
    (table,) = judging_tables(told)
    assert {row.head for row in table.rows} <= set(names)
    assert len(table.rows) == min(many, 15)


def test_words_say_who_was_rejected_by_what_and_when_nothing_changed() -> None:
    said = "\n".join(judging_words(result(judged())))
    assert "FedAvg: party-2 was rejected 3 times: 1 by finite, 2 by distance." in said
    assert "FedAvg: too few parties were left in rounds 4 and 5: the last model stayed." in said
    assert "party-1 was rejected" not in said
    assert "too few" not in "\n".join(judging_words(result(judged(kept=[]))))


@pytest.mark.parametrize("rule", DEFENCES)
@pytest.mark.parametrize("before", ["none", "nnm", "arc"])
def test_words_name_the_rule_and_its_source(rule: str, before: str) -> None:
    words = judging_words(result(judged(), {"rule": rule, "before": before, "bad": 2}))
    assert words[0].startswith(f"Updates are weighed by {rule} ({DEFENCES[rule].source})")
    assert ("meant to bear 2 bad parties" in words[0]) == (rule != "mean")
    assert ("nearest" in words[0]) == (before == "nnm")
    assert ("clipping" in words[0].partition("(")[2].partition(")")[2]) == (before == "arc")


def test_votes_are_told_with_those_who_were_against() -> None:
    votes = [
        {"round": 2, "promoted": True, "ayes": ["party-1", "party-2"], "noes": [NASTY]},
        {"round": 4, "promoted": False, "ayes": ["party-1"], "noes": ["party-2", NASTY]},
        {"round": 6, "promoted": False, "ayes": [], "noes": []},
    ]
    said = judging_words(result({"votes": votes}))
    assert said[0] == "FedAvg: parties voted 3 times, and 1 models were adopted."
    assert f"the model of round 4 was not adopted: party-2 and {NASTY} voted against it." in said[1]
    assert "the model of round 6 was not adopted: nobody voted against it." in said[2]
    assert judging_tables(result({"votes": votes})) == []


def test_every_verdict_on_a_party_is_a_line_under_what_could_be_checked() -> None:
    lines = list(verdict_lines(result(judged()), "party-1"))
    assert lines == [
        "FedAvg: what could be checked: finite, distance.",
        "round 1: accepted, 25.0% of the sum: a reason of party-1",
        "round 2: accepted, 25.0% of the sum: a reason of party-1",
    ]
    assert list(verdict_lines(result(judged()), NASTY)) == []


def test_a_page_shows_the_tables_and_escapes_names() -> None:
    defence = {"rule": "median", "before": "none", "bad": 1}
    page = render_report(result(judged(), defence), 'name = "x"\n')
    assert "was rejected 3 times" in page
    assert "Updates are weighed by median" in page
    assert NASTY not in page
    assert "Updates are weighed by" not in render_report(result(None), 'name = "x"\n')
