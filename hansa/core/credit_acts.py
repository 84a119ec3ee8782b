"""What may be done with credits: each act knows its postings, and what it needs of where the ledger stands.

The ledger enters acts by these rules, and a check replays every entry by the same: `act_of` reads what was
asked back from an entry, `settled` says again what it must have moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from hansa.core.credits import (
    ISSUED,
    MOST,
    NEVER,
    POOL,
    Entry,
    Posting,
    Terms,
    check_amount,
    name_of,
    party_account,
    service_account,
)
from hansa.core.errors import LedgerError


class Standing(Protocol):
    """Where a ledger stands before an act."""

    def lots(self, account: str) -> Mapping[int, int]:
        """Return an account's credits by the time at which they expire, what expires first coming first."""

    def price(self, account: str) -> int | None:
        """Return what an account's service costs: 0 for a party, None for who is not in the terms."""

    def overdue(self, time: int) -> tuple[Posting, ...]:
        """Return the lots that have expired by now and are still held, in order of account and time."""


class Act(Protocol):
    """What a caller asks for."""

    kind: ClassVar[str]

    def settled(self, time: int, standing: Standing) -> list[Posting]:
        """Return what the act moves, all of it adding up to 0; raises LedgerError where it may not."""


@dataclass(frozen=True, slots=True)
class Agree:
    """New terms: they replace those before. Who leaves keeps what it holds, and may spend it."""

    kind: ClassVar[str] = "terms"
    terms: Terms

    def settled(self, time: int, standing: Standing) -> list[Posting]:
        """Return nothing: terms move no credits."""
        self.terms.check()
        return []


@dataclass(frozen=True, slots=True)
class Issue:
    """New credits for the pool."""

    kind: ClassVar[str] = "issue"
    amount: int

    def settled(self, time: int, standing: Standing) -> list[Posting]:
        """Return the pool's gain."""
        check_amount(self.amount, POOL)
        if sum(standing.lots(ISSUED).values()) - self.amount < -MOST:
            raise LedgerError(f"more than {MOST} credits would be issued", do="issue fewer", where=POOL)
        return [Posting(ISSUED, NEVER, -self.amount), Posting(POOL, NEVER, self.amount)]


@dataclass(frozen=True, slots=True)
class Earn:
    """The shares of one round, from the pool to the parties, all in one entry."""

    kind: ClassVar[str] = "earn"
    shares: tuple[tuple[str, int], ...]  # party and credits, at least 1, in order of party
    term_s: int | None  # seconds after which they expire; None: never

    def settled(self, time: int, standing: Standing) -> list[Posting]:
        """Return each party's gain, a lot of its own, and what the pool pays for all."""
        if not self.shares:
            raise LedgerError(
                "no party has a share", do="leave a round out in which nobody earns", where=POOL
            )
        if self.term_s is not None:
            check_amount(self.term_s, "the term in seconds")
        until = NEVER if self.term_s is None else time + self.term_s
        for party, share in self.shares:
            check_amount(share, party)
            _check_known(party, standing)
        total = sum(share for _, share in self.shares)
        gains = [Posting(party_account(party), until, share) for party, share in self.shares]
        return [*_taken(POOL, total, time, standing), *gains]


@dataclass(frozen=True, slots=True)
class Spend:
    """One use of a service by a party, at the price of the terms."""

    kind: ClassVar[str] = "spend"
    party: str
    service: str

    def settled(self, time: int, standing: Standing) -> list[Posting]:
        """Return what the party pays, oldest lots first, and what the service takes."""
        account = service_account(self.service)
        price = standing.price(account)
        if price is None:
            raise LedgerError(
                "is no service with a price",
                do="name one that hansa credits balance lists, or agree on its price with hansa credits open",
                where=self.service,
            )
        paid = _taken(party_account(self.party), price, time, standing)
        return [*paid, Posting(account, NEVER, price)]


@dataclass(frozen=True, slots=True)
class Transfer:
    """Credits that one party gives to another. They expire when they would have expired with the giver."""

    kind: ClassVar[str] = "transfer"
    payer: str
    payee: str
    amount: int

    def settled(self, time: int, standing: Standing) -> list[Posting]:
        """Return what the giver loses, oldest lots first, and the same lots as the other's gain."""
        check_amount(self.amount, self.payer)
        if self.payer == self.payee:
            raise LedgerError("gives credits to itself", do="name another party with --to", where=self.payer)
        _check_known(self.payee, standing)
        paid = _taken(party_account(self.payer), self.amount, time, standing)
        gained = [Posting(party_account(self.payee), one.until, -one.amount) for one in paid]
        return [*paid, *gained]


@dataclass(frozen=True, slots=True)
class Expire:
    """All credits whose time is over go back to the pool."""

    kind: ClassVar[str] = "expire"

    def settled(self, time: int, standing: Standing) -> list[Posting]:
        """Return what each party loses, and the pool's gain."""
        lots = standing.overdue(time)
        if not lots:
            raise LedgerError("no credits have expired", do="come back later", where=POOL)
        lost = [Posting(one.account, one.until, -one.amount) for one in lots]
        return [*lost, Posting(POOL, NEVER, -sum(one.amount for one in lost))]


def act_of(entry: Entry) -> Act:
    """Return what was asked for when this was entered; raises LedgerError where no act reads so."""
    lost, gained = _net(entry, below=True), _net(entry, below=False)
    try:
        return _read_back(entry, lost, gained)
    except (KeyError, ValueError) as fault:
        what = f"entry {entry.number} is no {entry.kind!r} that can be entered"
        raise LedgerError(what, do="ask who keeps the file for the copy of before") from fault


def _read_back(entry: Entry, lost: dict[str, int], gained: dict[str, int]) -> Act:
    if entry.terms is not None:
        return {Agree.kind: Agree(entry.terms)}[entry.kind]
    if entry.kind == Issue.kind:
        return Issue(gained[POOL])
    if entry.kind == Earn.kind:
        (until,) = {one.until for one in entry.postings if one.amount > 0}
        shares = tuple((name_of(account), share) for account, share in gained.items())
        return Earn(shares, None if until == NEVER else until - entry.slip.time)
    if entry.kind == Expire.kind:
        return Expire()
    ((payer, amount),) = lost.items()
    (payee,) = gained
    if entry.kind == Spend.kind:
        return Spend(name_of(payer), name_of(payee))
    return {Transfer.kind: Transfer(name_of(payer), name_of(payee), amount)}[entry.kind]


def _net(entry: Entry, below: bool) -> dict[str, int]:
    """Return what accounts lost, or what they gained, in order."""
    found: dict[str, int] = {}
    for one in entry.postings:
        if (one.amount < 0) == below:
            found[one.account] = found.get(one.account, 0) + abs(one.amount)
    return found


def _taken(account: str, amount: int, time: int, standing: Standing) -> list[Posting]:
    """Return what an account pays, from what expires first on; nothing of what has expired by now."""
    taken = list(_drawn(account, amount, time, standing))
    had = -sum(one.amount for one in taken)
    if had < amount:
        do = "issue more first: hansa credits issue" if account == POOL else "see hansa credits balance"
        raise LedgerError(f"holds {had} usable credits, {amount} are needed", do=do, where=name_of(account))
    return taken


def _drawn(account: str, amount: int, time: int, standing: Standing) -> Iterator[Posting]:
    for until, held in standing.lots(account).items():
        if until > time:
            take = min(held, amount)
            yield Posting(account, until, -take)
            amount -= take
            if not amount:
                return


def _check_known(party: str, standing: Standing) -> None:
    if standing.price(party_account(party)) is None:
        raise LedgerError(
            "is no party of this ledger", do="name one that hansa credits balance lists", where=party
        )
