"""The credits ledger of a consortium: one SQLite file; acts are added to it, and nothing in it is changed.

An act is written whole or not at all, also where the machine stops in the middle: SQLite keeps a journal
beside the file and syncs it to disk with every commit. Who adds an act again under its name, because nobody
knows whether it was done, gets the entry that stands there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from hansa.core.credit_acts import Act, Agree, Earn, act_of
from hansa.core.credits import Entry, Slip, entry_after
from hansa.core.errors import LedgerError
from hansa.registry.ledger_tables import APPLICATION, FORMAT, SCHEMA, Tables

_CACHE_KIB = 1 << 16  # the names of a million acts, which SQLite's own 2 MiB do not hold
_WAIT_S = 30.0  # for another process that is writing


class Ledger:
    """An open ledger; a context that closes it."""

    def __init__(self, path: Path, *, new: bool = False) -> None:
        """Open a file, made where `new` and there is none.

        Raises LedgerError where there is none, where it is something else, or where it cannot be opened.
        """
        self.path = path
        if not new and not path.is_file():
            raise self._fault("there is no ledger", "make it: hansa credits open LEDGER --charter CHARTER")
        with self._told():
            self._connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
            try:
                self._prepare(new)
            except BaseException:
                self._connection.close()
                raise
        self.tables = Tables(self._connection)

    def enter(self, slip: Slip, act: Act) -> Entry:
        """Return the entry of an act, which is added unless it stands there already.

        Raises LedgerError, and writes nothing, where the act may not be done, its name was given to another
        act, or its time is before the newest entry's.
        """
        slip.check()
        with self.together():
            earlier = self.tables.entry_of(slip.act)
            if earlier is not None:
                self._check_same(earlier, slip, act)
                return earlier
            head = self.tables.head()
            if slip.time < head.time:
                what = f"entry {head.number} is of a later time, {head.time}, than this act, {slip.time}"
                raise self._fault(what, "set the clock right")
            postings = act.settled(slip.time, self.tables)
            terms = act.terms if isinstance(act, Agree) else None
            entry = entry_after(head, slip, act.kind, postings, terms)
            self.tables.write(entry)
            return entry

    def earn(
        self, round_: int, shares: Mapping[str, int], evidence: str, *, time: int, term_s: int | None = None
    ) -> Entry:
        """Return the entry that pays a round's shares from the pool; the same evidence pays a round once.

        shares: party to credits, at least 0. evidence: digest of the result that the shares follow from.
        term_s: seconds after which the credits expire; None: never. Raises LedgerError as `enter` does.
        """
        paid = tuple(sorted((party, share) for party, share in shares.items() if share))
        slip = Slip(f"earn {round_} {evidence}", time, round_, evidence)
        return self.enter(slip, Earn(paid, term_s))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Commit all acts of the block at once: after a crash, all of them stand there or none.

        An act that is refused writes nothing; where its error leaves the block, no act of the block stays.
        """
        if self._connection.in_transaction:
            yield
            return
        with self._transaction("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def reading(self) -> Iterator[Tables]:
        """Give the tables as they stand now, whatever others write meanwhile."""
        with self._transaction("BEGIN"):
            yield self.tables

    def close(self) -> None:
        """Close the file; the journal beside it goes with the last who has it open."""
        self._connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare(self, new: bool) -> None:
        """Set how the file is written, and make the tables in a file that is empty."""
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        found = self._mark()
        if new and found == (0, 0) and not self._connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            self._connection.execute("PRAGMA journal_mode = WAL")
            with self._transaction("BEGIN IMMEDIATE"):
                if self._mark() == (0, 0):  # nobody made them while we waited
                    self._make()
            found = self._mark()
        if found != (APPLICATION, FORMAT):
            raise self._fault("is no ledger of this version", "name another file")

    def _make(self) -> None:
        for statement in SCHEMA:
            self._connection.execute(statement)
        self._connection.execute(f"PRAGMA application_id = {APPLICATION}")
        self._connection.execute(f"PRAGMA user_version = {FORMAT}")

    def _mark(self) -> tuple[int, int]:
        names = ("application_id", "user_version")
        marks = [int(self._connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in names]
        return marks[0], marks[1]

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        with self._told():
            self._connection.execute(begin)
            try:
                yield
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends it itself where the disk is full
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in a sentence what is wrong with the file or the disk; what a statement broke is our bug."""
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as fault:
            raise self._fault(f"cannot be used ({fault})", "free the disk, or name another file") from fault

    def _check_same(self, earlier: Entry, slip: Slip, act: Act) -> None:
        """Return if an entry is what is asked for again, at whatever time and price."""
        said = (earlier.slip.round, earlier.slip.evidence, earlier.slip.memo)
        if (act_of(earlier), *said) != (act, slip.round, slip.evidence, slip.memo):
            raise self._fault(
                f"{slip.act} is the name of entry {earlier.number}, another act", "give a new name with --act"
            )

    def _fault(self, what: str, do: str) -> LedgerError:
        return LedgerError(what, do=do, where=str(self.path))
