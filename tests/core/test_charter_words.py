"""A charter in plain words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hansa.core.charter import Charter, Column, Evaluation, Label, Network, Party, Preparation, Protection
from hansa.core.charter_digest import charter_digest, roster_digest
from hansa.core.charter_reader import generated_roster, parse_charter
from hansa.core.charter_templates import template
from hansa.core.charter_words import explain


def charter(algorithm: str = "labsync_mean", kind: str = "hybrid") -> Charter:
    text = template("cmapss").replace('name = "aligned"', f'name = "{algorithm}"')
    text = text.replace('lacking = "regression"', "").replace('"masked"', '"open"')
    text = text.replace('kind = "hybrid"', f'kind = "{kind}"')
    text = "\n".join(line for line in text.splitlines() if not line.startswith("compare"))
    if kind == "horizontal":
        text = text.replace("sensors_per_party = 13", "")
    read = parse_charter(text.replace("# shared_assets", "shared_assets" if kind == "mixed" else "#"))
    return replace(  # what a charter has that says nothing of its network
        read,
        preparation=Preparation(),
        network=Network(),
        training=replace(read.training, learning_rate=0.01),
        evaluation=Evaluation(),
    )


def words(read: Charter) -> str:
    return "\n".join(explain(read))


def leaves(read: Charter) -> str:
    return next(line for line in explain(read) if line.startswith("What leaves in every round"))


def test_it_says_who_learns_what() -> None:
    said = words(charter())
    assert "4 parties of Example consortium (party-1, party-2, party-3, party-4)" in said
    assert "remaining useful life of an asset in cycles, counted up to 120" in said
    assert "C-MAPSS turbofan engines, subset FD004" in said
    assert "13 of 16 sensors each" in said


def test_it_says_how_it_is_learned() -> None:
    said = explain(charter())
    assert {
        "Inputs: the readings, scaled by the parties' common mean and deviation in each operating regime.",
        "Network: hidden layer of 10 units; activation sigmoid; one output unit (linear).",
        "Training: adam, learning rate 0.01, 128 rows a step, 1 local epoch a round.",
        "Loss where predictions are shared: mse (eq. 8: own and partners' predictions against the label), "
        "alpha 1 / parties at hand, damping 0 (the default up to 8 parties).",
    } <= set(said)
    assert any("after a Kalman filter" in line for line in said)


@pytest.mark.parametrize(
    ("table", "changes", "words"),
    [
        (
            "network",
            {"hidden": (20, 5), "output": "relu"},
            "hidden layers of 20, 5 units; activation sigmoid",
        ),
        ("network", {"hidden": ()}, "Network: no hidden layer;"),
        ("network", {"output": "relu"}, "one output unit (relu)"),
        (
            "training",
            {"optimizer": "sgd", "local_epochs": 3},
            "sgd, learning rate 0.01, 128 rows a step, 3 local",
        ),
        ("algorithm", {"loss": "sum"}, "sum (eq. 7: the parties' outputs add up to the label), damping 0"),
        ("algorithm", {"loss": "cross_entropy", "alpha": 0.3}, "as a probability), alpha 0.3, damping"),
        (
            "algorithm",
            {"gradient": "matlab", "damping": 0.2},
            "damping 0.2, gradient as in the authors' matlab",
        ),
        ("algorithm", {"name": "isolated"}, "Loss: half the squared error of the network's own predictions."),
        ("algorithm", {"name": "isolated"}, "scaled by a party's own mean and deviation"),
        (
            "preparation",
            {"features": "ewma", "spans": (5.0, 15.5)},
            "each sensor's running means over 5, 15.5 rows",
        ),
        ("preparation", {"features": "window", "window": 10}, "each sensor's last 10 rows, scaled"),
        ("preparation", {"scaling": "range"}, "the readings, scaled by the charter's ranges"),
        ("preparation", {"age": 100.0}, "operating regime; and the asset's age, in units of 100 cycles."),
        (
            "network",
            {"kind": "convolution", "channels": (16, 8)},
            "Network: convolution of 16, 8 channels (5 taps, stride 2), then hidden layer of 10 units;",
        ),
        ("network", {"ensemble": 5}, "one output unit (linear); the mean of 5 such networks."),
        ("training", {"optimizer": "sgd", "momentum": 0.9}, "sgd with momentum 0.9, learning rate 0.01"),
        ("training", {"horizon": 2.0}, "A row at failure counts 3 times as much as one at the cap"),
        ("evaluation", {"filter": "none"}, "raw and unfiltered"),
    ],
)
def test_every_choice_of_learning_is_told(table: str, changes: dict[str, Any], words: str) -> None:
    read = charter()
    changed = replace(read, **{table: replace(getattr(read, table), **changes)})
    assert words in "\n".join(explain(changed))


def test_who_waits_for_nobody_says_how_late_a_party_may_be() -> None:
    read = charter("vafl", "vertical")
    said = words(replace(read, algorithm=replace(read.algorithm, staleness=3, cohort=2)))
    assert "a round goes on with 2 parties or more, and a party may miss 3 rounds in a row" in said
    assert "where the party arrives, the change of one prediction for each shared row" in leaves(read)
    assert "Nobody is waited for" not in words(charter("vertical", "vertical"))


def test_a_method_with_a_loss_of_its_own_says_it_and_not_the_charters() -> None:
    said = words(charter("fdml", "vertical"))
    assert "Loss where predictions are shared: sum (eq. 7" in said
    assert "damping 0.75 (the default where outputs add up)." in said
    compared = words(replace(charter(), compare=("fdml",)))
    assert "Loss where predictions are shared: mse (eq. 8" in compared
    assert "; of fdml, sum (eq. 7" in compared


def test_fedbcd_says_how_often_it_runs_its_local_epochs() -> None:
    assert "Each party runs 5 times its local epochs between two exchanges." in words(
        charter("fedbcd", "vertical")
    )


def test_damping_is_told_as_it_will_be_applied() -> None:
    many = replace(charter(), roster=generated_roster(9))
    assert "damping 0.5 (the default above 8 parties)" in words(many)
    assert "damping 0 (the default up to 8 parties)" in words(replace(many, roster=generated_roster(8)))


def test_a_party_with_a_network_of_its_own_is_named() -> None:
    read = replace(charter(), roster=(Party("north", hidden=(20,)), Party("south")))
    assert "hidden layer of 10 units; hidden layer of 20 units at north;" in words(read)


def test_nothing_leaves_before_round_1_where_each_party_trains_alone() -> None:
    assert "before round 1: nothing" in words(charter("isolated"))


@pytest.mark.parametrize(
    ("missing", "said"), [("refuse", "refused"), ("hold", "held at the asset's last value")]
)
def test_what_happens_to_missing_cells_of_own_tables_is_told(missing: str, said: str) -> None:
    read = charter()
    columns = (Column("hour", "time", "h"), Column("left", "target"), Column("heat", "sensor"))
    own = replace(read, data=replace(read.data, source="table", columns=columns, missing=missing))
    assert f"Missing cells: {said}" in words(own)
    assert "Missing cells" not in words(read)


def test_it_ends_with_both_digests() -> None:
    read = charter()
    assert explain(read)[-2:] == [
        f"Charter digest: {charter_digest(read)}",
        f"Roster digest: {roster_digest(read)}",
    ]


@pytest.mark.parametrize(
    ("algorithm", "kind", "term"),
    [
        ("labsync_mean", "hybrid", "each label from 0 to 120 in steps of 1 (121 of them), the mean of"),
        ("labsync", "hybrid", "the prediction for every row; the coordinator sees each one, with its label"),
        ("fedavg", "horizontal", "the change of the network's weights times the party's row count"),
        ("vertical", "vertical", "one prediction for each shared row"),
        ("mixed", "mixed", "one prediction for each shared row, known by its row number; and for the rows"),
        ("isolated", "hybrid", "nothing; each party trains alone"),
    ],
)
def test_it_says_what_leaves_the_firewall_in_every_round(algorithm: str, kind: str, term: str) -> None:
    assert term in leaves(charter(algorithm, kind))


def test_the_number_of_labels_follows_cap_and_bin() -> None:
    read = charter()
    coarse = replace(read, data=replace(read.data, label_cap=0.3, label_bin=0.1))
    assert "each label from 0 to 0.3 in steps of 0.1 (4 of them)" in leaves(coarse)


def test_only_labsync_sends_labels() -> None:
    clear = "the label of every row, in the clear"
    assert clear in words(charter("labsync"))
    assert "can be solved for single predictions" in words(charter("labsync"))
    assert clear not in words(charter("labsync_mean"))


def test_labels_stay_unless_labsync_and_weights_stay_unless_fedavg() -> None:
    def kept(algorithm: str, kind: str = "hybrid") -> str:
        return next(line for line in explain(charter(algorithm, kind)) if "each party keeps" in line)

    assert "label" not in kept("labsync")
    assert "weights" not in kept("fedavg", "horizontal")
    assert "every record, the label of every row and the weights of its network" in kept("labsync_mean")


def test_what_compared_methods_send_is_not_said_to_be_kept() -> None:
    def kept(*compare: str, algorithm: str = "fedavg") -> str:
        read = replace(charter(algorithm, "horizontal"), compare=compare)
        return next(line for line in explain(read) if line.startswith("What each party keeps"))

    assert kept("isolated", "centralised") == kept("fedprox") == kept()
    assert kept().endswith("every record, the label of every row and every prediction.")
    assert kept("labsync_mean").endswith("every record and the label of every row.")
    assert kept("labsync", "clustered", "labsync_mean").endswith("keeps: every record.")
    assert kept("trees", algorithm="isolated").endswith(
        "the label of every row and the weights of its network."
    )
    assert kept(algorithm="fedper").endswith("every prediction and the last layer of its network.")
    assert kept("fedavg", algorithm="fedper").endswith("and under fedper the last layer of its network.")


def test_what_compared_methods_send_is_told_by_method() -> None:
    read = replace(
        charter("fedavg", "horizontal"), compare=("labsync", "clustered", "labsync_mean", "fedprox")
    )
    said = explain(read)
    each = [line.split("): ")[0] for line in said if line.startswith("What leaves in every round (")]
    begun = "What leaves in every round ("
    assert each == [begun + names for names in ("fedavg, fedprox", "labsync", "clustered", "labsync_mean")]
    assert "What leaves once, at the start (labsync): the label of every row, in the clear." in said
    everything = "\n".join(said)
    assert "labsync shows the coordinator how often and when assets fail" in everything
    assert "clustered shows the coordinator each party's change by itself" in everything
    assert "Which labels a party has tells the coordinator" in everything


def test_what_leaves_where_the_trained_method_sends_nothing_is_what_the_compared_send() -> None:
    read = replace(charter("isolated"), compare=("aligned", "isolated_mean", "centralised"))
    said = words(read)
    assert "before round 1: statistics" in said
    assert "What leaves in every round (isolated): nothing; each party trains alone." in said
    assert "What leaves in every round (aligned): the change of the network's weights and which" in said
    assert "every round (isolated_mean" not in said
    assert "The change of a network's weights can betray rows" in said
    assert "The change of a network's weights can betray rows" not in words(charter("isolated"))


def test_statistics_are_sums_for_each_regime_and_sensor() -> None:
    said = words(charter())
    assert "for each regime and sensor, the count of its readings, their sum and the sum of their" in said


def test_scaling_by_range_sends_no_statistics() -> None:
    read = charter()
    ranged = replace(read, preparation=replace(read.preparation, scaling="range"))
    assert "before round 1: nothing" in words(ranged)


@pytest.mark.parametrize("algorithm", ["labsync_mean", "labsync", "isolated"])
def test_it_says_what_is_not_protected(algorithm: str) -> None:
    said = words(charter(algorithm))
    assert "Not protected: the sums, and the terms that each party adds to them" in said
    assert "visible to the coordinator" in said


def masked(parties: int, algorithm: str = "labsync_mean", **protection: Any) -> str:
    read = replace(charter(algorithm), roster=generated_roster(parties))
    return words(replace(read, protection=Protection(**protection)))


def test_a_masked_charter_says_who_learns_what_and_who_may_drop_out() -> None:
    said = masked(8)
    assert "Secrecy: masked: what a party sends is under masks that cancel in the sum over all" in said
    assert "learns sums of at least 3 parties" in said
    assert "up to 2 of 8 parties may drop out: it takes 6 to open a sum" in said
    assert "Not protected: what a sum itself tells" in said
    assert "visible to the coordinator" not in said
    assert "Which labels a party has" not in said
    assert "can still betray rows, though not whose they are" in masked(8, "aligned")
    assert "nobody may drop out: it takes 3" in masked(3)
    assert "sums of at least 5 parties" in masked(8, cohort=5)


def test_what_few_parties_have_is_said_not_to_be_summed() -> None:
    assert "What fewer than 4 parties have is not summed" in masked(8, "aligned", cohort=4)
    assert "is not summed" not in masked(8, "isolated")


def test_each_level_says_who_could_read_what() -> None:
    assert "how long each update is and the angles between them" in masked(8, secrecy="shared")
    assert "it alone, if it broke the rules, could read everything" in masked(8, secrecy="encrypted")


def test_two_parties_are_warned_that_they_see_each_other() -> None:
    two = replace(charter(), roster=generated_roster(2))
    assert "With two parties" in words(two)
    assert "With two parties" not in words(charter())


def test_a_party_alone_is_told_that_a_sum_hides_nothing() -> None:
    one = replace(charter(), roster=generated_roster(1))
    assert "With one party, every sum is that party's own term." in explain(one)
    assert "With one party" not in words(charter())


def test_every_baseline_is_named() -> None:
    read = parse_charter(template("cmapss"))
    line = next(line for line in explain(read) if line.startswith("Compared with"))
    assert all(f"{name} (" in line for name in read.compare)
    assert "Compared with: nothing" in words(charter())


def test_a_long_roster_is_cut() -> None:
    many = replace(charter(), roster=generated_roster(31))
    assert "party-8 and 23 more)" in words(many)
    assert "1 party of" in words(replace(charter(), roster=(Party("alone"),)))


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (Label(), "Label: the column left says what remains."),
        (Label("failed_at", "end"), "Label: the column end says when an asset failed."),
        (Label("threshold", "heat", below=0.7), "at the first row with heat below 0.7."),
        (Label("threshold", "heat", above=90.0), "at the first row with heat above 90."),
    ],
)
def test_a_tables_label_is_told_in_the_unit_of_its_time(label: Label, said: str) -> None:
    read = charter()
    columns = (Column("hour", "time", "h"), Column("left", "target"), Column("heat", "sensor"))
    own = replace(read, data=replace(read.data, source="table", columns=columns, label=label))
    assert said in words(own)
    assert "remaining useful life of an asset in h," in words(own)


def grown(kind: str, table: str = "") -> Charter:
    text = (
        template("cmapss").replace('name = "aligned"', 'name = "trees"').replace('lacking = "regression"', "")
    )
    text = text.replace('kind = "hybrid"', f'kind = "{kind}"')
    lines = [line for line in text.splitlines() if not line.startswith(("compare", "sensors_per_party"))]
    return parse_charter("\n".join([*lines, table]).replace('"masked"', '"open"'))


def test_trees_say_what_they_show() -> None:
    said = words(grown("horizontal", "[trees]\ndepth = 4\nrate = 0.2"))
    assert "Trees: 100 trees of depth 4, one a round, each added 0.2 times" in said
    assert "Network:" not in said
    assert "Loss: half the squared error of the trees' predictions." in said
    assert "What each party keeps: every record and the label of every row." in said
    assert "in clear, for each node of a tree the sums of gradients" in leaves(grown("horizontal"))
    assert "Secrecy: open: the members accept" in said
    assert "Trees are grown over XGBoost's own tracker" in said


def test_where_columns_are_apart_the_first_partys_labels_are_said_to_be_shown() -> None:
    read = grown("vertical")
    assert "every record and the label of every row, the first party's apart." in words(read)
    assert "from the first party to all others the gradient of every row, which tells its label" in leaves(
        read
    )


OUTCOME = """
name = "parts"
consortium = "Mills"
task = "{task}"
parties = 3
protection = {{{{ secrecy = "open" }}}}
[data]
source = "table"
file = "parts.csv"
[columns.part]
role = "asset"
[columns.heat]
role = "sensor"
[columns.load]
role = "sensor"
[columns.outcome]
role = "target"
{more}
"""
FAILURE = OUTCOME.format(
    task="failure", more='[label]\nfailed = "fail"\n[training]\nfailure_weight = 14\n[algorithm]\n{}'
)
PRICE = OUTCOME.format(task="price", more='unit = "EUR"\nrange = [1000, 200000]\n[algorithm]\n{}')


def test_a_charter_of_failures_says_what_failed_means_and_who_chooses_the_threshold() -> None:
    said = explain(parse_charter(FAILURE.format('name = "labsync_mean"')))
    assert "What is learned: the chance that an asset fails, from the parties' own tables." in said
    assert 'Label: an asset has failed where the column outcome says "fail".' in said
    assert "A failed row counts 14 times as much as a good one." in said
    judged = next(line for line in said if line.startswith("How it is judged"))
    assert "50% of the test's assets, of each class, choose the threshold" in judged
    assert "judged by AUPRC, which needs no threshold, and by MCC, macro-F" in judged
    assert any(
        "for each label, failed and good, the mean of the party's predictions" in line for line in said
    )
    assert "Which labels a party has tells the coordinator whether assets of it failed." in said
    averaged = explain(parse_charter(FAILURE.format('name = "aligned"')))
    assert "Loss: cross-entropy of the network's own predictions." in averaged


def test_a_charter_of_prices_says_their_range_and_how_they_are_judged() -> None:
    said = explain(parse_charter(PRICE.format('name = "labsync_mean"')))
    assert (
        "What is learned: the price of an asset in EUR, from 1,000 to 200,000, by its logarithm, from the "
        "parties' own tables." in said
    )
    assert "Label: the column outcome says the price." in said
    assert "How it is judged: on all test assets, by RMSLE, MAE, median miss, share of the price." in said
    assert any("a price in one of 64 steps of equal ratio, the mean" in line for line in said)
    assert not any("Kalman" in line or "remaining" in line for line in said)


@pytest.mark.parametrize(
    ("partition", "told"),
    [
        ({"deal": "fault_mode"}, "dealt by fault mode"),
        ({"deal": "fleet_size"}, "the first having eight times as many assets as the last"),
        ({"deal": "column", "by": "state"}, 'one value of column "state"'),
    ],
)
def test_it_says_which_assets_go_to_whom(partition: dict[str, str], told: str) -> None:
    read = charter()
    assert told in words(replace(read, partition=replace(read.partition, **partition)))
    assert told not in words(read)
