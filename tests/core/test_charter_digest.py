"""The digests of a charter and of its roster."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.charter import Charter, Party, Regimes
from hansa.core.charter_digest import charter_digest, charter_value, roster_digest, roster_value
from hansa.core.charter_reader import parse_charter

TOP = ['name = "fleet"', 'consortium = "Four"', "seed = 7", "rounds = 30", 'compare = ["isolated"]']
TABLES = {
    "data": ['source = "cmapss"', 'subset = "FD004"', "label_cap = 120", "label_bin = 1"],
    "partition": ['kind = "hybrid"', "sensors_per_party = 13"],
    "training": ["learning_rate = 0.01", "batch_size = 128"],
    "algorithm": ['name = "labsync_mean"', "damping = 0"],
}


def text(top: list[str], tables: dict[str, list[str]]) -> str:
    return "\n".join([*top, *(line for name in tables for line in (f"[{name}]", *tables[name]))])


def charter() -> Charter:
    return parse_charter(text(TOP, TABLES))


@given(st.data())
def test_the_order_of_keys_comments_and_number_forms_do_not_change_a_digest(data: st.DataObject) -> None:
    names = data.draw(st.permutations(sorted(TABLES)))
    tables = {name: data.draw(st.permutations(TABLES[name])) for name in names}
    written = text(data.draw(st.permutations(TOP)), tables)
    for plain, other in (("label_cap = 120", "label_cap = 120.0"), ("damping = 0", "damping = -0.0")):
        written = written.replace(plain, data.draw(st.sampled_from([plain, other, f"{plain}  # agreed"])))
    assert charter_digest(parse_charter(written)) == charter_digest(charter())


def test_an_integer_that_python_put_into_a_float_field_does_not_change_a_digest() -> None:
    lawful = charter()
    loose = replace(lawful, data=replace(lawful.data, label_cap=120, label_bin=1))
    assert charter_digest(loose) == charter_digest(lawful)


@pytest.mark.parametrize(
    ("plain", "other"),
    [
        ("seed = 7", "seed = 8"),
        ("rounds = 30", "rounds = 31"),
        ("label_cap = 120", "label_cap = 125"),
        ('subset = "FD004"', 'subset = "FD002"'),
        ("damping = 0", "damping = 0.5"),
        ("damping = 0", ""),
        ('compare = ["isolated"]', ""),
        ('name = "fleet"', 'name = "fleets"'),
    ],
)
def test_whatever_is_agreed_changes_the_digest(plain: str, other: str) -> None:
    changed = parse_charter(text(TOP, TABLES).replace(plain, other))
    assert charter_digest(changed) != charter_digest(charter())


def test_a_party_that_joins_changes_the_rosters_digest_alone() -> None:
    before = charter()
    after = replace(before, roster=(*before.roster, Party("late")))
    assert charter_digest(after) == charter_digest(before)
    assert roster_digest(after) != roster_digest(before)


@pytest.mark.parametrize(
    "roster",
    [
        (Party("b"), Party("a")),
        (Party("a", hidden=(20,)), Party("b")),
        (Party("a", units=(("s2", "degC"),)), Party("b")),
    ],
)
def test_order_and_settings_of_parties_change_the_rosters_digest(roster: tuple[Party, ...]) -> None:
    plain = replace(charter(), roster=(Party("a"), Party("b")))
    assert roster_digest(replace(plain, roster=roster)) != roster_digest(plain)


def test_the_order_of_an_open_table_changes_no_digest() -> None:
    one = replace(charter(), roster=(Party("a", units=(("s2", "degC"), ("s3", "degF"))),))
    two = replace(charter(), roster=(Party("a", units=(("s3", "degF"), ("s2", "degC"))),))
    assert roster_digest(one) == roster_digest(two)


def test_the_order_of_columns_changes_the_digest() -> None:
    lawful = charter()
    turned = replace(lawful, data=replace(lawful.data, columns=lawful.data.columns[::-1]))
    assert charter_digest(turned) != charter_digest(lawful)


def test_the_value_holds_plain_things_and_no_roster() -> None:
    lawful = charter()
    bins = Regimes("bins", bins=(("setting_1", (1, 2.5)),))  # type: ignore[arg-type]
    value = charter_value(replace(lawful, data=replace(lawful.data, regimes=bins)))
    assert "roster" not in value
    assert value["data"]["regimes"] == {"kind": "bins", "centres": [], "bins": {"setting_1": [1.0, 2.5]}}
    assert value["algorithm"]["alpha"] is None
    assert roster_value(lawful)[0]["name"] == "party-1"


def test_a_digest_is_a_sha256_in_hexadecimal() -> None:
    assert len(bytes.fromhex(charter_digest(charter()))) == 32


def test_the_digest_of_the_least_charter_stays_what_it_was() -> None:
    least = parse_charter('name = "a"\nconsortium = "b"')
    assert roster_digest(least) == "57e3b3ac8af7b4539d6a15f498f50da6d01cbb6da4f7d9b6bd64979f3d91c026"
