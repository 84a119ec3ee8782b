"""The tables of a credits ledger in one SQLite file, and how entries are written to and read from them.

`entries`, `postings` and `terms` only grow: triggers refuse every change, and a new row anywhere but at the
end. `holdings` is what follows from them, kept so that nobody adds up a history to read a balance.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from hansa.core.credit_acts import Agree
from hansa.core.credits import (
    ISSUED,
    START,
    Entry,
    Head,
    Posting,
    Slip,
    Terms,
    name_of,
    party_account,
    service_account,
)

APPLICATION = 0x48534352  # marks the file as ours
FORMAT = 1
_STAYS = "CREATE TRIGGER {0}_{1} BEFORE {1} ON {0} BEGIN SELECT raise(ABORT, '{0} only grow'); END"
_AT_END = """CREATE TRIGGER {0}_INSERT BEFORE INSERT ON {0}
WHEN NEW.{1} IS NOT (SELECT coalesce(max(number), 0) + {2} FROM entries)
BEGIN SELECT raise(ABORT, '{0} grow at the end'); END"""
_GROWING = (("entries", "number", 1), ("postings", "entry", 0), ("terms", "entry", 0))
SCHEMA = (
    """CREATE TABLE entries (
 number INTEGER PRIMARY KEY, act TEXT NOT NULL UNIQUE, time INTEGER NOT NULL, kind TEXT NOT NULL,
 round INTEGER NOT NULL, evidence TEXT NOT NULL, memo TEXT NOT NULL, hash TEXT NOT NULL
) STRICT""",
    """CREATE TABLE postings (
 entry INTEGER NOT NULL, account TEXT NOT NULL, until INTEGER NOT NULL, amount INTEGER NOT NULL,
 PRIMARY KEY (entry, account, until)
) STRICT, WITHOUT ROWID""",
    "CREATE INDEX postings_of_account ON postings (account)",
    """CREATE TABLE terms (
 entry INTEGER NOT NULL, account TEXT NOT NULL, price INTEGER NOT NULL, PRIMARY KEY (entry, account),
 CHECK (account GLOB 'party/*' AND price = 0 OR account GLOB 'service/*' AND price > 0)
) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE holdings (
 account TEXT NOT NULL, until INTEGER NOT NULL, amount INTEGER NOT NULL,
 PRIMARY KEY (account, until), CHECK (amount >= 0 OR account = '{ISSUED}')
) STRICT, WITHOUT ROWID""",
    *(_STAYS.format(table, act) for table, _, _ in _GROWING for act in ("UPDATE", "DELETE")),
    *(_AT_END.format(*growing) for growing in _GROWING),
)
"""Every statement that makes a ledger; the file keeps them word by word, so that a check finds them again."""

_COLUMNS = "number, act, time, kind, round, evidence, memo, hash"


class Tables:
    """What one connection sees of a ledger; the caller opens and ends transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take a connection in which every statement is its own transaction, unless one was begun."""
        self.connection = connection

    def lots(self, account: str) -> dict[int, int]:
        """Return an account's credits by the time at which they expire, what expires first coming first."""
        sql = "SELECT until, amount FROM holdings WHERE account = ? ORDER BY until"
        return dict(self.connection.execute(sql, (account,)).fetchall())

    def price(self, account: str) -> int | None:
        """Return what an account's service costs: 0 for a party, None for who is not in the terms."""
        sql = "SELECT price FROM terms WHERE account = ? AND entry = (SELECT max(entry) FROM terms)"
        found = self.connection.execute(sql, (account,)).fetchone()
        return None if found is None else int(found[0])

    def overdue(self, time: int) -> tuple[Posting, ...]:
        """Return the lots that have expired by now and are still held, in order of account and time."""
        sql = "SELECT account, until, amount FROM holdings WHERE until <= ? ORDER BY account, until"
        return tuple(Posting(*row) for row in self.connection.execute(sql, (time,)))

    def holdings(self) -> dict[str, dict[int, int]]:
        """Return the lots of every account that holds any, in order."""
        found: dict[str, dict[int, int]] = {}
        sql = "SELECT account, until, amount FROM holdings ORDER BY account, until"
        for account, until, amount in self.connection.execute(sql):
            found.setdefault(account, {})[until] = amount
        return found

    def head(self) -> Head:
        """Return where the chain ends."""
        sql = "SELECT number, time, hash FROM entries ORDER BY number DESC LIMIT 1"
        found = self.connection.execute(sql).fetchone()
        return START if found is None else Head(*found)

    def terms(self) -> Terms:
        """Return the terms that hold now; before the first, nobody and nothing."""
        newest = self.connection.execute("SELECT max(entry) FROM terms").fetchone()[0]
        return self._terms(newest or 0)

    def entry_of(self, act: str) -> Entry | None:
        """Return the entry of an act, or None where it was never entered."""
        sql = f"SELECT {_COLUMNS} FROM entries WHERE act = ?"  # noqa: S608 - our own column names
        found = self.connection.execute(sql, (act,)).fetchone()
        return None if found is None else self._entry(found)

    def entries(self, account: str = "") -> Iterator[Entry]:
        """Yield the entries that move credits of an account, or all, in order."""
        sql = f"SELECT {_COLUMNS} FROM entries"  # noqa: S608 - our own column names
        if account:
            sql += " WHERE number IN (SELECT entry FROM postings WHERE account = ?)"
        rows = self.connection.execute(f"{sql} ORDER BY number", (account,) if account else ())
        return map(self._entry, rows)

    def write(self, entry: Entry) -> None:
        """Write one entry and what follows from it, within a transaction of the caller's."""
        self._write_entry(entry)
        for one in entry.postings:
            self._add(one)

    def _write_entry(self, entry: Entry) -> None:
        slip = entry.slip
        row = (slip.act, slip.time, entry.kind, slip.round, slip.evidence, slip.memo, entry.hash)
        self.connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (entry.number, *row))
        moved = [(entry.number, one.account, one.until, one.amount) for one in entry.postings]
        self.connection.executemany("INSERT INTO postings VALUES (?, ?, ?, ?)", moved)
        if entry.terms is not None:
            known = [(party_account(name), 0) for name in entry.terms.parties]
            known += [(service_account(name), price) for name, price in entry.terms.prices]
            rows = [(entry.number, *one) for one in known]
            self.connection.executemany("INSERT INTO terms VALUES (?, ?, ?)", rows)

    def _add(self, posting: Posting) -> None:
        lot = (posting.account, posting.until)
        change = "UPDATE holdings SET amount = amount + ? WHERE account = ? AND until = ?"
        if not self.connection.execute(change, (posting.amount, *lot)).rowcount:
            self.connection.execute("INSERT INTO holdings VALUES (?, ?, ?)", (*lot, posting.amount))
        if posting.amount < 0:
            used_up = "DELETE FROM holdings WHERE account = ? AND until = ? AND amount = 0"
            self.connection.execute(used_up, lot)

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        number, act, time, kind, round_, evidence, memo, sealed = row
        sql = "SELECT account, until, amount FROM postings WHERE entry = ? ORDER BY account, until"
        postings = tuple(Posting(*one) for one in self.connection.execute(sql, (number,)))
        terms = self._terms(number) if kind == Agree.kind else None
        return Entry(number, Slip(act, time, round_, evidence, memo), kind, postings, terms, sealed)

    def _terms(self, entry: int) -> Terms:
        sql = "SELECT account, price FROM terms WHERE entry = ? ORDER BY account"
        rows = self.connection.execute(sql, (entry,)).fetchall()
        services = service_account("")
        prices = tuple((name_of(account), price) for account, price in rows if account.startswith(services))
        return Terms(tuple(name_of(one) for one, _ in rows if not one.startswith(services)), prices)
