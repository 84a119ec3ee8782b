"""The rows about attacks: a run that breaks misses its goal, and without data nothing is said to hold."""

from dataclasses import replace

import pytest

from benchmarks import judge_attacks
from hansa.core.defences import BEFORE, DEFENCES
from hansa.simulation.attack_outcome import Counts, Outcome


def outcome(rule: str, attack: str, loss: float, why: str = "") -> Outcome:
    told = {} if why else {"all_cycle": 0.0, "last_cycle": loss}
    counts = Counts(0.5, 0.25)
    return Outcome(rule, attack, ("a",), told, told, int(bool(why)), why, counts, counts, (), 0)


def found(loss: float, why: str = "") -> dict[tuple[str, str], Outcome]:
    return {
        (rule, attack): outcome(
            rule, attack, 0.0 if attack == "none" else loss, why if attack == "nan" else ""
        )
        for rule in ("none", judge_attacks._written())
        for attack in ("none", *judge_attacks.UNTARGETED)
    }


def test_the_rule_is_one_that_a_charter_can_have() -> None:
    assert judge_attacks.RULE in DEFENCES
    assert judge_attacks.BEFORE in BEFORE


EVERY = len(judge_attacks.UNTARGETED) + 1  # and the worst of them


@pytest.mark.parametrize(("loss", "why", "missed"), [(9.9, "", 0), (10.1, "", EVERY), (9.9, "it left", 2)])
def test_every_attack_has_its_goal_and_a_run_that_breaks_misses_it(
    loss: float, why: str, missed: int
) -> None:
    rows = list(judge_attacks._losses("here", [found(loss, why)] * 3))
    limited = [row for row in rows if row.goal == "<= 10"]
    assert len(limited) == EVERY
    assert sum(not row.holds for row in limited) == missed
    assert limited[-1].value == max(row.value for row in limited)


def test_a_backdoor_is_measured_beyond_what_its_pattern_does_by_itself() -> None:
    opened = replace(outcome("none", "backdoor", 1.0), aim=0.96, aim_before=0.47)
    assert judge_attacks._opened(opened) == pytest.approx(49)


def test_the_share_of_honest_updates_is_over_all_parties() -> None:
    assert judge_attacks._mean(Counts(1.0, 0.0), Counts(0.0, 0.0), 3, 7) == pytest.approx(3 / 7)


def test_without_data_nothing_is_said_to_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANSA_DATA", raising=False)
    (row,) = judge_attacks.rows()
    assert not row.holds
    assert "not measured" in row.measure
