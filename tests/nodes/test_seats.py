"""Whatever a coordinator shows to whom, members that are in both of two lists never go apart."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hansa.core import codec
from hansa.core.charter import Party
from hansa.core.errors import HansaError, MessageError, RefusedError
from hansa.crypto.identities import succession
from hansa.nodes.seats import PartySeat
from hansa.protection.amendment import amendment, with_key, with_party, without_party
from hansa.protection.enrolment import COORDINATOR, Credential, credential
from hansa.protection.membership import Member, Membership, approved
from tests.nodes.node_world import NodeWorld, charter_of, source_of

WORLD = NodeWorld(charter_of("fedavg"), Path("unused"))
BOSS = WORLD.credentials[COORDINATOR].signing
CHANGES = ("west joins", "east joins", "party-3 leaves", "party-1 has a new key")
NEW = {name: credential(name, source_of(f"{name} comes")) for name in ("west", "east", "party-1")}


def _after(listed: Membership, change: str, number: int) -> Membership:
    """Return a list with a change, if it can be made."""
    name = change.split(" ")[0]
    if change.endswith("joins") and name not in listed.names:
        after = with_party(listed, Member(Party(name), NEW[name].signing.public))
    elif change.endswith("leaves") and name in listed.names:
        after = without_party(listed, name)
    elif change.endswith("key"):
        after = with_key(listed, name, NEW[name].signing.public)
    else:
        after = listed
    return replace(after, number=number)


@dataclass
class Split:
    """Three members, and a coordinator that shows each what it likes and keeps all signatures."""

    seats: dict[str, PartySeat] = field(default_factory=dict)
    words: dict[Membership, dict[str, bytes]] = field(default_factory=dict)  # signatures, by list
    counted: dict[str, list[Membership]] = field(default_factory=dict)  # what counted for whom, one by one

    def __post_init__(self) -> None:
        """Let all have signed the first list."""
        first = WORLD.membership
        for name in WORLD.names:
            self.seats[name] = WORLD.__class__.seat(_Keys(WORLD.charter, Path("unused")), name)
            told = self.seats[name].join(codec.encode(first.value), later=False)
            self.words.setdefault(first, {})[name] = told["approval"]
        for name in WORLD.names:
            self.meet(name, first)

    def sign(self, name: str, change: str, number: int) -> Membership:
        """Show a member a change of the list that counts for it; raises what it refuses with."""
        seat = self.seats[name]
        assert seat.signed is not None
        after = _after(seat.signed, change, number)
        who, new = change.split(" ")[0], NEW.get(change.split(" ")[0])
        if change.endswith("key") and name == who:
            assert new is not None
            told = seat.rekey(codec.encode(after.value), new)
        else:
            word = (
                succession(WORLD.credentials[who].signing, new.signing.public)
                if "key" in change and new
                else None
            )
            own = None if change.endswith("leaves") or new is None else approved(after, who, new.signing)
            told = seat.amend(amendment(seat.signed, after, BOSS, own, word))
            if own is not None:
                self.words.setdefault(after, {}).setdefault(who, own.encoded())
        self.words.setdefault(after, {})[name] = told["approval"]
        return after

    def meet(self, name: str, listed: Membership) -> None:
        """Show a member all signatures of a list; raises where one lacks."""
        own = approved(listed, COORDINATOR, BOSS).encoded()
        self.seats[name].meet({"approvals": self.words.get(listed, {}) | {COORDINATOR: own}, "adverts": {}})
        now = self.seats[name].signed
        assert now is not None
        if not self.counted.setdefault(name, []) or self.counted[name][-1] != now:
            self.counted[name].append(now)


class _Keys(NodeWorld):
    """A world whose parties have no store."""

    def own(self, name: str) -> Credential:
        """Return the keys that a party began with."""
        return WORLD.credentials[name]


_WHO = [WORLD.names, ["party-1"], ["party-2"]]
_STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(_WHO), st.sampled_from([(0, 1), (1, 1), (1, 2)])
        ),  # which change, its number
        st.tuples(st.sampled_from(_WHO[1:]), st.sampled_from([1, 2])),  # lists of which number are met
    ),
    min_size=4,
    max_size=14,
)


@settings(max_examples=100)
@example(list(CHANGES), [(_WHO[0], (0, 1)), (_WHO[0], (1, 2)), (_WHO[1], (0, 1)), (_WHO[1], 1), (_WHO[2], 2)])
@given(st.permutations(CHANGES), _STEPS)
def test_of_two_lists_over_one_at_most_one_comes_to_count_among_who_is_in_both(
    changes: list[str], steps: list[tuple[list[str], Any]]
) -> None:
    run = Split()
    for names, what in steps:
        shown = [one for one in run.words if one.number == what] if isinstance(what, int) else [None]
        for name, listed in product(names, shown):
            with suppress(HansaError):
                if listed is None:
                    run.sign(name, changes[what[0]], what[1])
                else:
                    run.meet(name, listed)
    for one, other in combinations(run.counted, 2):
        for mine, theirs in combinations([run.counted[one], run.counted[other]], 2):
            _never_apart(one, mine, other, theirs)


def _never_apart(one: str, mine: list[Membership], other: str, theirs: list[Membership]) -> None:
    """Pass if of two members' lists none follow the same one, and differ, and have both of them."""
    for before, after in pairwise(mine):
        for base, their in pairwise(theirs):
            if base == before and {one, other} <= set(after.names) & set(their.names):
                assert their == after


def test_a_second_list_of_one_number_is_not_signed_whoever_shows_it() -> None:
    run = Split()
    run.sign("party-2", "west joins", 1)
    run.sign("party-2", "west joins", 1)  # the same again
    for change in ("east joins", "party-3 leaves"):
        with pytest.raises(RefusedError, match="second list of members with a number up to 1"):
            run.sign("party-2", change, 1)


def test_who_signs_a_later_list_has_given_up_the_one_before() -> None:
    run = Split()
    given_up = {run.sign(name, "west joins", 1) for name in WORLD.names}.pop()
    run.sign("party-2", "party-3 leaves", 2)
    with pytest.raises(RefusedError, match="with a number up to 2"):
        run.sign("party-2", "west joins", 1)
    with pytest.raises(MessageError, match="signs a list of members that it is not in"):
        run.meet("party-2", given_up)
    run.meet("party-1", given_up)  # who signed nothing later takes it
    with pytest.raises(RefusedError, match="another list"):  # and not, any more, what amends the one before
        run.seats["party-1"].amend(
            amendment(WORLD.membership, without_party(replace(WORLD.membership, number=1), "party-3"), BOSS)
        )


def test_a_party_signs_its_own_new_key_and_no_other_change_with_it() -> None:
    run = Split()
    seat, new = run.seats["party-1"], NEW["party-1"]
    right = with_key(WORLD.membership, "party-1", new.signing.public)
    wrong = [
        without_party(right, "party-3"),
        with_key(right, "party-2", bytes(range(32))),
        with_key(WORLD.membership, "party-2", new.signing.public),
        replace(right, number=0),
        replace(right, run="ffffffffffffffff"),
    ]
    for one in wrong:
        with pytest.raises(RefusedError):
            seat.rekey(codec.encode(one.value), new)
    assert seat.standing.next is None
    seat.rekey(codec.encode(right.value), new)
    assert seat.standing.own == WORLD.credentials["party-1"]  # until all have signed
