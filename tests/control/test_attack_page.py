"""The red team's page shows the figures of attack.json, says what was found, and loads nothing."""

import re

import pytest

from hansa.control.attack_page import heat_table, render_attacks, rule_table
from hansa.control.attack_words import answers, found_of, headline, left_out, loss, loss_text
from tests.control.made_attack import LOSS, RULES, made_attack
from tests.control.made_result import NASTY
from tests.control.test_report import ALLOWED_ADDRESSES, Page


def test_every_attack_has_a_row_and_every_rule_a_column_of_the_heat_table() -> None:
    page = Page(render_attacks(made_attack()))
    head, *rows = page.tables["table-losses"]
    assert [name.strip() for name in head] == ["Attack", *RULES.values()]
    assert [row[0] for row in rows] == [
        "No attack", "A little is enoughupdates", "Not a numberbroken numbers", "Backdoorrecords",
        "Lowrecords",
    ]  # fmt: skip
    assert [cell.strip() for cell in rows[1][1:]] == ["25", "12", "> 999"]
    assert [cell.strip() for cell in rows[2][1:]] == ["broke", "1.5", "3.2"]


def test_a_worse_loss_is_never_lighter() -> None:
    shades = {
        loss(made_attack(), rule, name): cell.shade
        for name, row in zip(["none", *made_attack()["attacks"]], heat_table(made_attack()).rows, strict=True)
        for rule, cell in zip(RULES, row.cells, strict=True)
    }
    ordered = [shades[value] for value in sorted(shades)]  # type: ignore[type-var]
    assert ordered == sorted(ordered)
    assert (ordered[0], ordered[-1]) == (0, 8)


def test_verdicts_of_a_rule_stand_beside_its_losses() -> None:
    found = made_attack()
    page = Page(render_attacks(found))
    assert page.row("table-rule-median", "A little is enough") == [
        "12", "75 %", "25 %", "0 %", "50 %", "1", "1", "2", "–",
    ]  # fmt: skip
    assert page.row("table-rule-none", "Not a number")[:3] == ["broke", "–", "–"]
    assert "broke in round 4" in page.text
    assert page.row("table-rule-median", "Backdoor")[-1] == "40 % (10 % unattacked)"
    assert page.row("table-rule-none", "Low")[-1] == "−8.0 %"
    assert len(rule_table(found, "nnm+krum").rows) == 5


def test_the_answers_name_the_worst_attack_and_the_best_and_the_worst_rule() -> None:
    said = answers(made_attack())
    assert said[0] == (
        "Without a rule 2 of 2 attacks cost more than 10 %; the worst is Not a number: the run breaks."
    )
    assert said[1].startswith(
        "Best is Median: at worst, under A little is enough, 12 %; unattacked, the rule"
    )
    assert said[2].startswith("Worst is Krum after NNM: at worst, under A little is enough, > 999 %")
    assert said[3] == (
        "Backdoor lifts worn test rows to as good as new: 96 % (10 % unattacked) without a rule, "
        "40 % (10 % unattacked) at best, under Median."
    )
    assert (
        said[4] == "Low moves predictions for regime 6: −8.0 % without a rule, −0.5 % at best, under Median."
    )
    assert headline(made_attack()) == "Attacks on seven: simulated, 2 bad parties"


def test_each_attack_is_told_without_a_rule_and_under_the_best_and_the_worst() -> None:
    found = made_attack()
    assert (
        found_of(found, "alie")
        == "Without a rule: 25 %. Least under Median: 12 %; most under Krum after NNM: > 999 %."
    )
    assert found_of(found, "backdoor") == "Without a rule: 1.0 %. Under every rule: 1.0 %."
    assert "Without a rule: the run breaks." in found_of(found, "nan")


def test_where_attacks_cost_little_it_is_said() -> None:
    mild = [one for one in made_attack()["outcomes"] if one["attack"] not in ("alie", "nan")]
    mild += [one | {"attack": "alie"} for one in mild if one["attack"] == "backdoor"]
    attacks = {name: one for name, one in made_attack()["attacks"].items() if name != "nan"}
    said = answers(made_attack(outcomes=mild, attacks=attacks))
    assert said[0].startswith("Without a rule 2 bad parties cost 10 % at most, whichever attack is tried")


def test_a_partial_page_says_so_and_has_dashes() -> None:
    found = made_attack(complete=False, outcomes=made_attack()["outcomes"][:7])
    page = Page(render_attacks(found))
    assert "Partial." in page.text
    assert page.row("table-losses", "Not a number") == ["broke", "–", "–"]
    assert not any(sentence.startswith("Best") for sentence in answers(found))
    assert "Partial." not in Page(render_attacks(made_attack())).text
    assert answers(made_attack(outcomes=[])) == []


def test_what_was_left_out_stands_with_its_reason() -> None:
    assert left_out(made_attack()) == ["bulyan needs 11 parties."]
    alike = {"krum": "krum looks", "nnm+median": "median looks"}
    finite = {"nan": "every word is finite", "infinity": "every word is finite"}
    assert left_out(made_attack(rules_left_out=alike, attacks_left_out=finite)) == [
        "krum, nnm+median: each looks.", "nan, infinity: every word is finite.",
    ]  # fmt: skip
    assert "bulyan needs 11 parties" in Page(render_attacks(made_attack())).text
    assert "left out" not in Page(render_attacks(made_attack(rules_left_out={}))).text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (float("inf"), "broke"),
        (0.0, "0"),
        (-0.04, "0"),
        (-3.21, "−3.2"),
        (12.4, "12"),
        (5000.0, "> 999"),
    ],
)
def test_a_loss_is_short(value: float | None, shown: str) -> None:
    assert loss_text(value) == shown


def test_the_protocol_of_answers_follows_the_cap() -> None:
    assert loss(made_attack(label_cap=125.0), "none", "alie") == 2 * LOSS["none", "alie"]  # type: ignore[operator]


def test_the_page_loads_nothing_and_names_stay_text() -> None:
    html = render_attacks(made_attack(dataset=NASTY))
    page = Page(html)
    assert not [a for a in page.attributes if a[1] in ("src", "href", "srcset", "action", "data", "poster")]
    assert not {"link", "img", "iframe", "object", "embed", "form", "base", "a", "b"} & set(page.tags)
    assert all(one.startswith(ALLOWED_ADDRESSES) for one in re.findall(r"https?://[^\s\"'<>)]+", html))
    policy = next(value for _, name, value in page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none';")
    assert NASTY in page.text
