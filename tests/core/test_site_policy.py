"""A site's policy only narrows: each key forbids what it says, and an empty one nothing but foreign code."""

import itertools
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_templates import template
from hansa.core.errors import RefusedError
from hansa.core.site_policy import DAY_S, SitePolicy, span_of

CHARTER = parse_charter(template("simulated"))
DIGEST = charter_digest(CHARTER)
CODE = "a" * 64


def _own_network(charter: Charter) -> Charter:
    return replace(charter, network=replace(charter.network, model="mine:Net", digest=CODE))


def _own_algorithm(charter: Charter) -> Charter:
    own = replace(charter.algorithm, name="own", own="mine:rule", digest=CODE, leaves="x")
    return replace(charter, algorithm=own)


def test_a_policy_that_says_nothing_forbids_no_charter() -> None:
    SitePolicy().check_charter(CHARTER, DIGEST)
    SitePolicy().check_bytes(1 << 60, 1 << 60)
    assert SitePolicy().opens_in(datetime(2026, 1, 1, 3, tzinfo=UTC)) == 0.0


@pytest.mark.parametrize("own", [_own_network, _own_algorithm])
def test_code_of_the_members_own_runs_only_where_it_is_listed(own: Callable[[Charter], Charter]) -> None:
    charter = own(CHARTER)
    SitePolicy(own_code=("b" * 64, CODE)).check_charter(charter, DIGEST)
    for policy in (SitePolicy(), SitePolicy(own_code=("b" * 64,))):
        with pytest.raises(RefusedError, match=f"own_code does not list the code of mine:.*{CODE}"):
            policy.check_charter(charter, DIGEST)


def test_a_charter_that_is_not_listed_is_refused() -> None:
    SitePolicy(charters=("b" * 64, DIGEST)).check_charter(CHARTER, DIGEST)
    with pytest.raises(RefusedError, match=f"charters does not list .*{DIGEST}") as caught:
        SitePolicy(charters=("b" * 64,)).check_charter(CHARTER, DIGEST)
    assert caught.value.where == "policy.toml"


def test_an_algorithm_that_is_not_listed_is_refused() -> None:
    name = CHARTER.algorithm.name
    SitePolicy(algorithms=("scaffold", name)).check_charter(CHARTER, DIGEST)
    with pytest.raises(RefusedError, match=f"algorithms does not list {name}"):
        SitePolicy(algorithms=("scaffold",)).check_charter(CHARTER, DIGEST)


def test_bytes_beyond_those_of_a_day_are_refused() -> None:
    policy = SitePolicy(bytes_per_day=100)
    policy.check_bytes(60, 40)
    with pytest.raises(RefusedError, match="bytes_per_day is 100; 60 bytes left today, and 41 more would"):
        policy.check_bytes(60, 41)


@pytest.mark.parametrize(
    ("hours", "at", "seconds"),
    [
        (("08:00-17:00",), "08:00:00", 0),
        (("08:00-17:00",), "16:59:59", 0),
        (("08:00-17:00",), "17:00:00", 15 * 3600),
        (("08:00-17:00",), "07:59:58", 2),
        (("20:00-06:00",), "23:59:59", 0),
        (("20:00-06:00",), "05:59:59", 0),
        (("20:00-06:00",), "06:00:00", 14 * 3600),
        (("20:00-24:00",), "23:59:59", 0),
        (("20:00-24:00",), "00:00:00", 20 * 3600),
        (("00:00-24:00",), "12:00:00", 0),
        (("12:00-13:00", "02:00-03:00"), "04:00:00", 8 * 3600),
        (("12:00-13:00", "02:00-03:00"), "14:00:00", 12 * 3600),
    ],
)
def test_a_site_answers_within_its_hours_and_knows_when_they_begin(
    hours: tuple[str, ...], at: str, seconds: float
) -> None:
    now = datetime.fromisoformat(f"2026-03-29T{at}+00:00")
    assert SitePolicy(hours=hours).opens_in(now) == seconds
    elsewhere = now.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert SitePolicy(hours=hours).opens_in(elsewhere) == seconds


times = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
spans = st.tuples(times, times).filter(lambda pair: pair[0] != pair[1]).map("-".join)


@given(st.lists(spans, min_size=1, max_size=3), st.integers(0, DAY_S - 1))
def test_whoever_waits_as_long_as_told_finds_the_site_open(hours: list[str], second: int) -> None:
    policy, now = SitePolicy(hours=tuple(hours)), datetime(2026, 5, 5, tzinfo=UTC) + timedelta(seconds=second)
    wait = policy.opens_in(now)
    assert 0.0 <= wait < DAY_S
    assert policy.opens_in(now + timedelta(seconds=wait)) == 0.0
    if wait > 1.0:
        assert policy.opens_in(now + timedelta(seconds=wait - 1.0)) == 1.0


@pytest.mark.parametrize(
    "text",
    ["", "08:00", "8:00-9:00", "08:00-25:00", "08:60-09:00", "24:00-01:00", "08:00-08:00", "a-b",
     "08:00-09:00-10:00", "+8:00-09:00", "²0:00-09:00", "23:59-24:01", "00:00-00:00"],
)  # fmt: skip
def test_what_is_no_span_of_the_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        span_of(text)


def test_every_key_is_said_in_words() -> None:
    full = SitePolicy((DIGEST,), ("fedavg",), (CODE,), 2.5, ("20:00-06:00",), 1_000_000, 3, "countersign")
    said, empty = list(full.words()), list(SitePolicy().words())
    assert len(said) == len(fields(SitePolicy))
    assert all(one != other for one, other in zip(said, empty, strict=True))
    shown = " ".join(said)
    for part in (DIGEST, "fedavg", CODE, "2.5", "20:00-06:00 UTC", "1,000,000", "3.", "signs by itself"):
        assert part in shown
    assert len(set(itertools.chain(said, empty))) == 2 * len(said)
