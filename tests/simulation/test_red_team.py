"""A red team's runs: all of one deal, undefended ones as a run trains them, broken ones as results."""

import numpy as np
import pytest

from hansa.core.charter import Protection
from hansa.core.errors import PartyError
from hansa.core.methods import METHODS
from hansa.simulation.attack_outcome import Counts
from hansa.simulation.attacks import ATTACKS
from hansa.simulation.federation import Federation, Progress
from tests.simulation.attacked import attacked, outcomes, team, world


def test_the_unattacked_undefended_run_is_the_run_of_the_charter() -> None:
    own = attacked()
    found = outcomes(team(own, ["none"], ["sign_flip"]))["none", "none"]
    federation = Federation(own, world=world())
    assert list(federation.train(lambda _: None, lambda: False)) == ["fedavg"]
    due = federation.finished["fedavg"]
    assert found.figures["all_cycle"] == pytest.approx(due.all_cycle.filtered.rmse, rel=1e-4)
    assert found.figures["last_cycle"] == pytest.approx(due.last_cycle.filtered.rmse, rel=1e-4)
    assert found.loss == {"all_cycle": 0.0, "last_cycle": 0.0}
    assert (found.bad, found.others, found.broke) == (None, None, 0)


@pytest.fixture(scope="module")
def fedavg() -> dict:
    return outcomes(team(attacked(), ["none", "median", "geometric_median"], [*ATTACKS]))


@pytest.mark.parametrize("attack", ["replacement", "ipm_searched", "gaussian"])
def test_a_rule_bears_what_breaks_the_mean(fedavg: dict, attack: str) -> None:
    plain, defended = fedavg["none", attack], fedavg["geometric_median", attack]
    assert plain.loss["all_cycle"] > 50
    assert defended.loss["all_cycle"] < plain.loss["all_cycle"] / 3


@pytest.mark.parametrize("attack", ["nan", "infinity"])
def test_what_is_no_number_ends_an_undefended_run_as_a_result_and_is_rejected_by_a_judge(
    fedavg: dict, attack: str
) -> None:
    plain, defended = fedavg["none", attack], fedavg["median", attack]
    assert (plain.broke, plain.figures, plain.loss) == (1, {}, {})
    assert "left the finite numbers" in plain.why
    assert defended.broke == 0
    assert defended.bad == Counts(1.0, 0.0)
    assert defended.others is not None
    assert defended.others.rejected == 0


def test_a_replay_is_rejected_in_all_rounds_but_the_first(fedavg: dict) -> None:
    assert fedavg["median", "replay"].bad.rejected == pytest.approx(3 / 4)


def test_a_fault_concerns_one_party_and_attacks_all_bad_ones(fedavg: dict) -> None:
    stuck, flipped = fedavg["none", "stuck_sensor"], fedavg["none", "label_flip"]
    assert len(stuck.touched) == 1
    assert len(flipped.touched) == 2
    assert set(stuck.touched) < set(flipped.touched)


def test_bad_records_change_what_is_learnt(fedavg: dict) -> None:
    base = fedavg["none", "none"].figures
    for attack in ("label_flip", "backdoor", "undervaluation", "stuck_sensor", "drifting_sensor"):
        assert fedavg["none", attack].figures != base


def test_a_backdoor_beside_what_the_pattern_does_without_it(fedavg: dict) -> None:
    one = fedavg["none", "backdoor"]
    assert 0 <= one.aim_before <= 1
    assert one.aim_before < one.aim <= 1


def test_lowered_labels_lower_predictions_for_the_class(fedavg: dict) -> None:
    assert fedavg["none", "undervaluation"].aim < 0
    assert fedavg["none", "undervaluation"].aim_before is None


def test_an_outcome_does_not_depend_on_what_is_tried_beside_it(fedavg: dict) -> None:
    alone = outcomes(team(attacked(), ["median"], ["alie_searched"]))["median", "alie_searched"]
    assert alone.value() == fedavg["median", "alie_searched"].value()


def test_rounds_and_shares_are_told_and_end_at_one() -> None:
    seen: list[Progress] = []
    own = team(attacked(), ["none", "median"], ["sign_flip"])
    list(own.outcomes(seen.append))
    assert [one.done for one in seen] == pytest.approx(np.arange(1, 17) / 16)
    assert {one.scenario for one in seen} == {"none", "median"}
    assert (seen[7].round, seen[7].rounds) == (8, 8)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("labsync_mean", "hybrid"),
        *(
            pytest.param(*one, marks=pytest.mark.slow)
            for one in (("aligned", "hybrid"), ("vertical", "vertical"), ("fedper", "horizontal"))
        ),
    ],
)
def test_other_methods_are_attacked_as_well(name: str, kind: str) -> None:
    own = team(attacked(name, kind), ["none", "geometric_median"], ["ipm_searched", "label_flip", "backdoor"])
    found = outcomes(own)
    assert METHODS[name].reading != "one model"
    for one in found.values():
        assert set(one.figures) == {"all_cycle", "last_cycle"}
    for attack in ("ipm_searched", "label_flip"):
        assert found["none", attack].figures != found["none", "none"].figures
    assert found["geometric_median", "none"].others is not None


def test_one_member_spoils_a_masked_sum_and_no_rule_is_there() -> None:
    own = team(attacked(protection=Protection("masked")), [], ["replacement", "nan"], bad=1)
    found = outcomes(own)
    assert list(found) == [("none", "none"), ("none", "replacement")]
    assert found["none", "replacement"].loss["all_cycle"] > 50
    assert own.left_out == {"nan": 'under secrecy "masked" every word is a finite number'}


@pytest.mark.slow
def test_shared_sums_can_be_attacked_under_a_lawful_rule() -> None:
    own = team(
        attacked(parties=7, network={"hidden": (100,)}, protection=Protection("shared"), rounds=2),
        ["geometric_median"],
        ["replacement", "sybils"],
        bad=1,
    )
    found = outcomes(own)
    assert set(found) == {
        ("none", "none"), *(("geometric_median", one) for one in ("none", "replacement", "sybils"))
    }  # fmt: skip
    assert not any(one.broke for one in found.values())
    assert found["geometric_median", "replacement"].bad is not None


def test_a_network_that_products_would_tell_is_summed_without_a_rule() -> None:
    own = team(attacked(parties=7, protection=Protection("shared")), ["geometric_median"], ["sybils"], bad=1)
    assert own.runs() == [("none", "none")]
    assert "products of updates tell those of fewer than 512" in own.plan.left_out["geometric_median"]


def test_a_charter_that_diverges_by_itself_is_refused_as_a_run_refuses_it() -> None:
    own = team(attacked(training={"optimizer": "sgd", "learning_rate": 1e12}), ["median"], ["alie"])
    with pytest.raises(PartyError, match="left the finite numbers"):
        list(own.outcomes(lambda _: None))


def test_what_was_tried_is_told_as_plain_values() -> None:
    own = team(attacked(), ["median"], ["sign_flip", "backdoor"])
    found = list(own.outcomes(lambda _: None))
    told = own.described(found)
    assert told["complete"] is True
    assert own.described(found[:-1])["complete"] is False
    assert told["rules"] == {"none": "No rule", "median": "Median"}
    assert list(told["attacks"]) == ["sign_flip", "backdoor"]
    assert len(told["outcomes"]) == 4
    assert told["outcomes"][0]["touched"] == list(own.plan.bad)
