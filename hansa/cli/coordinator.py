"""`hansa coordinator`: the operator's node, which asks, adds up, and never sees a record."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from hansa.cli.commands import PATH, Group, json_option

_folder = click.argument("folder", metavar="FOLDER", type=PATH)
_SAID_EVERY_S = 2.0
_days = click.option("--days", metavar="DAYS", default=90, show_default=True, help="How long it lasts.")


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
@click.option("--named", metavar="NAME", multiple=True, help="A name or address by which parties reach it.")
def init(folder: Path, charter: Path, url: str, host: str, port: int, named: Sequence[str]) -> None:
    """Make an operator's folder for CHARTER: keys, the server's certificate, nobody invited yet.

    Example: hansa coordinator init hub charter.toml
    """
    from hansa.runtime.coordinator_home import CoordinatorHome, Reach
    from hansa.runtime.coordinator_service import check_deployable
    from hansa.simulation.charter_file import read_charter_file

    file = read_charter_file(charter)
    check_deployable(file.charter)
    reach = Reach(url, host, port, tuple(dict.fromkeys((*named, host, "localhost"))))
    CoordinatorHome.make(folder, file.charter, file.text, reach, _now())
    names = ", ".join(party.name for party in file.charter.roster)
    click.echo(
        f"{folder} is ready. Each of {names} runs hansa party init and sends you a line; then: "
        f"hansa coordinator invite {folder} NAME KEY > NAME.invitation",
        err=True,
    )


@coordinator.command()
@_folder
@click.argument("name", metavar="NAME")
@click.argument("key", metavar="KEY")
@_days
def invite(folder: Path, name: str, key: str, days: int) -> None:
    """Print the invitation of a party whose public key is KEY; nothing in it is secret.

    Example: hansa coordinator invite hub north 6f1d... > north.invitation
    """
    from hansa.runtime.coordinator_home import CoordinatorHome
    from hansa.runtime.inviting import invitation_text

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
    from hansa.runtime.coordinator_home import CoordinatorHome
    from hansa.runtime.inviting import admission_text

    click.echo(admission_text(CoordinatorHome(folder), name, key, _now(), days), nl=False)


@coordinator.command()
@_folder
@click.argument("name", metavar="NAME")
def expel(folder: Path, name: str) -> None:
    """Take a party out of the run at work, once all others have countersigned.

    Example: hansa coordinator expel hub west
    """
    from hansa.runtime.coordinator_home import CoordinatorHome

    CoordinatorHome(folder).put_member(name, None)
    click.echo(f"{name} is no member once the others have signed, after the round at work.", err=True)


@coordinator.command()
@_folder
@json_option
def run(folder: Path, as_json: bool) -> None:
    """Wait for all parties, and run the charter with them; a run that was cut short goes on.

    Example: hansa coordinator run hub
    """
    from hansa.cli.service_log import log_to_stderr
    from hansa.runtime.coordinator_home import CoordinatorHome
    from hansa.runtime.coordinator_service import CoordinatorService

    log_to_stderr()
    service = CoordinatorService(CoordinatorHome(folder), _now)
    first: list[tuple[float, int]] = []  # when, and after which round, the clock began to count
    said = 0.0

    def watch(done: int, rounds: int) -> None:
        nonlocal said
        now = time.monotonic()
        if not first:
            first.append((now, done))
        if now - said > _SAID_EVERY_S or done == rounds:
            said = now
            began, round_ = first[0]
            left = (now - began) / (done - round_) * (rounds - done) if done > round_ else None
            about = "" if left is None else f", about {left:.0f} s left"
            click.echo(f"round {done} of {rounds}{about}", err=True)

    def told(step: str, missing: Sequence[str]) -> None:
        click.echo(f"waiting for {', '.join(missing)} (step {step})", err=True)

    result = service.run(watch, told)
    if as_json:
        click.echo(json.dumps(result, indent=1))
        return
    click.echo(f"Finished: {result['rounds']} rounds, {result['seconds']:.1f} s. Result:\n{service.folder}")
