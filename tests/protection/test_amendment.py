"""An amendment changes one member and nothing else, and each member finds out by itself."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hansa.core import codec
from hansa.core.errors import HansaError, MessageError, RefusedError
from hansa.crypto.identities import fingerprint, succession
from hansa.crypto.signing import SigningKey
from hansa.protection.amendment import amendment, read_amendment, with_key, with_party, without_party
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.membership import Membership, approved, complete
from tests.protection.members import first, key, member

MINE = first()
BOSS = key(COORDINATOR)
NEW = key("a new key")


def joining(name: str = "airline-5") -> tuple[Membership, bytes]:
    after = with_party(MINE, member(name))
    return after, amendment(MINE, after, BOSS, approved(after, name, key(name)))


def rekeying(name: str, old: SigningKey | None = None) -> tuple[Membership, bytes]:
    after = with_key(MINE, name, NEW.public)
    word = succession(old or key(name), NEW.public)
    return after, amendment(MINE, after, BOSS, approved(after, name, NEW), word)


def test_a_party_joins_with_its_own_word() -> None:
    after, message = joining()
    found = read_amendment(MINE, message)
    assert found.membership == after
    assert found.change.words == f"airline-5 joins, key {fingerprint(key('airline-5').public)}"
    rest = [approved(after, name, key(name)) for name in MINE.identities]
    assert found.approval is not None
    assert complete(after, [*rest, found.approval])
    assert not complete(after, rest)


@pytest.mark.parametrize("name", ["airline-1", "airline-2", "airline-3"])
def test_a_party_leaves_and_the_others_stay_in_their_order(name: str) -> None:
    after = without_party(MINE, name)
    found = read_amendment(MINE, amendment(MINE, after, BOSS))
    assert found.membership == after
    assert [one.party.name for one in after.parties] == [n for n in list(MINE.identities)[:3] if n != name]
    assert found.change.words == f"{name} leaves, key {fingerprint(key(name).public)}"
    assert found.approval is None


def test_parties_leave_together_since_none_of_them_signs_that_another_does() -> None:
    after = without_party(MINE, "airline-3", "airline-1")
    found = read_amendment(MINE, amendment(MINE, after, BOSS))
    assert found.membership.names == ("airline-2",)
    shown = [f"{name} leaves, key {fingerprint(key(name).public)}" for name in ("airline-1", "airline-3")]
    assert found.change.words == "; ".join(shown)


@pytest.mark.parametrize("name", ["airline-2", COORDINATOR, "auditor"])
def test_a_key_is_replaced_by_one_that_the_old_one_signed_for(name: str) -> None:
    found = read_amendment(MINE, rekeying(name)[1])
    assert found.membership.identities[name] == NEW.public
    assert found.change.words == (
        f"{name} has a new key, {fingerprint(NEW.public)}, in place of {fingerprint(key(name).public)}"
    )
    with pytest.raises(MessageError, match="signature of succession"):
        read_amendment(MINE, rekeying(name, old=key("thief"))[1])


def test_a_list_that_not_all_have_signed_leaves_a_gap_in_the_numbers() -> None:
    after = replace(joining()[0], number=7)
    message = amendment(MINE, after, BOSS, approved(after, "airline-5", key("airline-5")))
    assert read_amendment(MINE, message).membership.number == 7


def test_a_second_amendment_follows_the_first_and_neither_can_be_replayed() -> None:
    after, message = joining()
    second = without_party(after, "airline-1")
    later = amendment(after, second, BOSS)
    assert read_amendment(after, later).membership.number == 2
    for mine, old in ((after, message), (MINE, later), (second, later)):
        with pytest.raises(RefusedError, match="another list"):
            read_amendment(mine, old)


def test_after_the_coordinator_has_a_new_key_the_old_one_amends_nothing() -> None:
    after, _ = rekeying(COORDINATOR)
    third = without_party(after, "airline-1")
    assert read_amendment(after, amendment(after, third, NEW)).membership == third
    with pytest.raises(MessageError, match="signature of membership amendment"):
        read_amendment(after, amendment(after, third, BOSS))


Change = Callable[[Membership], Membership]


def _moved(after: Membership) -> Membership:
    return replace(after, parties=after.parties[::-1])


def _renamed(after: Membership) -> Membership:
    return replace(after, parties=(*after.parties[:2], member("airline-4")))


def _mapped(after: Membership) -> Membership:
    one = after.parties[0]
    return replace(after, parties=(replace(one, party=replace(one.party, hidden=())), *after.parties[1:]))


def _two_keys(after: Membership) -> Membership:
    return replace(with_key(with_key(after, "airline-1", NEW.public), "auditor", bytes(32)), number=1)


_AFTER = replace(MINE, number=1)


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (_AFTER, "changes 0 keys"),
        (MINE, "is numbered 0"),
        (replace(joining()[0], charter="d" * 64), "changes the charter"),
        (replace(joining()[0], run="f" * 16), "the run"),
        (_moved(_AFTER), "more than one change"),
        (_renamed(_AFTER), "more than one change"),
        (_mapped(_AFTER), "more than one change"),
        (_two_keys(MINE), "changes 2 keys"),
        (replace(joining()[0], parties=joining()[0].parties[::-1]), "more than one change"),
        (replace(joining()[0], parties=joining()[0].parties[1:]), "more than one change"),
        (replace(with_party(joining()[0], member("airline-6")), number=1), "more than one change"),
        (replace(_AFTER, servers=MINE.servers[:1]), "more than one change"),
        (replace(_AFTER, servers=(*MINE.servers, ("second", NEW.public))), "more than one change"),
        (replace(joining()[0], servers=MINE.servers[:1]), "more than one change"),
        (replace(_AFTER, parties=MINE.parties[1::-1]), "more than one change"),
    ],
)
def test_what_no_honest_coordinator_signs_is_refused(after: Membership, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        read_amendment(MINE, amendment(MINE, after, BOSS))


@pytest.mark.parametrize("name", ["airline-1", COORDINATOR, "auditor", "..", ""])
def test_nobody_joins_under_a_name_that_is_taken_or_none(name: str) -> None:
    after = with_party(MINE, replace(member(name), key=NEW.public))
    with pytest.raises(MessageError, match=r"one name|a name that is none"):
        read_amendment(MINE, amendment(MINE, after, BOSS, approved(after, name, NEW)))


def test_nobody_joins_with_a_key_that_another_has() -> None:
    after = with_party(MINE, replace(member("airline-5"), key=key("airline-1").public))
    with pytest.raises(MessageError, match="one key"):
        read_amendment(MINE, amendment(MINE, after, BOSS, approved(after, "airline-5", key("airline-1"))))


def test_nobody_is_made_to_join() -> None:
    after = with_party(MINE, member("airline-5"))
    for approval in (None, approved(after, "airline-5", BOSS), approved(MINE, "airline-5", key("airline-5"))):
        with pytest.raises(MessageError) as caught:
            read_amendment(MINE, amendment(MINE, after, BOSS, approval))
        assert caught.value.where == "airline-5"


def test_a_new_key_that_its_owner_does_not_have_is_refused() -> None:
    after, _ = rekeying("airline-1")
    word = succession(key("airline-1"), NEW.public)
    with pytest.raises(MessageError, match="signature of membership approval"):
        read_amendment(MINE, amendment(MINE, after, BOSS, approved(after, "airline-1", BOSS), word))


@pytest.mark.parametrize("signer", ["airline-1", "auditor", "a new key"])
def test_only_the_coordinator_amends(signer: str) -> None:
    after, _ = joining()
    message = amendment(MINE, after, key(signer), approved(after, "airline-5", key("airline-5")))
    with pytest.raises(MessageError, match="signature of membership amendment"):
        read_amendment(MINE, message)


def _resigned(**changed: Any) -> bytes:
    inner = codec.decode(codec.decode(joining()[1])[0]) | changed
    body = codec.encode(inner)
    return codec.encode([body, BOSS.sign("membership amendment", body)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        codec.encode([b"", b"", b""]),
        codec.encode(["a", b""]),
        codec.encode([b"", bytes(64)]),
        _resigned(before="a"),
        _resigned(more=1),
        _resigned(after=[]),
        _resigned(after={}),
        _resigned(after=with_party(MINE, member("airline-5")).value | {"number": "1"}),
        _resigned(approval=b"short"),
        _resigned(succession=bytes(64)),
        codec.encode([bytes(1 << 22), bytes(64)]),
    ],
)
def test_what_is_no_amendment_is_refused_by_one_sentence(data: bytes) -> None:
    with pytest.raises(HansaError) as caught:
        read_amendment(MINE, data)
    assert "\n" not in str(caught.value)


def test_every_single_byte_of_an_amendment_is_signed() -> None:
    message = joining()[1]
    for place in range(0, len(message), 7):
        spoilt = message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :]
        with pytest.raises(MessageError):
            read_amendment(MINE, spoilt)
