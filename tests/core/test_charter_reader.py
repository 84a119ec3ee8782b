"""From the text of a charter to frozen records."""

from __future__ import annotations

import pytest

from hansa.core.charter import Charter, Column, Label, Party, Regimes
from hansa.core.charter_digest import charter_digest
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_turbofan import TURBOFAN_COLUMNS, TURBOFAN_REGIMES
from hansa.core.errors import CharterError

HEAD = 'name = "fleet"\nconsortium = "Four"\n'
OPEN = '\n[protection]\nsecrecy = "open"\n'


def charter(text: str = "") -> Charter:
    return parse_charter(HEAD + text + ("" if "[protection]" in text else OPEN))


def refusal(text: str) -> str:
    with pytest.raises(CharterError) as caught:
        charter(text)
    return str(caught.value)


def test_a_name_and_a_consortium_are_enough() -> None:
    least = charter()
    assert (least.task, least.seed, least.rounds, least.parties) == ("rul", 7, 100, 4)
    assert least.data.source == "simulated"
    assert least.algorithm.name == "labsync_mean"
    assert least.compare == ()


@pytest.mark.parametrize("key", ["name", "consortium"])
def test_name_and_consortium_are_demanded(key: str) -> None:
    with pytest.raises(CharterError, match=f"{key} is missing"):
        parse_charter("\n".join(line for line in HEAD.splitlines() if not line.startswith(key)))


def test_every_table_is_read_into_its_record() -> None:
    read = charter(
        """
        seed = 9
        rounds = 5
        compare = ["isolated"]
        [data]
        source = "table"
        file = "pumps.csv"
        label_cap = 125
        missing = "hold"
        [columns.pump]
        role = "asset"
        [columns.hour]
        role = "time"
        unit = "h"
        [columns.flow]
        role = "setting"
        [columns.heat]
        role = "sensor"
        unit = "degC"
        range = [0, 99.5]
        [columns.maker]
        role = "category"
        values = ["a", "b"]
        [label]
        source = "threshold"
        column = "heat"
        above = 90
        [regimes]
        kind = "bins"
        bins = { flow = [1, 2.5] }
        [partition]
        kind = "horizontal"
        [preparation]
        features = "ewma"
        spans = [5]
        [network]
        hidden = [20, 10]
        [training]
        learning_rate = 1
        [algorithm]
        name = "fedavg"
        [evaluation]
        filter = "drift"
        """
    )
    assert read.data.columns == (
        Column("pump", "asset"),
        Column("hour", "time", "h"),
        Column("flow", "setting"),
        Column("heat", "sensor", "degC", 0.0, 99.5),
        Column("maker", "category", values=("a", "b")),
    )
    assert read.data.label == Label("threshold", "heat", above=90.0)
    assert read.data.regimes == Regimes("bins", bins=(("flow", (1.0, 2.5)),))
    assert (read.data.label_cap, read.data.missing, read.data.file) == (125.0, "hold", "pumps.csv")
    assert (read.seed, read.rounds, read.compare) == (9, 5, ("isolated",))
    assert (read.partition.kind, read.algorithm.name, read.evaluation.filter) == (
        "horizontal",
        "fedavg",
        "drift",
    )
    assert (read.preparation.spans, read.network.hidden) == ((5.0,), (20, 10))
    assert read.training.learning_rate == 1.0


def test_an_infinite_end_leaves_a_range_open() -> None:
    read = charter('[columns.s2]\nrole = "sensor"\nrange = [0, inf]\n[regimes]\nkind = "none"')
    assert Column("s2", "sensor", "degR", low=0.0) in read.data.columns


@pytest.mark.parametrize("numbers", ["[1]", "[1, 2, 3]"])
def test_a_range_has_two_numbers(numbers: str) -> None:
    sentence = refusal(f'[columns.s2]\nrole = "sensor"\nrange = {numbers}')
    assert "[columns.s2]: range has" in sentence
    assert "range = [low, high]" in sentence


@pytest.mark.parametrize("source", ['source = "cmapss"\nsubset = "FD001"', 'source = "simulated"'])
def test_the_turbofan_sources_know_their_columns_and_regimes(source: str) -> None:
    data = charter(f"[data]\n{source}").data
    assert data.columns == TURBOFAN_COLUMNS
    assert data.regimes == TURBOFAN_REGIMES


def test_regimes_that_are_given_replace_the_known_ones() -> None:
    assert charter('[regimes]\nkind = "none"').data.regimes == Regimes()


def test_a_column_that_is_given_changes_the_known_one_and_no_other() -> None:
    given = '[columns.s3]\nrole = "ignore"\n[columns.s2]\nrange = [500, 700]\n[columns.s4]\nunit = ""'
    read = charter(given).data.columns
    changed = {
        "s2": Column("s2", "sensor", "degR", 500.0, 700.0),
        "s3": Column("s3", "ignore", "degR"),
        "s4": Column("s4", "sensor"),
    }
    assert read == tuple(changed.get(column.name, column) for column in TURBOFAN_COLUMNS)


def test_a_known_column_written_out_leaves_the_charter_and_its_digest_as_they_were() -> None:
    written = charter('[columns.s2]\nrole = "sensor"\nunit = "degR"\nrange = [-inf, inf]')
    assert written == charter()
    assert charter_digest(written) == charter_digest(charter())


def test_a_column_that_is_not_known_needs_a_role() -> None:
    table = '[data]\nsource = "table"\nfile = "a.csv"\n[columns.heat]\nunit = "degC"'
    assert '[columns.heat]: role cannot be ""; choose among' in refusal(table)


def test_ranges_alone_allow_scaling_by_range() -> None:
    sensors = [column.name for column in TURBOFAN_COLUMNS if column.role == "sensor"]
    ranges = "".join(f"[columns.{name}]\nrange = [0, 9999]\n" for name in sensors)
    assert charter(f'{ranges}[preparation]\nscaling = "range"').data.regimes == TURBOFAN_REGIMES


def test_a_number_of_parties_makes_a_roster() -> None:
    assert charter("parties = 2").roster == (Party("party-1"), Party("party-2"))


def test_named_parties_are_the_roster_in_their_order() -> None:
    read = charter('[party.south]\nhidden = [20]\n[party.north]\nsensors = ["s2", "s3"]')
    assert read.roster == (Party("south", hidden=(20,)), Party("north", sensors=("s2", "s3")))


def test_a_number_of_parties_may_stand_beside_as_many_names() -> None:
    assert charter("parties = 2\n[party.a]\n[party.b]").parties == 2


def test_a_number_of_parties_that_disagrees_with_the_names_is_refused() -> None:
    sentence = refusal("parties = 3\n[party.a]\n[party.b]")
    assert "parties is 3 but the tables [party.NAME] are 2" in sentence


@pytest.mark.parametrize("parties", [0, -4, 10_001])
def test_a_number_of_parties_out_of_bounds_is_refused(parties: int) -> None:
    assert f"parties is {parties}; write a number from 1 to 10000" in refusal(f"parties = {parties}")


def test_a_party_maps_its_own_names_and_units() -> None:
    read = charter(
        """
        [data]
        source = "table"
        [columns.id]
        role = "asset"
        [columns.t]
        role = "time"
        [columns.left]
        role = "target"
        [columns.heat]
        role = "sensor"
        [partition]
        kind = "given"
        [party.a]
        data = "a.csv"
        [party.a.columns]
        t = "hours"
        heat = "temp"
        [party.b]
        data = "b.csv"
        units = { heat = "degF" }
        """
    )
    assert read.roster == (
        Party("a", "a.csv", columns=(("heat", "temp"), ("t", "hours"))),
        Party("b", "b.csv", units=(("heat", "degF"),)),
    )


def test_the_file_is_named_in_every_refusal() -> None:
    for text in ("x = 1", "seed = 1.5", "seed =", "rounds = 0", "parties = 0", "[data]\nlabel_cap = 0"):
        with pytest.raises(CharterError, match=r"^north/charter\.toml"):
            parse_charter(HEAD + text, "north/charter.toml")


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("lable_cap = 120", '"label_cap" of [data]'),
        ('[data]\nsubst = "FD004"', '"subset" of [data]'),
        ('[data]\ncolumns = "x"', '"columns" of the top level'),
        ('subset = "FD004"', '"subset" of [data]'),
        ("[trainings]\nbatch_size = 3", "[training]"),
        ('[evaluation]\ncompare = ["isolated"]', '"compare" of the top level (above the first table)'),
        ('[party.a]\nsensor = ["s2"]', '"sensors" of [party.a]'),
    ],
)
def test_an_unknown_key_of_a_charter_names_the_nearest(text: str, nearest: str) -> None:
    assert nearest in refusal(text)
