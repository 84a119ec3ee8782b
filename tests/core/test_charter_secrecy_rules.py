"""What each level of secrecy takes, and what a charter without a word of it means."""

from dataclasses import replace
from typing import Any

import pytest

from hansa.core.charter import Charter, Party, Protection
from hansa.core.charter_reader import generated_roster, parse_charter
from hansa.core.charter_rules import check_charter
from hansa.core.errors import CharterError


def contract(parties: int = 4, **changes: Any) -> Charter:
    base = parse_charter('name = "fleet"\nconsortium = "Four"\n')
    base = replace(base, roster=generated_roster(parties))
    for name, change in changes.items():
        value = replace(getattr(base, name), **change) if isinstance(change, dict) else change
        base = replace(base, **{name: value})
    return base


def refused(given: Charter) -> str:
    with pytest.raises(CharterError) as caught:
        check_charter(given)
    return str(caught.value)


def test_a_charter_without_a_word_is_masked() -> None:
    check_charter(contract())
    assert contract().secrecy == "masked"
    assert 'secrecy is "masked", as none is written' in refused(contract(2))


@pytest.mark.parametrize("parties", [2, 51])
@pytest.mark.parametrize("level", ["masked", "shared", "encrypted"])
def test_two_parties_or_too_many_are_not_summed(parties: int, level: str) -> None:
    told = refused(contract(parties, protection=Protection(level)))
    assert f'secrecy is "{level}", which is for 3 to 50 parties, and there are {parties}' in told
    assert 'write secrecy = "open"' in told
    check_charter(contract(parties, protection=Protection("open")))


def test_who_exchanges_nothing_needs_no_level() -> None:
    check_charter(contract(2, algorithm={"name": "isolated"}))


@pytest.mark.parametrize("level", ["masked", "shared", "encrypted"])
@pytest.mark.parametrize(
    ("name", "kind", "instead"),
    [
        ("labsync", "hybrid", "take labsync_mean, which learns the same from sums"),
        ("clustered", "horizontal", "take fine_tuned"),
        ("trees", "horizontal", "leave trees out"),
    ],
)
def test_what_shows_terms_is_for_open_charters(level: str, name: str, kind: str, instead: str) -> None:
    whole: dict[str, Any] = {"partition": {"kind": kind}}
    told = refused(contract(algorithm={"name": name}, protection=Protection(level), **whole))
    assert f'but secrecy is "{level}"' in told
    assert instead in told
    check_charter(contract(algorithm={"name": name}, protection=Protection("open"), **whole))
    assert name in refused(contract(compare=(name,), algorithm={"name": "isolated"}, **whole))


@pytest.mark.parametrize("name", ["fednova", "fsvrg"])
def test_numbers_of_steps_take_wide_words(name: str) -> None:
    whole: dict[str, Any] = {
        "partition": {"kind": "horizontal"},
        "algorithm": {"name": name},
        "training": {"optimizer": "sgd"},
    }
    check_charter(contract(**whole))
    assert "but width is 32" in refused(contract(protection=Protection(width=32, most_rows=1000), **whole))
    assert 'but secrecy is "shared"' in refused(contract(protection=Protection("shared"), **whole))


def test_who_waits_for_nobody_waits_for_a_sum() -> None:
    late: dict[str, Any] = {"partition": {"kind": "vertical"}}
    told = refused(contract(algorithm={"name": "vafl"}, **late))
    assert "a round goes on with 2 parties, and a sum takes 3" in told
    assert "write cohort = 3" in told
    check_charter(contract(algorithm={"name": "vafl", "cohort": 3}, **late))
    told = refused(contract(8, algorithm={"name": "vafl", "cohort": 5}, **late))
    assert "write cohort = 6" in told
    check_charter(
        contract(8, algorithm={"name": "vafl", "cohort": 5}, protection=Protection("encrypted"), **late)
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Protection(cohort=2), "cohort is 2; write a number of at least 3"),
        (Protection(cohort=5), "cohort is 5 and there are 4 parties"),
        (Protection(most_rows=0), "most_rows is 0"),
        (Protection(width=48), "width is 48; write a number of bits, 32 or 64"),
        (
            Protection(width=32),
            "32 bits leave too little of an update that is a share of most_rows",
        ),
        (Protection("sums"), 'secrecy cannot be "sums"'),
        (Protection("open", cohort=4), 'cohort means nothing when secrecy is "open"'),
        (Protection("open", most_rows=5), 'most_rows means nothing when secrecy is "open"'),
        (Protection("masked", norm=5.0), 'norm means nothing when secrecy is "masked"'),
        (Protection("shared", norm=0.0), "norm is 0; write a number over 0"),
        (Protection("encrypted", width=32), 'width means nothing when secrecy is "encrypted"'),
    ],
)
def test_each_key_has_its_bounds(given: Protection, told: str) -> None:
    assert told in refused(contract(protection=given))


@pytest.mark.parametrize(("level", "name"), [("masked", "coordinator"), ("encrypted", "custodian")])
def test_no_party_has_the_name_of_a_server(level: str, name: str) -> None:
    roster = (Party(name), *generated_roster(3))
    assert f'a party is called "{name}", as one of the servers is' in refused(
        contract(roster=roster, protection=Protection(level))
    )
    check_charter(contract(roster=roster, protection=Protection("open")))
