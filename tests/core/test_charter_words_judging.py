"""What a charter in plain words says of bad updates: nothing that does not happen, and all that does."""

from __future__ import annotations

from typing import Any

import pytest

from hansa.core.charter import Charter, DefenceChoice, Gate, Protection, Reward, Validation
from hansa.core.charter_words import explain
from hansa.core.charter_words_judging import how_updates_are_judged
from hansa.core.defences import DEFENCES
from tests.core.test_charter_defence_rules import contract

OPEN, SHARED = Protection("open"), Protection("shared")


def said(given: Charter) -> str:
    return "\n".join(how_updates_are_judged(given))


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("open", "nothing checks or weighs them; one party can spoil the model"),
        ("shared", "servers throw out those that are too long; nothing weighs the others"),
        ("masked", "one member can spoil the sum; no vote defends either. A rule needs secrecy"),
        ("encrypted", "one member can spoil the sum; no vote defends either. A rule needs secrecy"),
    ],
)
def test_without_a_rule_it_says_that_nobody_judges(level: str, told: str) -> None:
    given = contract(protection=Protection(level))
    assert said(given).startswith("Bad updates: ")
    assert told in said(given)
    assert "Updates are weighed" not in said(given)


@pytest.mark.parametrize("level", ["masked", "encrypted"])
def test_under_sums_alone_the_vote_is_what_defends(level: str) -> None:
    given = contract(protection=Protection(level), gate=Gate(10), validation=Validation(0.2))
    assert "; what defends is the vote." in said(given)
    assert "no vote defends" not in said(given)


@pytest.mark.parametrize("rule", DEFENCES)
def test_it_names_the_rule_with_its_source_and_what_it_bears(rule: str) -> None:
    one = DEFENCES[rule]
    given = contract(11, defence=DefenceChoice(rule, bad=2, trusted="party-3" if one.trusted else ""))
    told = said(given)
    assert f"Updates are weighed by: {rule} ({one.source})" in told
    assert ("to bear 2 bad parties" in told) == (rule != "mean")
    assert ("by their rows" in told) == (rule == "mean")
    assert ("held against party-3" in told) == one.trusted
    assert "Every party can read the verdicts on its updates" in told


@pytest.mark.parametrize(
    ("before", "told"), [("nnm", "the mean of those nearest to it"), ("arc", "the longest updates")]
)
def test_it_says_what_is_done_first(before: str, told: str) -> None:
    assert told in said(contract(defence=DefenceChoice("median", before)))
    assert told not in said(contract(defence=DefenceChoice("median")))


def test_it_says_what_can_be_checked_where() -> None:
    choice = DefenceChoice("geometric_median")
    shown, hidden = (said(contract(protection=one, defence=choice)) for one in (OPEN, SHARED))
    assert "parties commit to it before any is shown" in shown
    assert "nobody sees it" in hidden
    assert "commit" not in hidden


@pytest.mark.parametrize(("quorum", "needed"), [(None, 3), (5, 5)])
def test_it_says_when_and_how_parties_vote(quorum: int | None, needed: int) -> None:
    given = contract(gate=Gate(7, quorum, 0.1), validation=Validation(0.25))
    told = said(given)
    assert "Kept out of training: 25% of each party's own assets." in told
    assert "Vote: every 7 rounds" in told
    assert "loses at most 10% more than the model adopted last" in told
    assert f"{needed} of 5 parties adopt a model; else all go back to the last one." in told


@pytest.mark.parametrize(
    ("level", "measure"), [("open", "shapley"), ("open", "gradient"), ("shared", "gradient")]
)
def test_who_is_rewarded_is_checked_and_weighed_by_rows(level: str, measure: str) -> None:
    """A reward without a rule takes the mean, with all checks: the words may not say that nobody checks."""
    given: Any = contract(protection=Protection(level), reward=Reward(measure), validation=Validation(0.2))
    assert "nothing checks" not in said(given)
    assert "nothing weighs" not in said(given)
    assert "Updates are weighed by: mean" in said(given)


@pytest.mark.parametrize(
    ("name", "level", "shown"),
    [("fedavg", "open", True), ("fedavg", "shared", False), ("vertical", "open", False)],
)
def test_members_hear_to_whom_a_reward_shows_their_parts(name: str, level: str, shown: bool) -> None:
    reward = Reward("gradient" if level == "shared" else "shapley")
    given: Any = contract(
        algorithm={"name": name}, protection=Protection(level), reward=reward, validation=Validation(0.2)
    )
    assert ("each member then gets what every other one adds" in said(given)) == shown


def test_the_whole_charter_in_words_holds_these() -> None:
    given = contract(defence=DefenceChoice("median"), gate=Gate(5), validation=Validation(0.2))
    whole = "\n".join(explain(given))
    for line in how_updates_are_judged(given):
        assert line in whole
