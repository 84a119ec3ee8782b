"""What a rule, a vote and a reward ask of a charter: each refusal, and that its way out is lawful."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hansa.core.charter import Charter, DefenceChoice, Gate, Protection, Reward, Validation
from hansa.core.charter_defence_rules import MOST_JUDGED, allowed, defence_faults, fits
from hansa.core.charter_reader import generated_roster, parse_charter
from hansa.core.charter_rules import check_charter
from hansa.core.defences import DEFENCES
from hansa.core.errors import CharterError
from hansa.core.methods import JUDGED, METHODS, PRODUCED, TRAINABLE

OPEN, SHARED = Protection("open"), Protection("shared")
KEPT = Validation(0.2)
MEDIAN = DefenceChoice("median")


def contract(parties: int = 5, name: str = "fedavg", **changes: Any) -> Charter:
    base = parse_charter('name = "fleet"\nconsortium = "Five"\n')
    kind = {"vertical": "vertical", "fedbcd": "vertical", "mixed": "mixed"}.get(name, "horizontal")
    base = replace(
        base,
        roster=generated_roster(parties),
        algorithm=replace(base.algorithm, name=name),
        partition=replace(base.partition, kind=kind, shared_assets=0.3 if kind == "mixed" else 0.0),
        protection=OPEN,
    )
    for key, change in changes.items():
        value = replace(getattr(base, key), **change) if isinstance(change, dict) else change
        base = replace(base, **{key: value})
    return base


def refused(given: Charter) -> str:
    with pytest.raises(CharterError) as caught:
        check_charter(given)
    return str(caught.value).removesuffix(".")


def lawful(given: Charter, **way: Any) -> None:
    """See that a charter holds once its way out is taken."""
    for key, change in way.items():
        value = replace(getattr(given, key), **change) if isinstance(change, dict) else change
        given = replace(given, **{key: value})
    check_charter(given)


# --- who can be judged --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(JUDGED))
def test_every_method_that_can_be_judged_is_judged_by_a_rule(name: str) -> None:
    if name in ("fine_tuned",):
        given = contract(name=name, algorithm={"alone_rounds": 2}, defence=MEDIAN)
    elif name == "scaffold":
        given = contract(name=name, training={"optimizer": "sgd"}, defence=MEDIAN)
    else:
        given = contract(name=name, defence=MEDIAN)
    assert not list(defence_faults(given))
    check_charter(given)


@pytest.mark.parametrize("name", sorted(set(TRAINABLE) - JUDGED - {"isolated"}))
def test_a_method_that_no_rule_can_weigh_is_refused_with_its_reason(name: str) -> None:
    for table, change in (("defence", MEDIAN), ("reward", Reward("shapley"))):
        given = contract(name=name, validation=KEPT, **{table: change})
        faults = [one for one in defence_faults(given) if "cannot judge" in one.what]
        assert faults[0].table == table
        assert METHODS[name].unjudged
        assert METHODS[name].unjudged in faults[0].what
        assert f"leave {name} out, or remove [{table}]" in faults[0].do
        blank = Charter.__dataclass_fields__[table].default
        assert not list(defence_faults(replace(given, **{table: blank, "validation": Validation()})))


def test_what_is_compared_is_judged_as_well() -> None:
    told = refused(contract(compare=("isolated", "clustered"), defence=MEDIAN))
    assert "the rule median cannot judge clustered, which compares parties' changes itself" in told
    lawful(contract(compare=("isolated", "clustered"), defence=MEDIAN), compare=("isolated",))


def test_there_is_nothing_to_judge_where_nothing_is_exchanged() -> None:
    alone = contract(name="isolated", defence=MEDIAN)
    assert "the rule median has nothing to judge: parties exchange nothing; remove [defence]" in refused(
        alone
    )
    lawful(alone, defence=DefenceChoice())


def test_predictions_that_add_up_are_not_like_one_another() -> None:
    summed = contract(name="vertical", algorithm={"loss": "sum"}, defence=MEDIAN)
    assert 'loss sum, so that none is like another; write loss = "mse" in [algorithm]' in refused(summed)
    lawful(summed, algorithm={"loss": "mse"})
    check_charter(contract(name="vertical", algorithm={"loss": "sum"}))


def test_those_whose_terms_are_multiplied_are_judged_too() -> None:
    assert PRODUCED - {"hyfdca", "own", "own_personal"} <= JUDGED
    assert not PRODUCED & {"aligned", "labsync_mean", "vertical", "clustered", "fednova"}


# --- how many ---------------------------------------------------------------------------------------


def test_a_table_is_for_200_parties_at_most() -> None:
    many = contract(MOST_JUDGED + 1, defence=MEDIAN, data={"engines": 500})
    assert "tables of distances are for 200 parties at most, and there are 201" in refused(many)
    lawful(many, defence=DefenceChoice())
    lawful(many, roster=generated_roster(MOST_JUDGED))


@pytest.mark.parametrize("rule", [name for name in DEFENCES if name != "mean"])
def test_each_rule_says_how_many_parties_it_needs_and_what_else_would_do(rule: str) -> None:
    least = DEFENCES[rule].least(2)
    trusted = "party-1" if DEFENCES[rule].trusted else ""
    few = contract(least - 1, defence=DefenceChoice(rule, bad=2, trusted=trusted))
    told = refused(few)
    assert f"{rule} needs {least} parties to bear 2 bad ones, and there are {least - 1}" in told
    assert "write bad = 1" in told
    lawful(few, defence={"bad": 1})
    check_charter(contract(least, defence=DefenceChoice(rule, bad=2, trusted=trusted)))
    others = told.partition("write one of these as rule: ")[2]
    for other in others.split(", ") if others else ():
        lawful(few, defence={"rule": other, "trusted": ""})


def test_two_parties_bear_nobody() -> None:
    pair = contract(2, defence=MEDIAN)
    assert refused(pair).endswith("write bad = 0")
    lawful(pair, defence={"bad": 0})


def test_the_mean_bears_nobody_and_takes_any_number_of_parties() -> None:
    check_charter(contract(2, defence=DefenceChoice("mean")))
    assert fits(contract(1), "mean", 9)


# --- secrecy ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["masked", "encrypted"])
@pytest.mark.parametrize("rule", DEFENCES)
@pytest.mark.parametrize("name", ["fedavg", "aligned", "labsync_mean"])
def test_under_sums_alone_there_is_no_rule_and_each_way_out_is_lawful(
    level: str, rule: str, name: str
) -> None:
    kind = {"partition": {"kind": "hybrid"}} if name != "fedavg" else {}
    trusted = "party-1" if DEFENCES[rule].trusted else ""
    choice = DefenceChoice(rule, trusted=trusted)
    blind = contract(7, name, protection=Protection(level), defence=choice, **kind)
    told = refused(blind)
    assert f'{rule} compares updates, and under secrecy "{level}" nobody sees more than their sum' in told
    assert 'write secrecy = "open"' in told
    lawful(blind, protection=OPEN)
    if 'write secrecy = "shared"' in told:
        lawful(blind, protection=SHARED)
    sees = not (DEFENCES[rule].one or DEFENCES[rule].remembers or DEFENCES[rule].needs == "updates")
    assert ('write secrecy = "shared"' in told) == (sees and name == "fedavg")


@pytest.mark.parametrize("rule", DEFENCES)
@pytest.mark.parametrize("parties", [4, 7])
def test_servers_take_the_rules_that_look_at_distances_alone(rule: str, parties: int) -> None:
    trusted = "party-1" if DEFENCES[rule].trusted else ""
    given = contract(parties, protection=SHARED, defence=DefenceChoice(rule, trusted=trusted))
    if allowed(given, DEFENCES[rule]):
        if fits(given, rule, 1):
            check_charter(given)
        return
    told = refused(given)
    assert any(
        why in told
        for why in (
            "picks one party, whose update would be published",
            "looks at the updates themselves",
            "looks at the updates of several rounds together",
        )
    )
    names = told.partition("write one of these as rule: ")[2].partition(";")[0].split(", ")
    assert "geometric_median" in names
    for name in names:
        lawful(given, defence={"rule": name})
    if fits(given, rule, 1):
        lawful(given, protection=OPEN)


@pytest.mark.parametrize("name", sorted(JUDGED - PRODUCED))
def test_servers_multiply_changes_of_weights_alone(name: str) -> None:
    for table, change in (
        ("defence", DefenceChoice("geometric_median")),
        ("reward", Reward("gradient")),
    ):
        kept = {"validation": KEPT} if table == "reward" else {}
        given = contract(7, name, protection=SHARED, **kept, **{table: change})
        assert f'under secrecy "shared" nobody learns angles between the terms of {name}' in refused(given)
        lawful(given, protection=OPEN)
        blank = Charter.__dataclass_fields__[table].default
        lawful(given, **{table: blank, "validation": Validation()})


def test_a_sum_without_the_bad_ones_is_still_over_a_cohort() -> None:
    given = contract(5, protection=Protection("shared", cohort=5), defence=DefenceChoice("geometric_median"))
    told = refused(given)
    assert "without 1 bad parties 4 are left, and a sum is over 5; write bad = 0" in told
    lawful(given, defence={"bad": 0})


@pytest.mark.parametrize("key", [{"norm": 5.0}, {"most_rows": 500}])
def test_who_judges_in_the_open_may_bound_length_and_rows(key: dict[str, Any]) -> None:
    name = next(iter(key))
    check_charter(contract(protection=Protection("open", **key), defence=MEDIAN))
    check_charter(contract(protection=Protection("open", **key), reward=Reward("shapley"), validation=KEPT))
    assert f'{name} means nothing when secrecy is "open"' in refused(
        contract(protection=Protection("open", **key))
    )


# --- keys that mean nothing -----------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "value"), [("before", "nnm"), ("bad", 2), ("trusted", "party-1")])
def test_keys_of_no_rule_mean_nothing(key: str, value: Any) -> None:
    given = contract(defence=replace(DefenceChoice(), **{key: value}))
    assert f"{key} means nothing without a rule; remove {key}, or write a rule" in refused(given)
    lawful(given, defence={key: getattr(DefenceChoice(), key)})


@pytest.mark.parametrize("rule", ["monna", "fltrust"])
@pytest.mark.parametrize(
    ("named", "told"), [("", "none is named"), ("acme", '"acme" is none of the parties')]
)
def test_a_trusted_party_is_one_of_the_roster(rule: str, named: str, told: str) -> None:
    given = contract(defence=DefenceChoice(rule, trusted=named))
    assert told in refused(given)
    assert "write trusted, the name of a party: party-1, party-2" in refused(given)
    lawful(given, defence={"trusted": "party-2"})


def test_trust_means_nothing_to_other_rules() -> None:
    given = contract(defence=DefenceChoice("median", trusted="party-1"))
    assert "trusted means nothing to median; remove trusted" in refused(given)
    lawful(given, defence={"trusted": ""})


@pytest.mark.parametrize("rule", ["mean", "foolsgold"])
@pytest.mark.parametrize("before", ["nnm", "arc"])
def test_nothing_comes_before_what_takes_updates_as_they_are(rule: str, before: str) -> None:
    given = contract(defence=DefenceChoice(rule, before))
    assert f"{rule} takes updates as they are, and before is {before}" in refused(given)
    lawful(given, defence={"before": "none"})
    lawful(given, defence={"rule": "geometric_median"})


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (DefenceChoice("medain"), 'rule cannot be "medain"'),
        (DefenceChoice("median", before="nn"), 'before cannot be "nn"'),
        (DefenceChoice("median", bad=-1), "bad is -1; write a number of at least 0"),
    ],
)
def test_each_key_has_its_bounds(choice: DefenceChoice, told: str) -> None:
    assert told in refused(contract(defence=choice))


# --- validation, gate, reward ---------------------------------------------------------------------------


def test_a_share_that_nothing_uses_is_refused() -> None:
    given = contract(validation=KEPT)
    assert "share keeps assets out of training that nothing uses; remove it, or write every = 10" in refused(
        given
    )
    lawful(given, validation=Validation())
    lawful(given, gate=Gate(10))


@pytest.mark.parametrize(
    ("table", "change"), [("gate", Gate(5)), ("reward", Reward("shapley")), ("reward", Reward("gradient"))]
)
def test_a_vote_and_a_reward_need_assets_that_nobody_trains_on(table: str, change: Any) -> None:
    given = contract(**{table: change})
    assert f"[{table}] needs assets that nobody trains on, and parties keep none back" in refused(given)
    assert refused(given).endswith("write share = 0.2")
    lawful(given, validation=KEPT)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_is_a_share(share: float) -> None:
    assert "from 0 to below 1" in refused(contract(validation=Validation(share), gate=Gate(5)))


@pytest.mark.parametrize(("key", "value"), [("quorum", 2), ("tolerance", 0.5)])
def test_keys_of_no_vote_mean_nothing(key: str, value: Any) -> None:
    given = contract(gate=replace(Gate(), **{key: value}))
    assert f"{key} means nothing where nobody votes; remove {key}, or write every" in refused(given)
    lawful(given, gate=Gate())
    lawful(given, gate={"every": 5}, validation=KEPT)


def test_there_is_no_model_to_vote_on_where_nothing_is_exchanged() -> None:
    given = contract(name="isolated", gate=Gate(5), validation=KEPT)
    assert "there is no model to vote on: parties exchange nothing; remove [gate]" in refused(given)
    lawful(given, gate=Gate(), validation=Validation())


def test_trees_cannot_go_back() -> None:
    given = contract(name="trees", gate=Gate(5), validation=KEPT)
    assert "the gate goes back to an earlier model, which trees cannot" in refused(given)
    lawful(given, gate=Gate(), validation=Validation())
    compared = contract(compare=("trees",), gate=Gate(5), validation=KEPT)
    assert "leave trees out, or remove [gate]" in refused(compared)
    lawful(compared, compare=())


def test_no_more_votes_than_parties() -> None:
    given = contract(gate=Gate(5, quorum=6), validation=KEPT)
    assert "quorum is 6 and there are 5 parties; write 5 or fewer" in refused(given)
    lawful(given, gate={"quorum": 5})
    assert "quorum is 0" in refused(contract(gate=Gate(5, quorum=0), validation=KEPT))


@pytest.mark.parametrize("level", ["masked", "shared", "encrypted", "open"])
def test_parties_may_vote_under_every_secrecy(level: str) -> None:
    check_charter(contract(protection=Protection(level), gate=Gate(5), validation=KEPT))


@pytest.mark.parametrize(("key", "value"), [("every", 2), ("credits", 5), ("pays", "mean")])
def test_keys_of_no_reward_mean_nothing(key: str, value: Any) -> None:
    given = contract(reward=replace(Reward(), **{key: value}))
    assert f"{key} means nothing without a measure; remove {key}" in refused(given)
    lawful(given, reward=Reward())


@pytest.mark.parametrize("level", ["masked", "encrypted"])
@pytest.mark.parametrize("name", ["fedavg", "aligned"])
def test_nobody_is_paid_by_sums_and_each_way_out_is_lawful(level: str, name: str) -> None:
    kind = {"partition": {"kind": "hybrid"}} if name == "aligned" else {}
    blind = contract(
        name=name, protection=Protection(level), reward=Reward("shapley"), validation=KEPT, **kind
    )
    told = refused(blind)
    assert f'under secrecy "{level}" nothing is known of a single party, and nothing to pay by' in told
    lawful(blind, protection=OPEN)
    assert ('write secrecy = "shared"' in told) == (name == "fedavg")
    if name == "fedavg":
        assert 'with measure = "gradient"' in told
        lawful(blind, protection=SHARED, reward={"measure": "gradient"})


def test_servers_open_no_model_without_a_party() -> None:
    given = contract(protection=SHARED, reward=Reward("shapley"), validation=KEPT)
    assert "shapley needs models without a party" in refused(given)
    lawful(given, reward={"measure": "gradient"})
    lawful(given, protection=OPEN)


def test_a_reward_has_nothing_to_judge_where_nothing_is_exchanged() -> None:
    given = contract(name="isolated", reward=Reward("shapley"), validation=KEPT)
    assert "the reward has nothing to judge: parties exchange nothing; remove [reward]" in refused(given)
    lawful(given, reward=Reward(), validation=Validation())


def test_a_rule_may_stand_alone_and_beside_everything_else() -> None:
    check_charter(contract(defence=MEDIAN))
    rule = DefenceChoice("geometric_median")
    check_charter(contract(defence=rule, gate=Gate(5, 3, 0.1), reward=Reward("shapley", 2), validation=KEPT))


def test_of_a_rule_that_works_number_by_number_nobody_has_a_part() -> None:
    given = contract(defence=MEDIAN, reward=Reward("shapley"), validation=KEPT)
    assert "median works number by number, so that no party has a part of the step" in refused(given)
    lawful(given, defence=DefenceChoice("geometric_median"))
