"""A plan names what is tried, draws who is bad, and says why a charter cannot have a rule."""

from typing import Any

import pytest

from hansa.core.charter import DefenceChoice, Protection
from hansa.core.charter_defence_rules import defence_faults
from hansa.core.defences import DEFENCES
from hansa.core.errors import CharterError
from hansa.simulation.attack_plan import plan, rule_title
from hansa.simulation.attacks import ATTACKS
from tests.simulation.attacked import attacked


def test_without_words_every_rule_that_is_lawful_and_every_attack_are_tried() -> None:
    found = plan(attacked(parties=9), bad=1)
    assert found.rules[0] == "none"
    assert set(DEFENCES) <= {*found.rules, *found.left_out}
    assert found.attacks == tuple(ATTACKS)
    for rule in found.rules:
        assert not list(defence_faults(found.under(rule)))


def test_bad_parties_are_drawn_by_the_seed_and_are_as_many_as_the_rule_bears() -> None:
    drawn = {plan(attacked(seed=seed, defence={"rule": "median", "bad": 2})).bad for seed in range(8)}
    assert all(len(set(bad)) == 2 for bad in drawn)
    assert len(drawn) > 3
    assert len(plan(attacked(), bad=3).bad) == 3
    assert plan(attacked(seed=4)).bad == plan(attacked(seed=4)).bad


def test_whom_all_trust_is_never_bad() -> None:
    for seed in range(10):
        trusting = attacked(seed=seed, defence=DefenceChoice("median", trusted="party-3"))
        found = plan(trusting, bad=2)
        assert "party-3" not in found.bad
        assert found.trusted == "party-3"
        assert plan(attacked(seed=seed), bad=2).trusted not in plan(attacked(seed=seed), bad=2).bad


def test_what_a_charter_has_beside_training_is_left_out() -> None:
    own = attacked(compare=("isolated",), defence={"rule": "median"})
    found = plan(own, ["median"], ["alie"], bad=1, rounds=2)
    assert (found.charter.compare, found.charter.defence, found.charter.rounds) == ((), DefenceChoice(), 2)
    assert found.under("median").defence == DefenceChoice("median")
    assert found.under("nnm+geometric_median").defence == DefenceChoice("geometric_median", "nnm")


def test_rules_that_too_few_parties_can_have_are_left_out_with_the_reason() -> None:
    found = plan(attacked(parties=4), ["none", "geometric_median"], bad=2)
    assert found.rules == ("none",)
    assert found.left_out == {
        "geometric_median": "geometric_median needs 5 parties to bear 2 bad ones, and there are 4"
    }


def test_under_masks_no_rule_is_left_but_none() -> None:
    found = plan(attacked(protection=Protection("masked")), bad=1)
    assert found.rules == ("none",)
    assert 'under secrecy "masked" nobody sees more than their sum' in found.left_out["median"]


def test_under_shared_sums_rules_that_see_distances_alone_are_left() -> None:
    found = plan(attacked(parties=7, protection=Protection("shared")), bad=1)
    assert "geometric_median" in found.rules
    assert "median" in found.left_out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"rules": ["krumm"]}, '--rules: rule cannot be "krumm"'),
        ({"rules": ["nnm+none"]}, '--rules: rule cannot be "nnm+none"'),
        ({"attacks": ["ally"]}, '--attacks: attack cannot be "ally"'),
        ({"bad": 4}, "--bad: 4 of 5 parties cannot be bad"),
    ],
)
def test_a_wrong_word_is_refused(words: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CharterError) as refused:
        plan(attacked(), **words)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        ("isolated", "horizontal", "under isolated parties send nothing that could be bad"),
        ("fednova", "horizontal", "nobody has attacks for fednova, whose terms hold numbers of steps"),
    ],
)
def test_an_algorithm_that_nobody_judges_is_not_attacked(name: str, kind: str, why: str) -> None:
    with pytest.raises(CharterError) as refused:
        plan(attacked(name, kind))
    assert why in str(refused.value)


def test_two_parties_are_too_few() -> None:
    with pytest.raises(CharterError, match="let more parties take part"):
        plan(attacked(parties=2))


def test_a_rule_is_named_with_what_comes_before_it() -> None:
    assert rule_title("none") == "No rule"
    assert rule_title("nnm+geometric_median") == "Geometric median after NNM"
