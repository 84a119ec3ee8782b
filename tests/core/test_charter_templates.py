"""The commented charters that a newcomer starts from."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from hansa.core.charter import Column, Data, Label, Regimes
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_templates import TEMPLATES, table_template, template
from hansa.core.errors import CharterError

COLUMNS = (
    Column("pump id", "asset"),
    Column("hour", "time", "h"),
    Column("left", "target"),
    Column("flow", "setting"),
    Column('"heat" {°C}', "sensor", "degC", low=0.0),
    Column("noise", "sensor"),
    Column("maker", "category", values=("a", "b")),
)
REGIMES = Regimes("bins", bins=(("flow", (1.0, 2.5)),))


def outcomes(task: str, weight: float = 13.7) -> str:
    target = Column("left", "target", low=900.0, high=2e5) if task == "price" else Column("left", "target")
    kept = [target if column.role == "target" else column for column in COLUMNS if column.role != "time"]
    label = Label(failed="no good") if task == "failure" else Label()
    found = Data(task=task, source="table", file="lot 7.csv", columns=tuple(kept), label=label)
    return table_template(found, 3, weight)


def own_table(file: str = "data/pumps 2.csv.gz", **missing: str) -> str:
    found = Data(source="table", file=file, columns=COLUMNS, label=Label(), regimes=REGIMES, **missing)
    return table_template(found)


def test_the_cmapss_template_has_the_agreed_lines() -> None:
    lines = template("cmapss").splitlines()
    for line in ("parties = 4", "seed = 7", "rounds = 100", 'subset = "FD004"', "label_cap = 120"):
        assert lines.count(line) == 1, line


def test_the_simulated_template_has_the_agreed_lines() -> None:
    lines = template("simulated").splitlines()
    for line in ("parties = 4", "seed = 7", "rounds = 100", "label_cap = 120"):
        assert lines.count(line) == 1, line


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_template_reads_as_the_hybrid_charter_with_all_baselines(kind: str) -> None:
    charter = parse_charter(template(kind))
    assert charter.data.source == kind
    assert (charter.parties, charter.seed, charter.data.label_cap) == (4, 7, 120.0)
    assert (charter.partition.kind, charter.partition.sensors_per_party) == ("hybrid", 13)
    assert (charter.algorithm.name, charter.network.hidden) == ("aligned", (32, 16))
    assert charter.compare == (
        "centralised",
        "isolated",
        "isolated_mean",
        "fedavg",
        "vertical",
        "labsync_mean",
    )


@pytest.mark.parametrize(
    "text", [template("cmapss"), template("simulated"), own_table(), outcomes("failure"), outcomes("price")]
)
def test_every_key_of_a_template_has_a_comment_above_it(text: str) -> None:
    own_schema = re.compile(r"(role|unit|range|values|bins|kind|source) =")
    lines = text.splitlines()
    for above, line in pairwise(lines):
        assert len(line) <= 110
        if " = " in line and not line.startswith("#") and not own_schema.match(line):
            assert above.startswith("# "), line


@pytest.mark.parametrize("text", [template("cmapss"), template("simulated"), own_table()])
def test_each_commented_setting_is_one_that_the_reader_knows(text: str) -> None:
    commented = re.findall(r"^# ((?:shared_assets|alpha|damping) = .*)$", text, re.MULTILINE)
    assert len(commented) == 3
    opened = text.replace('"mixed" in compare', "").replace('"labsync_mean"]', '"mixed"]')
    for line in commented:
        opened = opened.replace(f"# {line}", line)
    assert parse_charter(opened).partition.shared_assets == 0.33


def test_the_example_of_a_named_party_is_one_that_the_reader_takes() -> None:
    text = (
        own_table()
        .replace("parties = 4", "")
        .replace('"aligned"', '"labsync_mean"')
        .replace('"regression"', '"mean"')
        .replace('"masked"', '"open"')
    )
    example = re.sub("^# ", "", text[text.index("# [party.north]") :], flags=re.MULTILINE)
    example = example.replace("s2", "noise").replace('"s3"', "'\"heat\" {°C}'")
    charter = parse_charter(
        text.replace('file = "data/pumps 2.csv.gz"', "")
        .replace('kind = "hybrid"', 'kind = "given"')
        .replace('compare = ["centralised"', "compare = [] #")
        + example
    )
    (party,) = charter.roster
    assert (party.name, party.sensors, party.hidden) == ("north", ("noise", '"heat" {°C}'), (20,))
    assert (party.data, party.columns, party.units) == (
        "north.csv",
        (("noise", "T24"),),
        (("noise", "degC"),),
    )


def test_the_table_template_holds_the_schema_that_was_found() -> None:
    charter = parse_charter(own_table(missing="hold"))
    assert charter.data.columns == COLUMNS
    assert charter.data.regimes == REGIMES
    assert (charter.data.source, charter.data.file) == ("table", "data/pumps 2.csv.gz")
    assert (charter.data.missing, charter.name) == ("hold", "pumps-2")


@pytest.mark.parametrize("file", ["a.csv", "/x/ä.csv", "C:\\pumps\\all{}.csv", "..", "-_.csv", "x" * 99])
def test_any_file_makes_a_lawful_charter(file: str) -> None:
    assert parse_charter(own_table(file)).data.file == file


@pytest.mark.parametrize(("sensors", "dealt"), [(1, 0), (2, 0), (3, 2), (5, 4), (16, 13), (100, 81)])
def test_a_party_of_a_table_gets_about_13_in_16_of_the_sensors(sensors: int, dealt: int) -> None:
    columns = COLUMNS[:4] + tuple(Column(f"s{n}", "sensor") for n in range(sensors))
    charter = parse_charter(table_template(Data(source="table", file="a.csv", columns=columns)))
    assert charter.partition.sensors_per_party == dealt


def test_an_unknown_template_names_the_known_ones() -> None:
    with pytest.raises(CharterError, match='choose among "cmapss", "simulated"'):
        template("cmaps")


def test_a_template_of_failures_names_the_failed_cell_and_balances_the_classes() -> None:
    charter = parse_charter(outcomes("failure"))
    assert (charter.task, charter.data.label.failed, charter.parties) == ("failure", "no good", 3)
    assert (charter.training.failure_weight, charter.training.learning_rate) == (13.7, 0.01)
    assert (charter.network.hidden, charter.network.output) == ((16,), "sigmoid")
    assert (charter.algorithm.name, charter.partition.kind) == ("fedavg", "horizontal")
    assert charter.compare == ("centralised", "isolated", "isolated_mean")


def test_a_template_of_prices_keeps_the_range_of_the_target() -> None:
    charter = parse_charter(outcomes("price"))
    target = next(column for column in charter.data.columns if column.role == "target")
    assert (charter.task, target.low, target.high) == ("price", 900.0, 2e5)
    assert charter.training.failure_weight == 1.0
    assert "horizon =" not in outcomes("price")
    assert "label_cap" not in outcomes("price")
