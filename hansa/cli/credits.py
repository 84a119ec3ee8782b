"""`hansa credits`: what members have earned, what they spend it on, and the proof of both."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hansa.cli.commands import PATH, Group, json_option
from hansa.core.charter_digest import charter_digest
from hansa.core.credit_acts import Act, Agree, Expire, Issue, Spend, Transfer
from hansa.core.credits import Slip, Terms

if TYPE_CHECKING:
    from hansa.registry.ledger import Ledger

_ledger = click.argument("ledger", metavar="LEDGER", type=PATH)
_party = click.option("--party", metavar="NAME", required=True, help="The party whose credits they are.")
_DAY_S = 86_400
_amount = click.argument("amount", type=int)


def _act_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command with what every act takes."""
    act = click.option(
        "--act",
        metavar="NAME",
        help="Name of this act: given again, it is not done again. Default: a new one.",
    )
    memo = click.option("--memo", metavar="TEXT", default="", help="What to write beside it.")
    return _ledger(act(memo(json_option(command))))


@click.group(cls=Group)
def credits() -> None:
    """Keep the credits of a consortium's members in one file that anyone can check."""


@credits.command("open")
@click.option("--charter", metavar="CHARTER", type=PATH, required=True, help="Whose parties may earn.")
@_act_options
def open_ledger(ledger: Path, act: str | None, memo: str, as_json: bool, charter: Path) -> None:
    """Make a ledger for a charter's parties, at its prices, or give one new parties and prices.

    Example: hansa credits open credits.ledger --charter charter.toml
    """
    from hansa.registry.ledger import Ledger
    from hansa.simulation.charter_file import read_charter_file

    agreed = read_charter_file(charter).charter
    terms = Terms(tuple(sorted(party.name for party in agreed.roster)), tuple(sorted(agreed.credits.prices)))
    terms.check()
    with Ledger(ledger, new=True) as opened:
        if opened.tables.terms() == terms and act is None:
            click.echo("These are its terms already.", err=True)
            _show_holdings(opened, as_json)
            return
    _enter(ledger, _slip(act, memo, charter_digest(agreed)), Agree(terms), as_json)


@credits.command()
@_act_options
@_amount
def issue(ledger: Path, act: str | None, memo: str, as_json: bool, amount: int) -> None:
    """Add AMOUNT new credits to the pool, from which rounds are paid.

    Example: hansa credits issue credits.ledger 1000
    """
    _enter(ledger, _slip(act, memo), Issue(amount), as_json)


@credits.command()
@_ledger
@click.argument("out", metavar="OUT", type=PATH)
@json_option
def earn(ledger: Path, out: Path, as_json: bool) -> None:
    """Pay the parties of the run of folder OUT what its charter rewards; a run is paid once.

    Example: hansa credits earn credits.ledger runs/first
    """
    from hansa.cli.credit_words import entry_line, entry_value
    from hansa.registry.ledger import Ledger
    from hansa.registry.rewards import reward_of
    from hansa.simulation.charter_file import read_charter_file

    found = reward_of(out)
    days = read_charter_file(out / "charter.toml").charter.credits.days
    now = int(datetime.now(UTC).timestamp())
    with Ledger(ledger) as opened:
        entry = opened.earn(
            found.rounds, found.credits, found.evidence, time=now, term_s=days * _DAY_S if days else None
        )
    _show(entry_value(entry) if as_json else [entry_line(entry)])


@credits.command()
@_act_options
@_amount
@_party
@click.option("--to", metavar="NAME", required=True, help="The party that gets them.")
def transfer(
    ledger: Path, act: str | None, memo: str, as_json: bool, amount: int, party: str, to: str
) -> None:
    """Give AMOUNT credits of a party to another; what expires first goes first, and expires as before.

    Example: hansa credits transfer credits.ledger 20 --party party-1 --to party-2
    """
    _enter(ledger, _slip(act, memo), Transfer(party, to, amount), as_json)


@credits.command()
@_act_options
@_party
@click.option("--service", metavar="NAME", required=True, help="The service that is used, once.")
def spend(ledger: Path, act: str | None, memo: str, as_json: bool, party: str, service: str) -> None:
    """Pay a service at its price; what expires first goes first.

    Example: hansa credits spend credits.ledger --party party-1 --service scoring
    """
    _enter(ledger, _slip(act, memo), Spend(party, service), as_json)


@credits.command()
@_act_options
def expire(ledger: Path, act: str | None, memo: str, as_json: bool) -> None:
    """Return to the pool what has expired by now. Until then it is held, but cannot be used.

    Example: hansa credits expire credits.ledger
    """
    from hansa.registry.ledger import Ledger

    slip = _slip(act, memo)
    with Ledger(ledger) as opened:
        if not opened.tables.overdue(slip.time) and opened.tables.entry_of(slip.act) is None:
            _show({} if as_json else ["Nothing has expired."])
            return
    _enter(ledger, slip, Expire(), as_json)


@credits.command()
@_ledger
@json_option
def balance(ledger: Path, as_json: bool) -> None:
    """List what every party, every service and the pool hold, and what services cost.

    Example: hansa credits balance credits.ledger
    """
    from hansa.registry.ledger import Ledger

    with Ledger(ledger) as opened:
        _show_holdings(opened, as_json)


@credits.command()
@_ledger
@_party
@json_option
def history(ledger: Path, party: str, as_json: bool) -> None:
    """Print a party's statement: its entries, when its credits expire, and the head of the ledger's chain.

    Example: hansa credits history credits.ledger --party party-1
    """
    from hansa.cli.credit_words import statement_lines, statement_value
    from hansa.registry.ledger import Ledger
    from hansa.registry.ledger_check import statement

    with Ledger(ledger) as opened:
        found = statement(opened, party)
    _show(statement_value(found) if as_json else statement_lines(found))


@credits.command()
@_ledger
@click.option("--head", metavar="HASH", default="", help="A head that a statement showed: it must be there.")
@json_option
def check(ledger: Path, head: str, as_json: bool) -> None:
    """Replay every entry by the rules: hashes, sums, lots and balances must come out as they stand there.

    Example: hansa credits check credits.ledger
    """
    from hansa.registry import ledger_check
    from hansa.registry.ledger import Ledger

    with Ledger(ledger) as opened:
        books = ledger_check.check(opened, head)
    value = {"entries": books.head.number, "head": books.head.hash}
    _show(value if as_json else [f"{books.head.number} entries prove. Head: {books.head.hash}"])


def _slip(act: str | None, memo: str, evidence: str = "") -> Slip:
    """Return what is written beside an act: its name, or a new one, and the clock's time."""
    now = int(datetime.now(UTC).timestamp())
    return Slip(os.urandom(8).hex() if act is None else act, now, evidence=evidence, memo=memo)


def _enter(path: Path, slip: Slip, act: Act, as_json: bool) -> None:
    from hansa.cli.credit_words import entry_line, entry_value
    from hansa.registry.ledger import Ledger

    with Ledger(path) as opened:
        entry = opened.enter(slip, act)
    _show(entry_value(entry) if as_json else [entry_line(entry)])


def _show_holdings(ledger: Ledger, as_json: bool) -> None:
    from hansa.cli.credit_words import holdings_lines, holdings_value

    with ledger.reading() as tables:
        held, terms = tables.holdings(), tables.terms()
    _show(holdings_value(held, terms) if as_json else holdings_lines(held, terms))


def _show(found: Mapping[str, Any] | Iterable[str]) -> None:
    """Print a value as JSON, or lines."""
    if isinstance(found, Mapping):
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    for line in found:
        click.echo(line)
