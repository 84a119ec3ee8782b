"""The ledger against a model in which every credit is a coin of its own, and what it refuses."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hansa.core.credit_acts import Act, Agree, Earn, Expire, Issue, Spend, Transfer
from hansa.core.credits import ISSUED, MOST, NEVER, Entry, Slip, Terms
from hansa.core.errors import LedgerError
from hansa.registry.ledger import Ledger
from hansa.registry.ledger_check import check, statement

PARTIES = ("a", "b", "c")
SERVICES = ("audit", "scoring")
parties = st.sampled_from(PARTIES)


class LedgerMachine(RuleBasedStateMachine):
    """Acts in any order, each done to the ledger and to coins: an account is a list of expiry times."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.ledger = Ledger(self.folder / "ledger", new=True)
        self.now = 1000
        self.coins: dict[str, list[float]] = {"pool": []}
        self.prices: dict[str, int] = {}
        self.known: tuple[str, ...] = ()
        self.issued = 0
        self.done: list[tuple[Slip, Act, Entry]] = []

    @initialize(price=st.integers(1, 9))
    def open(self, price: int) -> None:
        self.agree(PARTIES[:2], {"scoring": price})

    @rule(
        known=st.sets(parties, min_size=1).map(sorted),
        prices=st.dictionaries(st.sampled_from(SERVICES), st.integers(1, 9)),
    )
    def agree(self, known: tuple[str, ...], prices: dict[str, int]) -> None:
        self.does(Agree(Terms(tuple(known), tuple(sorted(prices.items())))))
        self.known, self.prices = tuple(known), prices

    @rule(amount=st.integers(1, 60))
    def issue(self, amount: int) -> None:
        self.does(Issue(amount))
        self.coins["pool"] += [float("inf")] * amount
        self.issued += amount

    @rule(shares=st.dictionaries(parties, st.integers(1, 20)), term=st.none() | st.integers(1, 40))
    def earn(self, shares: dict[str, int], term: int | None) -> None:
        lawful = bool(shares) and set(shares) <= set(self.known)
        if self.does(
            Earn(tuple(sorted(shares.items())), term),
            lawful and sum(shares.values()) <= len(self.coins["pool"]),
        ):
            for party, share in shares.items():
                del self.coins["pool"][:share]
                self.coins.setdefault(party, []).extend([self.now + term if term else float("inf")] * share)

    @rule(party=parties, service=st.sampled_from(SERVICES))
    def spend(self, party: str, service: str) -> None:
        price = self.prices.get(service)
        coins = self.usable(party)[:price]
        if self.does(Spend(party, service), price is not None and len(coins) == price):
            self.move(party, service, coins)
            self.coins[service] = [float("inf")] * len(self.coins[service])

    @rule(payer=parties, payee=parties, amount=st.integers(1, 25))
    def transfer(self, payer: str, payee: str, amount: int) -> None:
        coins = self.usable(payer)[:amount]
        lawful = payer != payee and payee in self.known and len(coins) == amount
        if self.does(Transfer(payer, payee, amount), lawful):
            self.move(payer, payee, coins)

    @rule()
    def expire(self) -> None:
        over = [(name, coin) for name, coins in self.coins.items() for coin in coins if coin <= self.now]
        if self.does(Expire(), bool(over)):
            for name, coin in over:
                self.coins[name].remove(coin)
                self.coins["pool"].append(float("inf"))

    @rule(seconds=st.integers(1, 30))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        slip, act, entry = data.draw(st.sampled_from(self.done))
        before = content(self.ledger)
        assert self.ledger.enter(Slip(slip.act, self.now), act) == entry
        assert content(self.ledger) == before

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = Ledger(self.folder / "ledger")

    @invariant()
    def holds_what_the_coins_say(self) -> None:
        held = self.ledger.tables.holdings()
        assert all(amount > 0 for name, lots in held.items() if name != ISSUED for amount in lots.values())
        assert sum(amount for lots in held.values() for amount in lots.values()) == 0
        coins = sorted(
            (name.partition("/")[2] or name, float("inf") if until == NEVER else until)
            for name, lots in held.items()
            for until, amount in lots.items()
            for _ in range(amount)
        )
        assert coins == sorted((name, coin) for name, coins in self.coins.items() for coin in coins)
        assert len(coins) == self.issued

    def teardown(self) -> None:
        check(self.ledger)
        for party in self.known:
            found = statement(self.ledger, party)
            assert [line.balance for line in found.lines][-1:] in ([], [len(self.coins.get(party, []))])
        self.ledger.close()
        shutil.rmtree(self.folder)

    def does(self, act: Act, lawful: bool = True) -> bool:
        """Return whether the act is lawful, once the ledger has agreed; a refusal changes nothing."""
        slip, before = Slip(f"act {len(self.done)}", self.now), content(self.ledger)
        if lawful:
            self.done.append((slip, act, self.ledger.enter(slip, act)))
            return True
        with pytest.raises(LedgerError):
            self.ledger.enter(slip, act)
        assert content(self.ledger) == before
        return False

    def usable(self, name: str) -> list[float]:
        return sorted(coin for coin in self.coins.get(name, []) if coin > self.now)

    def move(self, payer: str, payee: str, coins: list[float]) -> None:
        for coin in coins:
            self.coins[payer].remove(coin)
        self.coins.setdefault(payee, []).extend(coins)


LedgerMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
test_a_ledger_holds_what_its_coins_say = LedgerMachine.TestCase


def content(ledger: Ledger) -> str:
    """Return all that is in the file."""
    return "\n".join(ledger.tables.connection.iterdump())


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give a ledger of three parties with 100 credits in the pool and 10 at `a` until 2000."""
    opened = Ledger(tmp_path / "ledger", new=True)
    opened.enter(Slip("terms", 1), Agree(Terms(PARTIES, (("scoring", 4),))))
    opened.enter(Slip("issue", 2), Issue(110))
    opened.earn(1, {"a": 10, "b": 0}, "digest", time=1000, term_s=1000)
    yield opened
    opened.close()


def test_a_round_is_paid_once_for_one_evidence(ledger: Ledger) -> None:
    first = ledger.tables.entry_of("earn 1 digest")
    assert ledger.earn(1, {"a": 10}, "digest", time=1500, term_s=1000) == first
    with pytest.raises(LedgerError, match="is the name of entry 3, another act"):
        ledger.earn(1, {"a": 11}, "digest", time=1500, term_s=1000)
    assert ledger.earn(2, {"a": 10}, "digest", time=1500, term_s=1000).number == 4


def test_a_service_that_was_paid_is_not_paid_again_at_another_price(ledger: Ledger) -> None:
    paid = ledger.enter(Slip("use", 1001), Spend("a", "scoring"))
    ledger.enter(Slip("dearer", 1002), Agree(Terms(PARTIES, (("scoring", 9),))))
    assert ledger.enter(Slip("use", 1003), Spend("a", "scoring")) == paid
    with pytest.raises(LedgerError, match="holds 6 usable credits, 9 are needed"):
        ledger.enter(Slip("use again", 1003), Spend("a", "scoring"))


def test_what_expires_first_goes_first_and_expires_with_whom_it_went_to(ledger: Ledger) -> None:
    ledger.earn(2, {"a": 5}, "digest", time=1100, term_s=100)
    ledger.enter(Slip("gift", 1150), Transfer("a", "b", 7))
    assert ledger.tables.lots("party/b") == {1200: 5, 2000: 2}
    ledger.enter(Slip("over", 1200), Expire())
    assert ledger.tables.lots("party/b") == {2000: 2}
    assert ledger.tables.lots("pool") == {NEVER: 100}


def test_credits_cannot_be_used_from_the_second_on_in_which_they_expire(ledger: Ledger) -> None:
    ledger.enter(Slip("last", 1999), Spend("a", "scoring"))
    with pytest.raises(LedgerError, match="a: holds 0 usable credits, 4 are needed"):
        ledger.enter(Slip("late", 2000), Spend("a", "scoring"))


def test_who_leaves_the_terms_may_spend_but_not_receive(ledger: Ledger) -> None:
    ledger.enter(Slip("without a", 1001), Agree(Terms(("b", "c"), (("scoring", 4),))))
    ledger.enter(Slip("use", 1002), Spend("a", "scoring"))
    ledger.enter(Slip("gift", 1002), Transfer("a", "b", 1))
    with pytest.raises(LedgerError, match="a: is no party of this ledger"):
        ledger.enter(Slip("back", 1002), Transfer("b", "a", 1))


ACTS: list[tuple[Act, str]] = [
    (Issue(0), "0 is no whole number of credits from 1"),
    (Issue(True), "True is no whole number of credits"),
    (Issue(MOST), f"more than {MOST} credits would be issued"),
    (Earn((), None), "no party has a share"),
    (Earn((("a", -1),), None), "a: -1 is no whole number of credits"),
    (Earn((("a", 1),), 0), "the term in seconds: 0 is no whole number"),
    (Earn((("stranger", 1),), None), "stranger: is no party of this ledger"),
    (Earn((("a", 60), ("b", 41)), None), "pool: holds 100 usable credits, 101 are needed; issue more first"),
    (Spend("a", "coffee"), "coffee: is no service with a price"),
    (Spend("b", "scoring"), "b: holds 0 usable credits, 4 are needed"),
    (Spend("stranger", "scoring"), "stranger: holds 0 usable credits"),
    (Transfer("a", "a", 1), "a: gives credits to itself"),
    (Transfer("a", "stranger", 1), "stranger: is no party of this ledger"),
    (Transfer("a", "b", 11), "a: holds 10 usable credits, 11 are needed"),
    (Transfer("a", "b", -1), "a: -1 is no whole number of credits"),
    (Expire(), "pool: no credits have expired"),
    (Agree(Terms((), ())), "the terms name no party"),
    (Agree(Terms(("b", "a"), ())), "the parties are not each named once, in order"),
    (Agree(Terms(("a",), (("x", 1), ("x", 2)))), "the services are not each named once"),
    (Agree(Terms(("a\n",), ())), "a name among the parties is not one line"),
    (Agree(Terms(("a",), (("x", 0),))), "x: 0 is no whole number of credits"),
]
SLIPS = [
    (Slip("", 1500), "the act is not one line of 1 to 200"),
    (Slip("x" * 201, 1500), "the act is not one line"),
    (Slip("x", 1500, memo="\ud800"), "the memo is not one line"),
    (Slip("x", 1500, evidence="a\x00"), "the evidence is not one line"),
    (Slip("x", -1), "x: the time is not a whole number from 0 on"),
    (Slip("x", 1500, round=2**64), "x: the round is not a whole number"),
    (Slip("x", 999), "entry 3 is of a later time, 1000, than this act, 999; set the clock right"),
    (Slip("issue", 1500), "issue is the name of entry 2, another act; give a new name with --act"),
]


@pytest.mark.parametrize(
    ("slip", "act", "why"),
    [(Slip("x", 1500), act, why) for act, why in ACTS] + [(slip, Issue(1), why) for slip, why in SLIPS],
)
def test_what_is_refused_is_said_in_a_sentence_and_leaves_no_trace(
    ledger: Ledger, slip: Slip, act: Act, why: str
) -> None:
    before = content(ledger)
    with pytest.raises(LedgerError) as refused:
        ledger.enter(slip, act)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)
    assert content(ledger) == before


def test_acts_entered_together_are_all_there_or_none(ledger: Ledger) -> None:
    before = content(ledger)
    with pytest.raises(LedgerError, match="usable"), ledger.together():
        ledger.enter(Slip("gift", 1500), Transfer("a", "b", 6))
        ledger.enter(Slip("more", 1500), Transfer("a", "b", 6))
    assert content(ledger) == before
    with ledger.together():
        ledger.enter(Slip("gift", 1500), Transfer("a", "b", 6))
        with pytest.raises(LedgerError, match="usable"):
            ledger.enter(Slip("more", 1500), Transfer("a", "b", 6))
    assert ledger.tables.lots("party/b") == {2000: 6}


@pytest.mark.parametrize("table", ["entries", "postings", "terms"])
def test_the_file_itself_refuses_changes_and_rows_between(ledger: Ledger, table: str) -> None:
    connection = ledger.tables.connection
    row = connection.execute(f"SELECT * FROM {table}").fetchone()  # noqa: S608 - our own table
    column = {"entries": "memo", "postings": "account", "terms": "account"}[table]
    for act in (f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}"):  # noqa: S608
        with pytest.raises(sqlite3.IntegrityError, match=f"{table} only grow"):
            connection.execute(act)
    for how in ("INSERT", "INSERT OR REPLACE"):
        with pytest.raises(sqlite3.IntegrityError, match=f"{table} grow at the end"):
            connection.execute(f"{how} INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def test_two_who_have_it_open_see_each_others_acts(ledger: Ledger) -> None:
    with Ledger(ledger.path) as other:
        other.enter(Slip("gift", 1500), Transfer("a", "b", 4))
        with pytest.raises(LedgerError, match="a: holds 6 usable credits"):
            ledger.enter(Slip("more", 1500), Transfer("a", "c", 7))
        assert ledger.enter(Slip("gift", 1600), Transfer("a", "b", 4)).number == 4
    ledger.close()
    assert [one.name for one in ledger.path.parent.iterdir()] == ["ledger"]


def foreign(path: Path) -> None:
    sqlite3.connect(path).execute("CREATE TABLE t (x)").connection.close()


def text(path: Path) -> None:
    path.write_text("no database " * 100)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (foreign, "is no ledger of this version"),
        (text, "cannot be used (file is not a database)"),
        (Path.mkdir, "cannot be used (unable to open database file)"),
    ],
)
def test_what_is_no_ledger_is_left_as_it_is(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    path = tmp_path / "other"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(LedgerError) as refused:
        Ledger(path, new=True)
    assert why in str(refused.value)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_ledger_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"there is no ledger; make it: hansa credits open"):
        Ledger(tmp_path / "none")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_acts_of_before(ledger: Ledger) -> None:
    connection = ledger.tables.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LedgerError, match=r"cannot be used \(database or disk is full\)"), ledger.together():
        for number in range(1000):
            ledger.enter(Slip(f"issue {number}", 1500), Issue(1))
    assert ledger.tables.head().number == 3
    check(ledger)
