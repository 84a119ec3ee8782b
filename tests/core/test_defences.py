"""What is said of each robust rule: whole, and what its source says of the parties it needs."""

import pytest

from hansa.core.defences import BEFORE, DEFENCES, Defence

EVERY = pytest.mark.parametrize("defence", DEFENCES.values(), ids=DEFENCES)


@EVERY
def test_every_rule_says_what_it_is(defence: Defence) -> None:
    assert defence.title
    assert "section" in defence.source
    assert defence.needs in ("table", "updates")


@EVERY
def test_more_bad_parties_need_more_parties(defence: Defence) -> None:
    counts = [defence.least(bad) for bad in range(5)]
    assert counts == sorted(counts)
    assert counts[0] >= 1
    assert defence.title == "Mean" or all(2 * bad < count for bad, count in enumerate(counts))


def test_titles_tell_rules_apart() -> None:
    assert len({defence.title for defence in DEFENCES.values()}) == len(DEFENCES)


def test_the_papers_counts_are_kept() -> None:
    assert DEFENCES["krum"].least(2) == DEFENCES["multi_krum"].least(2) == 7
    assert DEFENCES["bulyan"].least(2) == 11
    assert DEFENCES["median"].least(2) == 5
    assert DEFENCES["mean"].least(2) == 1


def test_one_rule_publishes_a_single_update_and_two_need_trust() -> None:
    assert [name for name, defence in DEFENCES.items() if defence.one] == ["krum"]
    assert [name for name, defence in DEFENCES.items() if defence.trusted] == ["monna", "fltrust"]
    assert [name for name, defence in DEFENCES.items() if defence.remembers] == ["foolsgold"]


def test_nothing_comes_before_a_rule_by_default() -> None:
    assert BEFORE[0] == "none"
