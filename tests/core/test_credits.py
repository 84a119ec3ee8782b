"""The chain of entries: what a hash covers, and that what was asked is read back from what was entered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.credit_acts import Act, Agree, Earn, Issue, Spend, Transfer, act_of
from hansa.core.credits import ISSUED, NEVER, POOL, START, Entry, Posting, Slip, Terms, entry_after
from hansa.core.errors import LedgerError

SLIP = Slip("act", 7, 3, "digest", "memo")
MOVED = (Posting(ISSUED, NEVER, -5), Posting(POOL, NEVER, 5))
names = st.text("abc/ é", min_size=1, max_size=4)
amounts = st.integers(1, 50)
lots = st.dictionaries(st.integers(8, 30), amounts, min_size=1, max_size=5)


def test_a_hash_is_that_of_the_canonical_bytes_of_all_fields_and_the_hash_before() -> None:
    first = entry_after(START, SLIP, "issue", MOVED, None)
    second = entry_after(first.head, SLIP, "terms", (), Terms(("a",), (("x", 2),)))

    said = ["act", 7, "issue", 3, "digest", "memo"]
    moved = [["issued", NEVER, -5], ["pool", NEVER, 5]]
    bytes_ = cbor2.dumps(["", 1, said, moved, None], canonical=True)
    assert first.hash == hashlib.sha256(bytes_).hexdigest()
    said[2] = "terms"
    bytes_ = cbor2.dumps([first.hash, 2, said, [], [["a"], [["x", 2]]]], canonical=True)
    assert second.hash == hashlib.sha256(bytes_).hexdigest()


def test_the_order_in_which_postings_were_found_does_not_matter() -> None:
    assert entry_after(START, SLIP, "issue", MOVED[::-1], None) == entry_after(
        START, SLIP, "issue", MOVED, None
    )


class Rich:
    """A standing in which everybody is known and every account holds these lots."""

    def __init__(self, held: Mapping[int, int], price: int) -> None:
        self._lots, self._price = dict(sorted(held.items())), price

    def lots(self, account: str) -> Mapping[int, int]:
        return {} if account == ISSUED else self._lots

    def price(self, account: str) -> int | None:
        return self._price

    def overdue(self, time: int) -> tuple[Posting, ...]:
        return ()


acts = st.one_of(
    st.builds(Issue, amounts),
    st.builds(Transfer, names, names, amounts),
    st.builds(Spend, names, names),
    st.builds(
        Earn,
        st.dictionaries(names, amounts, min_size=1).map(lambda shares: tuple(sorted(shares.items()))),
        st.none() | amounts,
    ),
    st.just(Agree(Terms(("a",), ()))),
)


@given(acts, lots, amounts)
def test_what_was_asked_is_read_back_from_what_was_moved(act: Act, held: dict[int, int], price: int) -> None:
    try:
        moved = act.settled(SLIP.time, Rich(held, price))
    except LedgerError:
        enough = sum(held.values())
        wanted = {
            Transfer: lambda: 0 if act.payer == act.payee else act.amount,
            Spend: lambda: price,
            Earn: lambda: sum(share for _, share in act.shares),
        }[type(act)]()
        assert wanted == 0 or wanted > enough
        return
    assert sum(one.amount for one in moved) == 0
    terms = act.terms if isinstance(act, Agree) else None
    assert act_of(entry_after(START, SLIP, act.kind, moved, terms)) == act


@given(lots, amounts)
def test_what_is_taken_leaves_nothing_that_expires_before_it(held: dict[int, int], amount: int) -> None:
    standing = Rich(held, 1)
    if amount > sum(held.values()):
        with pytest.raises(LedgerError, match=f"holds {sum(held.values())} usable credits, {amount} are"):
            Transfer("a", "b", amount).settled(7, standing)
        return
    moved = Transfer("a", "b", amount).settled(7, standing)
    taken = {one.until: -one.amount for one in moved if one.account == "party/a"}
    left = {until: had - taken.get(until, 0) for until, had in held.items()}
    assert sum(taken.values()) == amount
    last = max(taken)
    assert not [until for until, credits_left in left.items() if credits_left and until < last]


@pytest.mark.parametrize("kind", ["issue", "earn", "spend", "transfer", "gift"])
def test_an_entry_that_no_act_leads_to_is_told(kind: str) -> None:
    entry = Entry(4, SLIP, kind, (), None, "")
    with pytest.raises(LedgerError, match=f"entry 4 is no '{kind}' that can be entered"):
        act_of(entry)
    with pytest.raises(LedgerError, match="entry 4 is no"):
        act_of(replace(entry, terms=Terms(("a",), ())))
