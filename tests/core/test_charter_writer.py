"""A charter written as TOML reads back equal."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.charter import (
    AlgorithmChoice,
    Charter,
    Column,
    Data,
    Evaluation,
    Label,
    Network,
    Partition,
    Party,
    Preparation,
    Protection,
    Regimes,
    Training,
)
from hansa.core.charter_digest import charter_digest, roster_digest
from hansa.core.charter_reader import generated_roster, parse_charter
from hansa.core.charter_templates import template
from hansa.core.charter_turbofan import TURBOFAN_COLUMNS, TURBOFAN_REGIMES
from hansa.core.charter_writer import render_charter, render_columns, render_label, render_regimes, toml_value

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False, width=64).map(lambda x: x + 0.0)
shares = st.floats(0.01, 0.99)
counts = st.integers(1, 10**6)
folder_names = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
widths = st.lists(counts, max_size=3).map(tuple)


def rising(least: int, most: int) -> st.SearchStrategy[tuple[float, ...]]:
    return st.lists(numbers, min_size=least, max_size=most, unique=True).map(lambda xs: tuple(sorted(xs)))


@st.composite
def sensor_columns(draw: st.DrawFn, name: str) -> Column:
    low, high = draw(rising(2, 2))
    kept = draw(st.sampled_from([(None, None), (low, None), (None, high), (low, high)]))
    return Column(name, "sensor", draw(texts), *kept)


@st.composite
def regimes_of(draw: st.DrawFn, names: tuple[str, ...]) -> Regimes:
    kind = draw(st.sampled_from(["none", "centres", "bins"])) if names else "none"
    if kind == "centres":
        point = st.tuples(*[numbers] * len(names))
        return Regimes(kind, centres=tuple(draw(st.lists(point, min_size=1, max_size=3))))
    if kind == "bins":
        binned = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        return Regimes(kind, bins=tuple((name, draw(rising(1, 3))) for name in sorted(binned)))
    return Regimes()


@st.composite
def tables(draw: st.DrawFn) -> Data:
    names = draw(st.lists(texts.filter(bool), min_size=6, max_size=6, unique=True))
    asset, time, target, category, setting, heat = names
    columns = [
        Column(asset, "asset"),
        Column(time, "time", draw(texts)),
        Column(category, "category", values=tuple(draw(st.lists(texts, min_size=1, unique=True)))),
        Column(setting, "setting"),
        draw(sensor_columns(heat)),
    ]
    labels = [Label("failed_at", "end"), Label("threshold", heat, draw(numbers))]
    label = draw(st.sampled_from([Label(), Label("target", target), *labels]))
    if label.source == "target":
        columns.append(Column(target, "target"))
    order = tuple(draw(st.permutations(columns)))
    return Data(
        source="table",
        label_cap=draw(numbers.map(abs).filter(bool)),
        file=draw(texts.filter(bool)),
        test_file=draw(texts),
        test_share=draw(shares),
        columns=order,
        label=label,
        regimes=draw(regimes_of((setting,))),
        missing=draw(st.sampled_from(["refuse", "hold"])),
    )


@st.composite
def turbofans(draw: st.DrawFn) -> Data:
    regimes = draw(st.sampled_from([TURBOFAN_REGIMES, Regimes()]))
    changed = [draw(sensor_columns(column.name)) for column in TURBOFAN_COLUMNS[-2:]]
    dropped = [Column(column.name, "ignore", column.unit) for column in TURBOFAN_COLUMNS[3:6]]
    columns = draw(
        st.sampled_from(
            [
                TURBOFAN_COLUMNS,
                (*TURBOFAN_COLUMNS[:-2], *changed),
                (*TURBOFAN_COLUMNS[:3], *dropped, *TURBOFAN_COLUMNS[6:]),
            ]
        )
    )
    data = Data(columns=columns, regimes=regimes, label_bin=draw(shares))
    if draw(st.booleans()):
        return replace(data, source="cmapss", subset=draw(st.sampled_from(["FD001", "FD004"])))
    return replace(data, engines=draw(st.integers(10, 999)), test_engines=draw(counts))


@st.composite
def rosters(draw: st.DrawFn, data: Data) -> tuple[Party, ...]:
    if draw(st.booleans()):
        return generated_roster(draw(st.integers(1, 10)))
    sensors = [column.name for column in data.columns if column.role == "sensor"]
    names = draw(st.lists(folder_names, min_size=1, max_size=4, unique_by=str.lower))
    mapped = st.dictionaries(st.sampled_from([column.name for column in data.columns]), texts, max_size=3)
    pairs = mapped.map(lambda table: tuple(sorted(table.items()))) if data.source == "table" else st.just(())
    suites = st.sampled_from([(), tuple(sensors)])
    parties = st.builds(Party, name=st.just(""), columns=pairs, units=pairs, sensors=suites, hidden=widths)
    return tuple(replace(draw(parties), name=name) for name in names)


_ALGORITHMS = [
    ("labsync_mean", "hybrid"),
    ("labsync", "horizontal"),
    ("vertical", "vertical"),
    ("mixed", "mixed"),
]


@st.composite
def networks(draw: st.DrawFn, window: int) -> Network:
    """Perceptrons, and over a window also convolutions of as few layers as it takes."""
    plain = Network(draw(widths), draw(st.sampled_from(["sigmoid", "relu"])), ensemble=draw(counts))
    if not window or draw(st.booleans()):
        return plain
    channels, taps = (draw(counts),), draw(st.integers(1, window))
    return replace(plain, kind="convolution", channels=channels, taps=taps, stride=draw(counts))


@st.composite
def charters(draw: st.DrawFn) -> Charter:
    """Lawful charters of every source, partition and kind of features."""
    data = draw(st.one_of(tables(), turbofans()))
    name, kind = draw(st.sampled_from(_ALGORITHMS))
    features: dict[str, Any] = draw(
        st.one_of(
            st.fixed_dictionaries({"age": numbers.map(abs)}),
            st.fixed_dictionaries({"features": st.just("window"), "window": st.integers(2, 99)}),
            st.fixed_dictionaries({"features": st.just("ewma"), "spans": st.just((1.5, 20.0))}),
        )
    )
    return Charter(
        name=draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,20}", fullmatch=True)),
        consortium=draw(texts),
        seed=draw(st.integers(0, 2**63 - 1)),
        rounds=draw(counts),
        data=data,
        partition=Partition(kind, shared_assets=draw(shares) if kind == "mixed" else 0.0),
        preparation=Preparation(**features),
        network=draw(networks(features.get("window", 0))),
        training=Training("sgd", draw(shares), draw(counts), draw(counts), draw(shares), draw(shares)),
        algorithm=AlgorithmChoice(name, alpha=draw(st.none() | shares), damping=draw(st.none() | shares)),
        evaluation=Evaluation(draw(st.sampled_from(["kalman", "drift", "none"]))),
        protection=Protection("open"),
        compare=tuple(draw(st.permutations(["centralised", "isolated", "isolated_mean"]))),
        roster=draw(rosters(data)),
    )


@given(charters())
def test_a_charter_that_is_written_reads_back_equal(charter: Charter) -> None:
    back = parse_charter(render_charter(charter))
    assert back == charter
    assert charter_digest(back) == charter_digest(charter)
    assert roster_digest(back) == roster_digest(charter)


@given(texts)
def test_any_text_is_written_so_that_it_reads_back(text: str) -> None:
    assert tomllib.loads(f"x = {toml_value(text)}") == {"x": text}
    assert "\n" not in toml_value(text)


@given(numbers)
def test_any_number_is_written_so_that_it_reads_back(number: float) -> None:
    assert float(tomllib.loads(f"x = {toml_value(number)}")["x"]) == number


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (120.0, "120"),
        (0.5, "0.5"),
        (float("inf"), "inf"),
        (("a", "b"), '["a", "b"]'),
        (((1.0, 2.5), (3.0,)), "[[1, 2.5], [3]]"),
        ((("s 2", "degC"), ("s3", "degF")), '{ "s 2" = "degC", s3 = "degF" }'),
        (7, "7"),
    ],
)
def test_a_value_is_written_as_a_person_would(value: object, written: str) -> None:
    assert toml_value(value) == written


def test_a_generated_roster_is_written_as_a_number() -> None:
    charter = parse_charter('name = "a"\nconsortium = "b"\nparties = 3')
    assert "parties = 3" in render_charter(charter).splitlines()
    assert "[party" not in render_charter(charter)


def test_named_parties_are_written_as_tables() -> None:
    charter = parse_charter(
        'name = "a"\nconsortium = "b"\n[party.north]\nhidden = [20]\n[party.mid]\n[party.south]\n'
    )
    written = render_charter(charter)
    assert "[party.north]\nhidden = [20]\n\n[party.mid]\n\n[party.south]\n" in written
    assert "parties =" not in written


def test_what_is_no_default_stands_on_a_line_of_its_own() -> None:
    lines = render_charter(parse_charter(template("cmapss"))).splitlines()
    for line in ("parties = 4", "seed = 7", "rounds = 100", 'subset = "FD004"', "label_cap = 120"):
        assert lines.count(line) == 1, line
    assert "sensors_per_party = 13" in lines
    assert not any(line.startswith(("batch_size", "kind", "optimizer", "[columns")) for line in lines)


def test_a_turbofan_charter_without_regimes_says_so() -> None:
    charter = parse_charter('name = "a"\nconsortium = "b"\n[regimes]\nkind = "none"')
    assert '[regimes]\nkind = "none"' in render_charter(charter)


def test_only_the_changed_columns_of_a_turbofan_charter_are_written() -> None:
    head = 'name = "a"\nconsortium = "b"\n'
    written = render_charter(parse_charter(f'{head}[columns.s9]\nunit = ""\n[columns.s2]\nrange = [1, 2]'))
    assert '[columns.s2]\nrole = "sensor"\nunit = "degR"\nrange = [1, 2]\n' in written
    assert '[columns.s9]\nrole = "sensor"\nunit = ""\n' in written
    assert written.count("[columns") == 2


def test_the_sections_of_a_schema_are_written_alone() -> None:
    assert render_columns((Column("a b", "sensor", low=1.0), Column("c", "ignore"))) == (
        '[columns."a b"]\nrole = "sensor"\nrange = [1, inf]\n\n[columns.c]\nrole = "ignore"'
    )
    assert render_label(Label()) == '[label]\nsource = "target"'
    assert render_regimes(Regimes()) == '[regimes]\nkind = "none"'
