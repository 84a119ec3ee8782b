"""What one node keeps of a run: where it stands, and what it answered. One SQLite file, in WAL mode.

A commit is on the disk before it returns. An answer is kept together with the state that it leaves behind, so
that a node which is killed at any moment has both or neither. What is as large as a model lies in a file of
its own beside it, written before the commit that names it.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from hansa.core.errors import FolderError
from hansa.core.steps import Step
from hansa.registry.folders import flush_folder, read_bytes, write_bytes

_TABLES = """
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS answer (
    round INTEGER, number INTEGER, question BLOB NOT NULL, answer BLOB NOT NULL, PRIMARY KEY (round, number)
) STRICT, WITHOUT ROWID;
"""
_PUT_STATE = "INSERT INTO state VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"

logger = logging.getLogger(__name__)

_OWNER = "owner"  # the name of what says whose store it is
_LARGE = 1 << 20  # bytes from which a value lies in a file of its own
_PAGES = 64  # of the journal until it is written over: commits to one that grows take half as long again
_INSIDE, _BESIDE = b"\0", b"\1"  # before a value in its row, and before the name of its file


class NodeStore:
    """State by name, and answers by step."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it; raises FolderError where that is not possible."""
        self._path = path
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))  # it holds secrets of masks
        except FileExistsError:
            pass  # nor touched: closing it would end the locks that SQLite holds on it in this process
        except OSError as fault:
            raise self._fault(fault) from fault
        try:
            self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as fault:
            raise self._fault(fault) from fault
        try:
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")
            self._base.execute(f"PRAGMA wal_autocheckpoint = {_PAGES}")
            self._base.executescript(_TABLES)
        except sqlite3.Error as fault:
            self._base.close()
            raise self._fault(fault) from fault
        self._files = path.with_name(f"{path.name}.large")

    def claim(self, owner: str) -> None:
        """Keep whose store this is, before anything is put into it; raises FolderError where it is another's.

        Who only looks at another process's store does not claim it: what that one is writing stays.
        """
        known = self.state(_OWNER)
        if known is None:
            self.keep({_OWNER: owner.encode()})
        elif known != owner.encode():
            other = known.decode(errors="replace")[:200]
            other = "".join(sign if sign.isprintable() else " " for sign in other)  # it may be damaged
            raise FolderError(
                f"is not what {owner[:200]} keeps, but {other}",
                do="put back the folder as it was",
                where=str(self._path),
            )
        self._tidy()

    def state(self, name: str) -> bytes | None:
        """Return a state, or None where there is none."""
        return self._one("SELECT value FROM state WHERE name = ?", (name,))

    def answer(self, step: Step) -> tuple[bytes, bytes] | None:
        """Return the digest of the question of a step and the answer to it; None where none was given."""
        where = "FROM answer WHERE round = ? AND number = ?"
        question = self._one(f"SELECT question {where}", (step.round, step.number))
        answer = self._one(f"SELECT answer {where}", (step.round, step.number))
        return None if question is None or answer is None else (question, answer)

    def last(self) -> tuple[int, int]:
        """Return the round and the number of the last step that was answered; (-1, -1): none."""
        try:
            found = self._base.execute(
                "SELECT round, number FROM answer ORDER BY round DESC, number DESC LIMIT 1"
            ).fetchone()
        except sqlite3.Error as fault:
            raise self._fault(fault) from fault
        return (int(found[0]), int(found[1])) if found else (-1, -1)

    def keep(
        self,
        states: Mapping[str, bytes],
        step: Step | None = None,
        question: bytes = b"",
        answer: bytes = b"",
        *,
        goes_on: bool = True,
    ) -> None:
        """Keep states, and the answer to a step's question, all at once.

        question: its digest. goes_on: whether answers of earlier rounds go, which nobody asks for any more.
        """
        rows = [(name, self._put(value)) for name, value in states.items()]
        put = self._put(answer)
        try:
            self._base.execute("BEGIN IMMEDIATE")
            self._base.executemany(_PUT_STATE, rows)
            if step is not None:
                row = (step.round, step.number, _INSIDE + question, put)
                self._base.execute("INSERT INTO answer VALUES (?, ?, ?, ?)", row)
                if goes_on:
                    self._base.execute("DELETE FROM answer WHERE round < ?", (step.round,))
            self._base.execute("COMMIT")
        except sqlite3.Error as fault:
            if self._base.in_transaction:
                self._base.execute("ROLLBACK")
            raise self._fault(fault) from fault
        self._tidy()

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def _one(self, query: str, values: tuple[object, ...]) -> bytes | None:
        try:
            found = self._base.execute(query, values).fetchone()
        except sqlite3.Error as fault:
            raise self._fault(fault) from fault
        if found is None:
            return None
        value = bytes(found[0])
        return read_bytes(self._files / value[1:].decode()) if value[:1] == _BESIDE else value[1:]

    def _put(self, value: bytes) -> bytes:
        """Return what stands for a value in its row; a large one is on the disk when this returns."""
        if len(value) < _LARGE:
            return _INSIDE + value
        name = os.urandom(8).hex()
        try:
            if not self._files.is_dir():
                self._files.mkdir(mode=0o700)
                flush_folder(self._path.parent)
            write_bytes(self._files / name, value)
            flush_folder(self._files)
        except OSError as fault:
            raise self._fault(fault) from fault
        return _BESIDE + name.encode()

    def _tidy(self) -> None:
        """Remove files that no row names: of values that were replaced, or of a commit that was cut short."""
        if not self._files.is_dir():
            return
        query = "SELECT value FROM state UNION ALL SELECT answer FROM answer"
        try:
            rows = self._base.execute(f"SELECT value FROM ({query}) WHERE length(value) < 64").fetchall()  # noqa: S608
            named = {bytes(value)[1:].decode() for (value,) in rows if bytes(value)[:1] == _BESIDE}
            for file in self._files.iterdir():
                if file.name not in named:
                    file.unlink(missing_ok=True)
        except (sqlite3.Error, OSError) as fault:  # what was kept is kept; the next time tidies
            logger.warning("not tidied path=%s why=%s", self._files, fault)

    def _fault(self, fault: sqlite3.Error | OSError) -> FolderError:
        return FolderError(
            f"cannot be read or written ({fault})",
            do="free space on the disk, or put back the folder as it was, and start again",
            where=str(self._path),
        )
