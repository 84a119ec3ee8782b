"""What a ledger's file proves: a check that replays every entry, and a party's statement."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from hansa.core.credit_acts import act_of
from hansa.core.credits import START, Entry, Head, Posting, entry_after, party_account, service_account
from hansa.core.errors import LedgerError
from hansa.registry.ledger import Ledger
from hansa.registry.ledger_tables import SCHEMA, Tables

_STRAY = (
    "SELECT entry FROM postings WHERE entry NOT IN (SELECT number FROM entries)",
    "SELECT entry FROM terms WHERE entry NOT IN (SELECT number FROM entries WHERE kind = 'terms')",
)
_DO = "ask who keeps the file for the copy of before"


class Books:
    """Where a ledger stands after the entries that were followed, found from these alone."""

    def __init__(self) -> None:
        """Begin before the first entry."""
        self.head = START
        self.holdings: dict[str, dict[int, int]] = {}
        self._prices: dict[str, int] = {}

    def lots(self, account: str) -> dict[int, int]:
        """Return an account's credits by the time at which they expire, what expires first coming first."""
        return dict(sorted(self.holdings.get(account, {}).items()))

    def price(self, account: str) -> int | None:
        """Return what an account's service costs: 0 for a party, None for who is not in the terms."""
        return self._prices.get(account)

    def overdue(self, time: int) -> tuple[Posting, ...]:
        """Return the lots that have expired by now and are still held, in order of account and time."""
        held = (
            Posting(account, until, amount)
            for account, lots in self.holdings.items()
            for until, amount in lots.items()
        )
        return tuple(sorted(one for one in held if one.until <= time))

    def follow(self, entry: Entry) -> None:
        """Take the next entry; raises LedgerError where it is not what the acts before it lead to."""
        if entry.number != self.head.number + 1 or entry.slip.time < self.head.time:
            raise LedgerError(f"entry {entry.number} does not follow entry {self.head.number}", do=_DO)
        found = entry_after(self.head, entry.slip, entry.kind, entry.postings, entry.terms)
        if found != entry:
            raise LedgerError(f"entry {entry.number} is not what was entered: its hash differs", do=_DO)
        try:
            entry.slip.check()
            settled = act_of(entry).settled(entry.slip.time, self)
        except LedgerError as fault:
            raise LedgerError(f"entry {entry.number} breaks a rule ({fault.what})", do=_DO) from fault
        if tuple(sorted(settled)) != entry.postings:
            raise LedgerError(f"entry {entry.number} moves other credits than its act", do=_DO)
        self._apply(entry)

    def _apply(self, entry: Entry) -> None:
        for one in entry.postings:
            lots = self.holdings.setdefault(one.account, {})
            lots[one.until] = lots.get(one.until, 0) + one.amount
            if not lots[one.until]:
                del lots[one.until]
        if entry.terms is not None:
            self._prices = dict.fromkeys(map(party_account, entry.terms.parties), 0)
            self._prices |= {service_account(name): price for name, price in entry.terms.prices}
        self.head = entry.head


def check(ledger: Ledger, known: str = "") -> Books:
    """Return the books as all entries lead to them, when the file holds just these.

    known: the hash of a head that somebody was once shown; it must be in the chain. Without one, a file
    that was written anew from some entry on, or cut behind one, proves as well as the true one. Raises
    LedgerError, which names the first entry that is wrong.
    """
    books, seen = Books(), not known
    try:
        with ledger.reading() as tables:
            _check_made(tables.connection)
            for entry in tables.entries():
                books.follow(entry)
                seen = seen or entry.hash == known
            _check_rest(books, tables)
    except LedgerError as fault:
        raise LedgerError(fault.what, do=fault.do, where=str(ledger.path)) from fault
    if not seen:
        raise LedgerError(
            f"has no entry with the hash {known}: entries were changed since, or it is another ledger",
            do="ask who keeps the file why",
            where=str(ledger.path),
        )
    return books


@dataclass(frozen=True, slots=True)
class Line:
    """What one entry did to a party."""

    entry: Entry
    change: int  # credits
    balance: int  # after it


@dataclass(frozen=True, slots=True)
class Statement:
    """All that a ledger holds of one party, and the head to hold the ledger to later."""

    party: str
    lines: tuple[Line, ...]
    lots: dict[int, int]  # credits by the time at which they expire
    head: Head


def statement(ledger: Ledger, party: str) -> Statement:
    """Return a party's statement; raises LedgerError for who is not, and never was, in the ledger."""
    account, balance, lines = party_account(party), 0, []
    with ledger.reading() as tables:
        for entry in tables.entries(account):
            change = sum(one.amount for one in entry.postings if one.account == account)
            balance += change
            lines.append(Line(entry, change, balance))
        if not lines and tables.price(account) is None:
            do = f"name one that hansa credits balance {ledger.path} lists"
            raise LedgerError("is no party of this ledger", do=do, where=party)
        return Statement(party, tuple(lines), tables.lots(account), tables.head())


def _check_made(connection: sqlite3.Connection) -> None:
    """Return if the tables and triggers are those that a ledger is made with."""
    found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    if [sql for (sql,) in found] != list(SCHEMA):
        raise LedgerError("its tables or triggers were changed", do=_DO)


def _check_rest(books: Books, tables: Tables) -> None:
    """Return if nothing is in the file but what entries say, and what is kept of them is right."""
    for sql in _STRAY:
        stray = tables.connection.execute(sql).fetchone()
        if stray is not None:
            raise LedgerError(f"it has rows of an entry {stray[0]} that has none", do=_DO)
    held = {account: lots for account, lots in books.holdings.items() if lots}
    kept = tables.holdings()
    for account in sorted(held.keys() | kept.keys()):
        if held.get(account) != kept.get(account):
            raise LedgerError(f"what it keeps as held by {account} is not what its entries add up to", do=_DO)
    sound = tables.connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if sound != "ok":
        raise LedgerError(f"its file is damaged ({sound})", do=_DO)
