"""`hansa coordinator`: the operator's node, which asks, adds up, and never sees a record."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hansa.cli.commands import PATH, Group, json_option
from hansa.cli.service import ServiceOptions, service, service_options, stay, stop_as_by_keyboard
from hansa.cli.waiting import Waiting

if TYPE_CHECKING:
    from hansa.nodes.vital_signs import VitalSigns

logger = logging.getLogger(__name__)

_folder = click.argument("folder", metavar="FOLDER", type=PATH)
_SAID_EVERY_S = 2.0
_days = click.option(
    "--days",
    metavar="DAYS",
    type=click.IntRange(1, 3650),
    default=90,
    show_default=True,
    help="How long it lasts.",
)


def _now() -> datetime:
    return datetime.now(UTC)


@click.group(cls=Group)
def coordinator() -> None:
    """Operate a consortium: invite its parties, and coordinate their run.

    Start with: hansa coordinator init FOLDER CHARTER
    """


@coordinator.command()
@_folder
@click.argument("charter", metavar="CHARTER", type=PATH)
@click.option("--url", metavar="URL", default="", help="Of your own NATS cluster, instead of a server here.")
@click.option("--host", metavar="HOST", default="127.0.0.1", show_default=True, help="Where it listens.")
@click.option("--port", metavar="PORT", default=0, help="Its port. Default: one that is free.")
@click.option("--authority", metavar="FILE", type=PATH, help="Certificate that your cluster's is under.")
@click.option("--named", metavar="NAME", multiple=True, help="A name or address by which parties reach it.")
@click.option(
    "--server",
    "servers",
    metavar="NAME KEY",
    nargs=2,
    multiple=True,
    help="Who computes beside the coordinator, once for each: --server custodian 6f1d...",
)
def init(
    folder: Path,
    charter: Path,
    url: str,
    host: str,
    port: int,
    authority: Path | None,
    named: Sequence[str],
    servers: Sequence[tuple[str, str]],
) -> None:
    """Make an operator's folder for CHARTER: keys, the server's certificate, nobody invited yet.

    Example: hansa coordinator init hub charter.toml
    """
    from hansa.nodes.coordinator_home import CoordinatorHome, Reach
    from hansa.nodes.coordinator_service import check_deployable
    from hansa.nodes.inviting import key_of
    from hansa.nodes.server_keys import check_servers
    from hansa.simulation.charter_file import read_charter_file

    file = read_charter_file(charter)
    check_deployable(file.charter)
    keys = {name: key_of(key) for name, key in servers}
    check_servers(file.charter, b"", keys)
    reach = Reach(url, host, port, tuple(dict.fromkeys((*named, host, "localhost"))), authority)
    CoordinatorHome.make(folder, file.charter, file.text, reach, _now()).name_servers(keys)
    names = ", ".join(party.name for party in file.charter.roster)
    invited = f", for {', '.join(keys)} too, whose keys go into every invitation" if keys else ""
    click.echo(
        f"{folder} is ready. Each of {names} runs hansa party init and sends you a line; then{invited}: "
        f"hansa coordinator invite {folder} NAME KEY > NAME.invitation",
        err=True,
    )


@coordinator.command()
@_folder
@click.argument("name", metavar="NAME")
@click.argument("key", metavar="KEY")
@_days
def invite(folder: Path, name: str, key: str, days: int) -> None:
    """Print the invitation of a party, or of a server, whose public key is KEY; nothing in it is secret.

    Example: hansa coordinator invite hub north 6f1d... > north.invitation
    """
    from hansa.nodes.coordinator_home import CoordinatorHome
    from hansa.nodes.inviting import invitation_text

    click.echo(invitation_text(CoordinatorHome(folder), name, key, _now(), days), nl=False)


@coordinator.command()
@_folder
@click.argument("name", metavar="NAME")
@click.argument("key", metavar="KEY")
@_days
def admit(folder: Path, name: str, key: str, days: int) -> None:
    """Let a new party into the run at work: all members countersign, nothing is restarted.

    Prints its invitation. It takes part once it has joined and runs, from the next round on.

    Example: hansa coordinator admit hub west 9a03... > west.invitation
    """
    from hansa.nodes.coordinator_home import CoordinatorHome
    from hansa.nodes.inviting import admission_text

    click.echo(admission_text(CoordinatorHome(folder), name, key, _now(), days), nl=False)


@coordinator.command()
@_folder
@click.argument("name", metavar="NAME")
def expel(folder: Path, name: str) -> None:
    """Take a party out of the run at work: it is put out at once, and countersigned by all others.

    Example: hansa coordinator expel hub west
    """
    from hansa.nodes.coordinator_home import CoordinatorHome
    from hansa.nodes.inviting import expelled

    click.echo(expelled(CoordinatorHome(folder), name), err=True)
    click.echo(f"On a cluster of your own, now: hansa coordinator accounts {folder}", err=True)


@coordinator.command()
@_folder
@click.argument("line", metavar="FILE", type=PATH)
@_days
def rekey(folder: Path, line: Path, days: int) -> None:
    """Take a party's new key, from the FILE with the line that hansa party rotate printed.

    In a run at work all members countersign after the round, and nothing is restarted. Before it, prints a
    new invitation.

    Example: hansa coordinator rekey hub north.rotation > north.invitation
    """
    from hansa.nodes.coordinator_home import CoordinatorHome
    from hansa.nodes.inviting import SIGNING, renew
    from hansa.nodes.renewal import rotation_in

    name, invitation = renew(CoordinatorHome(folder), rotation_in(line), _now(), days)
    if invitation is not None:
        click.echo(invitation, nl=False)
        return
    click.echo(
        f"{name} goes on under its new key once all have signed, after the round at work. {SIGNING}",
        err=True,
    )


@coordinator.command()
@_folder
def accounts(folder: Path) -> None:
    """Print what your own NATS cluster must include to let the members in; nothing in it is secret.

    Example: hansa coordinator accounts hub > accounts.conf
    """
    from hansa.nodes.coordinator_home import CoordinatorHome
    from hansa.transport.nats_server import trust_text

    click.echo(trust_text(CoordinatorHome(folder).trust(_now())), nl=False)


@coordinator.command()
@_folder
def certificate(folder: Path) -> None:
    """Make the server's certificate anew, for the same names and a year; no party has to do anything.

    Example: hansa coordinator certificate hub
    """
    from hansa.nodes.coordinator_home import CoordinatorHome

    ends = CoordinatorHome(folder).renew_certificate(_now())
    click.echo(f"The server's certificate lasts until {ends:%Y-%m-%d}. Start hansa coordinator run again.")


@coordinator.command()
@_folder
@service_options
@json_option
def run(folder: Path, options: ServiceOptions, as_json: bool) -> None:
    """Wait for all parties, and run the charter with them; a run that was cut short goes on.

    Example: hansa coordinator run hub --metrics 9464
    """
    from hansa.nodes.coordinator_home import CoordinatorHome
    from hansa.nodes.coordinator_service import CoordinatorService

    stop_as_by_keyboard()
    with service(options, _now) as signs:
        home = CoordinatorHome(folder)
        running, was_over = CoordinatorService(home, _now, signs), home.finished() is not None
        watch = _Watch(signs, running.charter.rounds)
        try:
            result = running.run(watch.round_done, watch.waits_for)
        except KeyboardInterrupt:
            logger.info("stopped; go on with: hansa coordinator run %s", folder)
            raise
        signs.end("finished")
        if as_json:
            click.echo(json.dumps(result, indent=1))
        else:
            ended = "Was finished already" if was_over else "Finished"
            seconds = f"{result['seconds']:.1f} s"
            told = f" Verdicts: hansa verdicts {running.folder}." if "scenarios" in result else ""
            click.echo(f"{ended}: {result['rounds']} rounds, {seconds}.{told} Result:\n{running.folder}")
        if options.stay:
            stay()


class _Watch:
    """What a run tells, for its log and for its vital signs."""

    def __init__(self, signs: VitalSigns, rounds: int) -> None:
        self._signs, self._said, self._waiting = signs, 0.0, Waiting(rounds)
        self._first: tuple[float, int] | None = None  # when, and after which round, the clock began to count

    def round_done(self, done: int, rounds: int) -> None:
        """Take a round that is done."""
        self._signs.round_done(done, rounds)
        now = time.monotonic()
        began, round_ = self._first = self._first or (now, done)
        if now - self._said > _SAID_EVERY_S or done == rounds:
            self._said = now
            left = (now - began) / (done - round_) * (rounds - done) if done > round_ else 0.0
            about = f", about {left:.0f} s left" if left else ""
            logger.info("round %d of %d%s", done, rounds, about)

    def waits_for(self, step: str, missing: Sequence[str]) -> None:
        """Take who has not answered."""
        self._signs.waits_for(step, missing)
        if line := self._waiting.line(step, missing):
            logger.info("%s", line)
