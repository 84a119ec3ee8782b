"""Who is a member: the same list has the same digest everywhere, and counts once all have signed it."""

from dataclasses import replace
from typing import Any

import pytest

from hansa.core import codec
from hansa.core.errors import MessageError
from hansa.crypto.signing import SigningKey
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.membership import (
    Approval,
    approved,
    check_approval,
    complete,
    read_approval,
    read_membership,
    unsigned,
)
from tests.protection.members import first, key, member

LIST = first()
NAMES = ("airline-1", "airline-2", "airline-3", COORDINATOR, "auditor")


def test_a_list_is_read_as_it_was_written() -> None:
    found = read_membership(codec.encode(LIST.value), COORDINATOR)
    assert found == LIST
    assert found.digest == LIST.digest
    assert found.coordinator == key(COORDINATOR).public
    assert [party.name for party in found.roster] == list(NAMES[:3])


@pytest.mark.parametrize(
    "other",
    [
        replace(LIST, run="0123456789abcdee"),
        replace(LIST, charter="d" * 64),
        replace(LIST, number=1),
        replace(LIST, parties=LIST.parties[::-1]),
        replace(LIST, parties=(replace(LIST.parties[0], key=bytes(32)), *LIST.parties[1:])),
        replace(LIST, parties=(replace(LIST.parties[0], party=member("airline-4").party), *LIST.parties[1:])),
        replace(LIST, servers=LIST.servers[:1]),
    ],
)
def test_lists_that_differ_in_anything_have_other_digests(other: Any) -> None:
    assert other.digest != LIST.digest


def test_a_list_is_complete_once_every_party_and_server_has_signed() -> None:
    approvals = [approved(LIST, name, key(name)) for name in NAMES]
    for approval in approvals:
        check_approval(LIST, read_approval(approval.encoded(), approval.name))
    assert complete(LIST, approvals)
    for missing in approvals:
        rest = [one for one in approvals if one is not missing]
        assert unsigned(LIST, [*rest, *rest]) == (missing.name,)
        assert not complete(LIST, rest)


def _forged() -> list[Approval]:
    own = key("airline-1")
    return [
        approved(LIST, "airline-1", key("airline-2")),
        approved(replace(LIST, number=1), "airline-1", own),
        approved(LIST, "airline-9", key("airline-9")),
        Approval("airline-1", own.sign("invitation", LIST.digest)),
        Approval("airline-1", bytes(64)),
    ]


@pytest.mark.parametrize("forged", _forged())
def test_an_approval_of_another_list_purpose_or_key_counts_for_nothing(forged: Approval) -> None:
    with pytest.raises(MessageError) as caught:
        check_approval(LIST, forged)
    assert caught.value.where == forged.name
    rest = [approved(LIST, name, key(name)) for name in NAMES[1:]]
    assert unsigned(LIST, [forged, *rest]) == ("airline-1",)


def _spoilt(**changed: Any) -> bytes:
    return codec.encode(LIST.value | changed)


def _with_party(**changed: Any) -> bytes:
    party, public = LIST.value["parties"][0]
    return _spoilt(parties=[[party | changed, public], *LIST.value["parties"][1:]])


_KEY = SigningKey(bytes(32)).public


@pytest.mark.parametrize(
    "data",
    [
        b"",
        codec.encode([]),
        codec.encode({}),
        _spoilt(more=1),
        _spoilt(number=True),
        _spoilt(number=-1),
        _spoilt(number=1 << 40),
        _spoilt(number="0"),
        _spoilt(run="RUN"),
        _spoilt(run="../../etc"),
        _spoilt(charter="c" * 63),
        _spoilt(parties={}),
        _spoilt(parties=[]),
        _spoilt(parties=[1]),
        _spoilt(parties=[[LIST.value["parties"][0][0]]]),
        _spoilt(parties=[LIST.value["parties"][0]] * 2),
        _spoilt(servers=[]),
        _spoilt(servers=[["auditor", _KEY]]),
        _spoilt(servers=[[COORDINATOR, b"short"]]),
        _spoilt(servers=[[COORDINATOR, key("airline-1").public]]),
        _spoilt(servers=[[COORDINATOR, _KEY], ["airline-1", key("x").public]]),
        _with_party(name=1),
        _with_party(name="../x"),
        _with_party(name="a\nb"),
        _with_party(data=None),
        _with_party(columns={"a": 1}),
        _with_party(columns={1: "a"}),
        _with_party(units=[]),
        _with_party(sensors=["a", 1]),
        _with_party(hidden=[1.5]),
        _with_party(hidden=[True]),
        _with_party(more=1),
        _spoilt(run="0" * (1 << 23)),
    ],
)
def test_what_is_no_list_of_members_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError) as caught:
        read_membership(data, "airline-2")
    assert caught.value.where == "airline-2"
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "data",
    [
        b"",
        codec.encode({"name": "a"}),
        codec.encode({"name": "a", "signature": bytes(63)}),
        codec.encode({"name": 1, "signature": bytes(64)}),
        codec.encode({"name": "a" * 600, "signature": bytes(64)}),
    ],
)
def test_what_is_no_approval_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError, match="garbled"):
        read_approval(data, "airline-2")
