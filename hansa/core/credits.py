"""The records of a credits ledger: accounts, postings and the chained entries they stand in.

Credits are whole numbers. Each moves from one account to another, so that all accounts together hold 0:

    issued --issue--> pool --earn--> party/NAME --spend--> service/NAME
                        ^---expire---'  |    ^
                                        '----'  transfer

`issued` alone goes below 0: by as much as was ever issued. Times are whole seconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hansa.core import codec
from hansa.core.errors import LedgerError

ISSUED = "issued"
POOL = "pool"
NEVER = 2**53 - 1  # the time at which credits without a term expire; every JSON reader holds it exactly
MOST = 10**15  # credits that one ledger may issue, and so the most that any account holds
_LONGEST = 200  # characters of a name, an act, a digest or a memo


@dataclass(frozen=True, slots=True, order=True)
class Posting:
    """What one entry adds to one lot: the credits of an account that expire at one time."""

    account: str
    until: int  # from this time on they cannot be used
    amount: int  # credits; below 0: taken


@dataclass(frozen=True, slots=True)
class Slip:
    """What the caller says of an act beside what moves; there is no clock here, so it says the time."""

    act: str  # its name: given once and for all, so that a retry has no second effect
    time: int
    round: int = 0  # of training; 0: of none
    evidence: str = ""  # digest of what it rests on, such as a result or a verdict
    memo: str = ""

    def check(self) -> None:
        """Return if this can be written; raises LedgerError."""
        check_text("the act", self.act)
        for what, text in (("the evidence", self.evidence), ("the memo", self.memo)):
            check_text(what, text, least=0)
        for what, number in (("the time", self.time), ("the round", self.round)):
            if type(number) is not int or not 0 <= number <= MOST:
                raise LedgerError(f"{what} is not a whole number from 0 on", do="correct it", where=self.act)


@dataclass(frozen=True, slots=True)
class Terms:
    """Who may be paid and what each service costs, from one entry until the next that says so."""

    parties: tuple[str, ...]
    prices: tuple[tuple[str, int], ...]  # service and credits, at least 1

    def check(self) -> None:
        """Return if names and prices can be written; raises LedgerError."""
        services = tuple(service for service, _ in self.prices)
        if not self.parties:
            raise LedgerError("the terms name no party", do="name each that may earn")
        for what, names in (("parties", self.parties), ("services", services)):
            for name in names:
                check_text(f"a name among the {what}", name)
            if list(names) != sorted(set(names)):
                raise LedgerError(f"the {what} are not each named once, in order", do="sort them")
        for service, price in self.prices:
            check_amount(price, service)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: all that a next entry must follow."""

    number: int
    time: int
    hash: str  # SHA-256 in hexadecimal, of the entry and the hash before it


START = Head(0, 0, "")


@dataclass(frozen=True, slots=True)
class Entry:
    """One act as it stands in the ledger."""

    number: int  # counts up from 1
    slip: Slip
    kind: str
    postings: tuple[Posting, ...]  # in order of account and time; they add up to 0
    terms: Terms | None  # of an entry of terms, which moves nothing
    hash: str

    @property
    def head(self) -> Head:
        """Return the chain's end at this entry."""
        return Head(self.number, self.slip.time, self.hash)


def entry_after(head: Head, slip: Slip, kind: str, postings: Iterable[Posting], terms: Terms | None) -> Entry:
    """Return the entry that follows a head, with its hash; postings: in any order."""
    ordered = tuple(sorted(postings))
    number = head.number + 1
    what = [slip.act, slip.time, kind, slip.round, slip.evidence, slip.memo]
    moved = [[one.account, one.until, one.amount] for one in ordered]
    agreed = None if terms is None else [list(terms.parties), [list(price) for price in terms.prices]]
    sealed = codec.digest([head.hash, number, what, moved, agreed])
    return Entry(number, slip, kind, ordered, terms, sealed)


def party_account(name: str) -> str:
    """Return the account of a party."""
    return f"party/{name}"


def service_account(name: str) -> str:
    """Return the account of a service, which gathers what was spent on it."""
    return f"service/{name}"


def name_of(account: str) -> str:
    """Return the party or service of an account; the pool and what was issued are called so themselves."""
    return account.partition("/")[2] or account


def check_amount(amount: object, where: str) -> None:
    """Return if this is a number of credits that may move; raises LedgerError."""
    if type(amount) is not int or not 1 <= amount <= MOST:
        what = f"{amount} is no whole number of credits from 1 to {MOST}"
        raise LedgerError(what, do="name such a number", where=where)


def check_text(what: str, text: object, least: int = 1) -> None:
    """Return if this text can be written and read on a terminal; raises LedgerError."""
    if not isinstance(text, str) or not least <= len(text) <= _LONGEST or not text.isprintable():
        raise LedgerError(
            f"{what} is not one line of {least} to {_LONGEST} printable characters", do="shorten or retype it"
        )
