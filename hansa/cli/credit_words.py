"""What `hansa credits` says of an entry, of all holdings and of a party: as lines, and as values of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from hansa.core.credits import (
    ISSUED,
    NEVER,
    POOL,
    Entry,
    Slip,
    Terms,
    name_of,
    party_account,
    service_account,
)
from hansa.registry.ledger_check import Statement

Holdings = Mapping[str, Mapping[int, int]]  # account to its credits by the time at which they expire


def entry_line(entry: Entry) -> str:
    """Return what an entry did, in one line."""
    moved: dict[str, int] = {}
    for one in entry.postings:
        if one.account != ISSUED:  # what was issued, nobody holds
            moved[one.account] = moved.get(one.account, 0) + one.amount
    changes = ", ".join(f"{name_of(account)} {change:+d}" for account, change in moved.items())
    return f"Entry {entry.number}, {entry.kind}, act {entry.slip.act}: {changes or 'no credits move'}"


def entry_value(entry: Entry) -> dict[str, Any]:
    """Return an entry with its postings and its hash."""
    postings = [
        {"account": one.account, "credits": one.amount, "until": _until(one.until)} for one in entry.postings
    ]
    found = {"number": entry.number, "kind": entry.kind, **asdict(entry.slip), "postings": postings}
    if entry.terms is not None:
        found |= {"parties": list(entry.terms.parties), "prices": dict(entry.terms.prices)}
    return {**found, "hash": entry.hash}


def holdings_value(held: Holdings, terms: Terms) -> dict[str, Any]:
    """Return what parties, services and the pool hold, by name, and the prices."""
    sums = {account: sum(lots.values()) for account, lots in held.items()}
    return {
        "parties": _named(sums, party_account(""), terms.parties),
        "services": _named(sums, service_account(""), [service for service, _ in terms.prices]),
        "prices": dict(terms.prices),
        "pool": sums.get(POOL, 0),
        "issued": -sums.get(ISSUED, 0),
    }


def holdings_lines(held: Holdings, terms: Terms) -> Iterator[str]:
    """Yield a line for each party, each service and the pool."""
    found = holdings_value(held, terms)
    prices = found["prices"]
    width = max(map(len, (*found["parties"], *found["services"], POOL, ISSUED)))
    for party, amount in found["parties"].items():
        yield f"{party:{width}}  {amount:>9}"
    for service, amount in found["services"].items():
        cost = f"price {prices[service]}" if service in prices else "no price now"
        yield f"{service:{width}}  {amount:>9}  spent on this service; {cost}"
    yield f"{POOL:{width}}  {found['pool']:>9}"
    yield f"{ISSUED:{width}}  {found['issued']:>9}  all of the above together"


def statement_value(found: Statement) -> dict[str, Any]:
    """Return a party's entries, its lots and the head."""
    entries = [
        {
            "number": line.entry.number,
            "kind": line.entry.kind,
            **asdict(line.entry.slip),
            "credits": line.change,
            "balance": line.balance,
        }
        for line in found.lines
    ]
    lots = [{"credits": amount, "until": _until(until)} for until, amount in found.lots.items()]
    head = {"number": found.head.number, "hash": found.head.hash}
    return {"party": found.party, "entries": entries, "lots": lots, "head": head}


def statement_lines(found: Statement) -> Iterator[str]:
    """Yield a line for each entry of a party, for each of its lots, and for the head."""
    yield f"{'entry':>7}  {'time, UTC':16}  {'kind':8}  {'credits':>9}  {'balance':>9}"
    for line in found.lines:
        slip, figures = line.entry.slip, f"{line.change:>+9}  {line.balance:>9}"
        what = f"{line.entry.number:>7}  {_day(slip.time)}  {line.entry.kind:8}"
        yield f"{what}  {figures}  {_note(slip)}".rstrip()
    for until, amount in found.lots.items():
        yield f"{amount} credits " + ("do not expire" if until == NEVER else f"expire at {_day(until)}")
    yield f"Head of the ledger, entry {found.head.number}: {found.head.hash}"


def _note(slip: Slip) -> str:
    return "; ".join(text for text in (f"round {slip.round}" if slip.round else "", slip.memo) if text)


def _named(sums: Mapping[str, int], prefix: str, names: Iterable[str]) -> dict[str, int]:
    """Return what accounts of one kind hold, by name: those of the terms, and those that hold something."""
    holders = {account.removeprefix(prefix) for account in sums if account.startswith(prefix)}
    return {name: sums.get(prefix + name, 0) for name in sorted(holders | set(names))}


def _until(time: int) -> int | None:
    return None if time == NEVER else time


def _day(time: int) -> str:
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):  # later than calendars go
        return f"{time:<16}"
