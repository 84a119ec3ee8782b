"""What only some tasks have, and what each task needs, is said when the charter is read."""

from __future__ import annotations

import pytest

from hansa.core.charter import Charter
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_writer import render_charter
from hansa.core.errors import CharterError

TABLE = """
name = "parts"
consortium = "Mills"
task = "{task}"
[data]
source = "table"
file = "parts.csv"
{data}
[columns.part]
role = "asset"
[columns.heat]
role = "sensor"
[columns.outcome]
role = "target"
{target}
{more}
"""


def read(task: str, data: str = "", target: str = "", more: str = "") -> Charter:
    return parse_charter(TABLE.format(task=task, data=data, target=target, more=more))


RANGE = "range = [10, 900]"


def test_a_task_brings_what_it_alone_allows() -> None:
    failure, price = read("failure"), read("price", target=RANGE)
    assert (failure.network.output, failure.algorithm.loss, failure.evaluation.filter) == (
        "sigmoid",
        "cross_entropy",
        "none",
    )
    assert (price.network.output, price.algorithm.loss, price.evaluation.filter) == ("linear", "mse", "none")


def test_an_algorithm_that_shares_no_predictions_learns_failures_too() -> None:
    more = '[partition]\nkind = "horizontal"\n[algorithm]\nname = "fedavg"'
    assert read("failure", more=more).algorithm.loss == "cross_entropy"


@pytest.mark.parametrize(
    "charter", [read("failure", "missing = 'hold'"), read("price", target=RANGE)], ids=str
)
def test_a_charter_of_any_task_reads_back_equal(charter: Charter) -> None:
    assert parse_charter(render_charter(charter)) == charter


@pytest.mark.parametrize(
    ("charter", "words"),
    [
        ({"task": "rul"}, ['no columns have role "time"', 'give one column role = "time"']),
        ({"task": "failure", "data": "label_cap = 90"}, ["label_cap means nothing", 'write task = "rul"']),
        (
            {"task": "price", "target": RANGE, "data": "validation_share = 0.3"},
            ["validation_share means nothing", 'write task = "failure"'],
        ),
        ({"task": "price"}, ["none that starts over 0", "add range = "]),
        ({"task": "price", "target": "range = [0, 9]"}, ["none that starts over 0"]),
        (
            {"task": "price", "target": RANGE, "more": '[algorithm]\nloss = "cross_entropy"'},
            ['loss "cross_entropy" is for chances', 'write loss = "mse"'],
        ),
        (
            {"task": "failure", "more": '[network]\noutput = "relu"'},
            ['output is "relu"', 'write output = "sigmoid"'],
        ),
        (
            {"task": "failure", "more": '[algorithm]\nloss = "sum"'},
            ['loss is "sum" and a failure is a class', 'write loss = "cross_entropy"'],
        ),
        (
            {"task": "failure", "more": '[evaluation]\nfilter = "drift"'},
            ['filter "drift" follows a life', 'write filter = "none"'],
        ),
        (
            {"task": "failure", "more": '[label]\nsource = "failed_at"\ncolumn = "outcome"'},
            ['source "failed_at" makes a life', 'write source = "target"'],
        ),
        (
            {"task": "failure", "more": '[preparation]\nfeatures = "ewma"\nspans = [3]'},
            ['features "ewma" look back in time', 'write features = "raw"'],
        ),
        (
            {"task": "failure", "more": '[partition]\nkind = "vertical"\n[algorithm]\nname = "fdml"'},
            ["fdml learns no chance between 0 and 1", "vafl and vertical"],
        ),
        (
            {"task": "failure", "more": '[partition]\nkind = "hybrid"\n[algorithm]\nname = "hyfdca"'},
            ["hyfdca learns no chance between 0 and 1", "aligned"],
        ),
        (
            {
                "task": "failure",
                "more": '[partition]\nkind = "vertical"\n[algorithm]\nname = "fedbcd"\n'
                '[training]\noversample = "smote"',
            },
            ["fedbcd matches the rows of all parties", 'write oversample = "none"'],
        ),
        (
            {
                "task": "failure",
                "more": '[partition]\nkind = "horizontal"\n[algorithm]\nname = "trees"\n'
                '[protection]\nsecrecy = "open"\n[training]\noversample = "smote"',
            },
            ["trees grow on the parties' own rows", "leave trees out"],
        ),
        ({"task": "failure", "more": "[preparation]\nage = 5"}, ["age counts time", "remove it"]),
        (
            {"task": "failure", "more": '[algorithm]\nloss = "mse"'},
            ['loss is "mse" and a failure is a class'],
        ),
        ({"task": "failure", "more": '[evaluation]\nfilter = "kalman"'}, ['filter "kalman" follows a life']),
        ({"task": "failure", "more": '[network]\noutput = "linear"'}, ['output is "linear"']),
        ({"task": "rul", "more": "[training]\nfailure_weight = 2"}, ["means nothing", 'task = "failure"']),
        (
            {"task": "rul", "more": '[training]\noversample = "smote"'},
            ["means nothing", 'task = "failure"'],
        ),
        (
            {
                "task": "failure",
                "more": '[training]\noversample = "smote"\n[partition]\nkind = "vertical"\n'
                '[algorithm]\nname = "vertical"',
            },
            ["vertical matches the rows of all parties", 'write oversample = "none"'],
        ),
    ],
    ids=str,
)
def test_what_a_task_cannot_have_is_refused(charter: dict[str, str], words: list[str]) -> None:
    timed = charter["task"] == "rul" and "means nothing" in words
    more = charter.get("more", "") + ('\n[columns.hour]\nrole = "time"' if timed else "")
    with pytest.raises(CharterError) as caught:
        read(charter["task"], charter.get("data", ""), charter.get("target", ""), more)
    for word in words:
        assert word in str(caught.value)


def test_rows_without_times_may_be_made_into_components() -> None:
    charter = read("failure", more='[preparation]\nfeatures = "pca"\ncomponents = 2')
    assert charter.preparation.components == 2
    assert parse_charter(render_charter(charter)) == charter


@pytest.mark.parametrize("task", ["failure", "price"])
def test_simulated_engines_tell_lives_alone(task: str) -> None:
    with pytest.raises(CharterError, match='write source = "table", or task = "rul"'):
        parse_charter(f'name = "a"\nconsortium = "b"\ntask = "{task}"\n')


@pytest.mark.parametrize("name", ["fedavg", "aligned", "isolated"])
def test_a_method_that_shares_no_predictions_learns_failures_without_a_word_on_the_loss(name: str) -> None:
    kind = "horizontal" if name == "fedavg" else "hybrid"
    more = f'[algorithm]\nname = "{name}"\n[partition]\nkind = "{kind}"'
    assert read("failure", more=more).algorithm.name == name


def test_a_network_of_ones_own_says_itself_what_a_chance_is() -> None:
    own = f'[network]\nmodel = "nets:Net"\ndigest = "{"0" * 64}"\n'
    assert read("failure", more=own).network.output == "linear"  # nothing reads it
    with pytest.raises(CharterError, match="embedding means nothing where model names"):
        read("failure", more=f"{own}embedding = 3\n")


@pytest.mark.parametrize("name", ["aligned", "hyfdca", "trees"])
def test_who_learns_from_single_sensors_takes_no_components(name: str) -> None:
    more = '[partition]\nkind = "horizontal"\n[preparation]\nfeatures = "pca"\ncomponents = 1\n'
    more += f'[algorithm]\nname = "{name}"\n[protection]\nsecrecy = "open"\n'
    with pytest.raises(CharterError, match=f"{name} learns from single sensors"):
        read("price", target=RANGE, more=more)
