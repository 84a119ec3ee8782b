"""Rows on the credits ledger: a million random acts with crashes at any point, and what an act costs."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.ledger_crashes import Acts, Found, Model, Stretch, compare, crashed, work
from benchmarks.measure import Row, at_most, shown
from hansa.core.errors import LedgerError
from hansa.registry.ledger import Ledger
from hansa.registry.ledger_check import check

COMMAND = "make measure TOPIC=judging"
ACTS, UNTIMED = 1_000_000, 800_000  # the rest is added by this process, which nobody kills, and timed
_SEED = 11
_SINGLE = 1000

_UNBALANCED = "SELECT count(*) FROM (SELECT 1 FROM postings GROUP BY entry HAVING sum(amount) <> 0)"
_NEGATIVE = """SELECT count(*) FROM (
 SELECT account, sum(amount) OVER (PARTITION BY account, until ORDER BY entry) AS held FROM postings
) WHERE held < 0 AND account <> 'issued'"""


def rows() -> Iterator[Row]:
    """Yield every row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"
        model, found = crashed(
            path, Stretch(_SEED, ACTS, 0, UNTIMED, 100, 20_000), np.random.default_rng(_SEED)
        )
        commits, seconds = _timed(path, model.next)
        yield from _violations(path, model, found)
        yield from _speed(path, commits, seconds)


def _timed(path: Path, begin: int) -> tuple[list[int], float]:
    """Return how many acts went into each commit, and the seconds of all, of a process that is not killed."""
    acts, number, commits = Acts(_SEED, ACTS), begin, []
    began = time.perf_counter()
    with Ledger(path) as ledger:
        while number < ACTS:
            behind = work(ledger, acts, number, ACTS)
            commits.append(behind - number)
            number = behind
    return commits, time.perf_counter() - began


def _violations(path: Path, model: Model, found: Found) -> Iterator[Row]:
    with Ledger(path) as ledger:
        compare(ledger, Acts(_SEED, ACTS), model, found)
        connection = ledger.tables.connection
        found.unbalanced += connection.execute(_UNBALANCED).fetchone()[0]
        found.negative += connection.execute(_NEGATIVE).fetchone()[0]
        began = time.perf_counter()
        found.other += _differing(ledger)
        replayed_s = time.perf_counter() - began
        entries = ledger.tables.head().number
    name = f"credits, {ACTS:,} random acts, killed at any point"
    yield at_most(f"{name}: entries or balances that do not add up to 0", found.unbalanced, 0, "", COMMAND)
    yield at_most(f"{name}: accounts below 0 after any entry", found.negative, 0, "", COMMAND)
    yield at_most(f"{name}: balances that a replay or a model does not find", found.other, 0, "", COMMAND)
    yield shown(f"{name}: how often", found.crashes, "times", COMMAND)
    yield shown(f"{name}: entries, the other acts being refused", entries, "", COMMAND)
    yield shown("credits: entries replayed by a check", entries / replayed_s, "per s", COMMAND)


def _differing(ledger: Ledger) -> int:
    """Return how many accounts a replay of all entries finds otherwise; a check that fails is one."""
    try:
        books = check(ledger)
    except LedgerError as fault:
        print(fault)
        return 1
    held = {account: lots for account, lots in books.holdings.items() if lots}
    return int(held != ledger.tables.holdings())


def _speed(path: Path, commits: list[int], seconds: float) -> Iterator[Row]:
    acts, folder = Acts(_SEED, ACTS), path.parent
    each = round(path.stat().st_size / ACTS)  # bytes of the file for one act
    plain = _plain_seconds(folder / "plain", commits, each)
    count, name = sum(commits), f"credits, {sum(commits) / len(commits):.0f} acts in one commit"
    yield shown(f"{name}: acts", count / seconds, "per s", COMMAND)
    yield shown(f"{name}: plain inserts of as many bytes ({each})", count / plain, "per s", COMMAND)
    yield shown(f"{name}: time of an act over that of an insert", seconds / plain, "times", COMMAND)
    began = time.perf_counter()
    with Ledger(folder / "single", new=True) as ledger:
        for number in range(_SINGLE):
            with contextlib.suppress(LedgerError):
                ledger.enter(*acts[number])
        entries = ledger.tables.head().number
    single = (time.perf_counter() - began) / entries
    alone = _plain_seconds(folder / "plain-single", [1] * entries, each) / entries
    name = "credits, every act in a commit of its own"
    yield shown(f"{name}: acts", 1 / single, "per s", COMMAND)
    yield shown(f"{name}: plain inserts of as many bytes", 1 / alone, "per s", COMMAND)
    yield shown(f"{name}: time of an act over that of an insert", single / alone, "times", COMMAND)


def _plain_seconds(path: Path, commits: list[int], size: int) -> float:
    """Return the seconds of rows of as many bytes, written with the same commits to a table of their own."""
    row = (bytes(size),)
    began = time.perf_counter()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE plain (number INTEGER PRIMARY KEY, row BLOB)")
        for commit in commits:
            connection.execute("BEGIN IMMEDIATE")
            for _ in range(commit):
                connection.execute("INSERT INTO plain (row) VALUES (?)", row)
            connection.execute("COMMIT")
    return time.perf_counter() - began
