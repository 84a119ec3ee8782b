"""A check tells whatever was changed in a ledger's file, and by what rule a forged entry could not be."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hansa.core.credit_acts import Act, Agree, Earn, Expire, Issue, Spend, Transfer
from hansa.core.credits import NEVER, START, Entry, Posting, Slip, Terms, entry_after
from hansa.core.errors import LedgerError
from hansa.registry.ledger import Ledger
from hansa.registry.ledger_check import check, statement
from hansa.registry.ledger_tables import SCHEMA

TERMS = Terms(("a", "b"), (("audit", 9), ("scoring", 4)))
ACTS: list[Act] = [
    Agree(TERMS),
    Issue(100),
    Earn((("a", 10), ("b", 5)), 100),
    Earn((("a", 20),), 50),
    Transfer("a", "b", 24),
    Spend("b", "scoring"),
    Expire(),
    Earn((("b", 3),), None),
    Agree(replace(TERMS, prices=(("scoring", 5),))),
]
TIMES = (10, 11, 20, 21, 30, 31, 75, 76, 77)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a ledger with an entry of every kind."""
    path = tmp_path_factory.mktemp("kept") / "ledger"
    with Ledger(path, new=True) as ledger:
        for number, (act, time) in enumerate(zip(ACTS, TIMES, strict=True)):
            ledger.enter(Slip(f"act {number}", time, 1, "digest", "memo"), act)
    return path


@pytest.fixture
def path(kept: Path, tmp_path: Path) -> Path:
    """Return a copy of it, to be changed."""
    return Path(shutil.copy(kept, tmp_path / "ledger"))


def proves(path: Path, head: str = "") -> None:
    with Ledger(path) as ledger:
        check(ledger, head)


def changed(path: Path, sql: str, values: tuple[object, ...] = ()) -> None:
    """Change the file as somebody would who knows how to take its triggers away and put them back."""
    triggers = [sql for sql in SCHEMA if sql.startswith("CREATE TRIGGER")]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("PRAGMA synchronous = OFF")
        for trigger in triggers:
            connection.execute(f"DROP TRIGGER {trigger.split()[2]}")
        assert connection.execute(sql, values).rowcount
        for trigger in triggers:
            connection.execute(trigger)
        connection.commit()


def cells(path: Path) -> Iterator[tuple[str, str, tuple[object, ...]]]:
    """Yield a statement that changes one cell, and one that removes a row, for all cells and rows."""
    with closing(sqlite3.connect(path)) as connection:
        for table in ("entries", "postings", "terms", "holdings"):
            found = connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - our own table
            names = [column[0] for column in found.description]
            where = " AND ".join(f"{name} = ?" for name in names)
            change, remove = f"UPDATE {table} SET", f"DELETE FROM {table} WHERE {where}"  # noqa: S608
            for row in found.fetchall():
                yield f"{table}, a row", remove, row
                for name, value in zip(names, row, strict=True):
                    other = f"{value}x" if isinstance(value, str) else value + 1000
                    yield f"{table}.{name}", f"{change} {name} = ? WHERE {where}", (other, *row)


def test_a_ledger_that_nobody_changed_proves(path: Path) -> None:
    proves(path)
    with Ledger(path) as ledger:
        assert check(ledger).head == ledger.tables.head()
        assert ledger.tables.head().number == len(ACTS)


def test_every_cell_that_is_changed_and_every_row_that_is_removed_is_told(kept: Path, tmp_path: Path) -> None:
    silent, tried = [], 0
    for what, sql, values in cells(kept):
        path = Path(shutil.copy(kept, tmp_path / "ledger"))
        changed(path, sql, values)
        tried += 1
        try:
            proves(path)
        except LedgerError:
            continue
        silent.append(f"{what}: {values}")
    assert not silent
    assert tried > 200


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO postings VALUES (9, 'party/a', 500, 7)",
        "INSERT INTO postings VALUES (10, 'party/a', 500, 7)",
        "INSERT INTO terms VALUES (8, 'service/scoring', 1)",
        "INSERT INTO terms VALUES (9, 'party/stranger', 0)",
        "INSERT INTO holdings VALUES ('party/a', 500, 7)",
        "INSERT INTO holdings VALUES ('party/a', 600, 0)",
        "INSERT INTO entries SELECT 10, 'again', time, kind, round, evidence, memo, hash FROM entries",
        "INSERT INTO entries VALUES (10, 'x', 99, 'gift', 0, '', '', '')",
    ],
)
def test_a_row_that_is_added_is_told(path: Path, sql: str) -> None:
    changed(path, f"{sql} WHERE number = 9" if " SELECT " in sql else sql)
    with pytest.raises(LedgerError):
        proves(path)


@pytest.mark.parametrize("sql", ["DROP TRIGGER entries_UPDATE", "CREATE TABLE more (x)"])
def test_a_file_without_its_triggers_or_with_other_tables_is_told(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)
    with pytest.raises(LedgerError, match="its tables or triggers were changed"):
        proves(path)


def test_a_damaged_byte_is_told_or_is_one_that_nobody_reads(kept: Path, tmp_path: Path) -> None:
    whole = kept.read_bytes()
    with Ledger(kept) as ledger:
        before = list(ledger.tables.connection.iterdump())
    told, path = 0, tmp_path / "ledger"
    for at in range(3, len(whole), 97):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x5A]) + whole[at + 1 :])
        try:
            proves(path)
        except LedgerError:
            told += 1
            continue
        with Ledger(path) as ledger:
            assert list(ledger.tables.connection.iterdump()) == before
    assert told > 30


def entries_of(path: Path) -> list[Entry]:
    with Ledger(path) as ledger:
        return list(ledger.tables.entries())


def chained(path: Path, entries: list[Entry]) -> Path:
    """Write a ledger of forged entries, with all hashes right and no rule asked."""
    with Ledger(path, new=True) as ledger, ledger.together():
        ledger.tables.connection.execute("PRAGMA ignore_check_constraints = ON")
        head = START
        for one in entries:
            entry = entry_after(head, one.slip, one.kind, one.postings, one.terms)
            ledger.tables.write(entry)
            head = entry.head
    return path


FORGED: list[tuple[int, Callable[[Entry], Entry], str]] = [
    (
        2,
        lambda e: replace(e, postings=(Posting("issued", NEVER, -100), Posting("party/a", NEVER, 100))),
        "entry 2 is no 'issue'",
    ),
    (
        3,
        lambda e: replace(e, postings=(*e.postings[:-1], Posting("pool", NEVER, -14))),
        "entry 3 moves other credits",
    ),
    (3, lambda e: replace(e, postings=e.postings[:1]), "entry 3 moves other credits"),
    (3, lambda e: replace(e, kind="gift"), "entry 3 is no 'gift'"),
    (3, lambda e: replace(e, kind="terms"), "entry 3"),
    (3, lambda e: replace(e, slip=replace(e.slip, time=5)), "entry 3 does not follow entry 2"),
    (3, lambda e: replace(e, slip=replace(e.slip, memo="x\n")), "entry 3 breaks a rule (the memo"),
    (
        5,
        lambda e: replace(e, postings=(Posting("party/a", 71, -20), Posting("party/b", 71, 20))),
        "",  # a lawful transfer of less, told by what follows it
    ),
    (
        5,
        lambda e: replace(e, postings=(Posting("party/a", 120, -4), Posting("party/b", 120, 4))),
        "entry 5 moves other credits",
    ),
    (
        5,
        lambda e: replace(e, postings=(Posting("party/a", 71, -24), Posting("party/b", 71, 24))),
        "entry 5 moves other credits",
    ),
    (
        5,
        lambda e: replace(e, postings=(Posting("party/a", 71, -31), Posting("party/b", 71, 31))),
        "entry 5 breaks a rule (holds 30 usable credits, 31 are needed)",
    ),
    (
        6,
        lambda e: replace(e, postings=(Posting("party/b", 71, -3), Posting("service/scoring", NEVER, 3))),
        "entry 6 moves other credits",
    ),
    (7, lambda e: replace(e, postings=()), "entry 7 moves other credits"),
    (8, lambda e: replace(e, postings=()), "entry 8 is no 'earn'"),
    (9, lambda e: replace(e, terms=Terms(("a",), ())), ""),
]


@pytest.mark.parametrize(("number", "forge", "why"), FORGED)
def test_a_forged_entry_with_right_hashes_is_told_by_the_rules_or_by_a_known_head(
    kept: Path, tmp_path: Path, number: int, forge: Callable[[Entry], Entry], why: str
) -> None:
    entries = entries_of(kept)
    known = entries[-1].hash
    entries[number - 1] = forge(entries[number - 1])
    path = chained(tmp_path / "forged", entries)
    if why:
        with pytest.raises(LedgerError) as told:
            proves(path)
        assert why in str(told.value)
    with pytest.raises(LedgerError):
        proves(path, known)


def test_a_ledger_that_is_cut_is_told_by_a_known_head_alone(kept: Path, tmp_path: Path) -> None:
    entries = entries_of(kept)
    path = chained(tmp_path / "cut", entries[:-1])
    proves(path)
    proves(path, entries[3].hash)
    with pytest.raises(LedgerError, match=f"has no entry with the hash {entries[-1].hash}"):
        proves(path, entries[-1].hash)


def test_a_statement_holds_a_partys_entries_lots_and_the_head(path: Path) -> None:
    with Ledger(path) as ledger:
        found = statement(ledger, "b")
        assert found.head == ledger.tables.head()
        with pytest.raises(LedgerError, match="stranger: is no party of this ledger"):
            statement(ledger, "stranger")
    lines = [(line.entry.number, line.change, line.balance) for line in found.lines]
    assert lines == [(3, 5, 5), (5, 24, 29), (6, -4, 25), (7, -16, 9), (8, 3, 12)]
    assert found.lots == {120: 9, NEVER: 3}
