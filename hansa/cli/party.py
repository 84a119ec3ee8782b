"""`hansa party`: a company's own node, which joins charters and answers for its records."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import click

from hansa.cli.commands import PATH, Group, ask_to_sign, json_option, quoted
from hansa.cli.keys import show_key, show_servers
from hansa.cli.service import ServiceOptions, service, service_options, stopping

logger = logging.getLogger(__name__)

_folder = click.argument("folder", metavar="FOLDER", type=PATH)


def _now() -> datetime:
    return datetime.now(UTC)


@click.group(cls=Group)
def party() -> None:
    """Join a consortium from your own machine: outbound connections only, your records stay here.

    Start with: hansa party init FOLDER --name NAME
    """


@party.command()
@_folder
@click.option("--name", metavar="NAME", required=True, help="The party's name in the charter.")
@json_option
def init(folder: Path, name: str, as_json: bool) -> None:
    """Make a folder with a fresh identity and a policy of your site, and print what to send to the operator.

    Example: hansa party init north --name north
    """
    from hansa.nodes.party_home import PartyHome

    home = PartyHome.make(folder, name)
    show_key(name, home.identity.signing.public, as_json)
    if not as_json:
        policy, then = folder / "policy.toml", f"hansa party join {quoted(folder)} INVITATION"
        click.echo(f"What your site allows is in {policy}. Next: {then}", err=True)


@party.command()
@_folder
@click.argument("invitation", metavar="INVITATION", type=PATH)
@click.option("--data", metavar="PATH", type=PATH, help="Your table, or the folder of a trial's records.")
@click.option("--yes", is_flag=True, help="Sign without asking.")
def join(folder: Path, invitation: Path, data: Path | None, yes: bool) -> None:
    """Show what a charter means for you, and sign it.

    Example: hansa party join north north.invitation --data readings.parquet
    """
    from hansa.core.charter_words import explain
    from hansa.nodes.joining import accepted

    home, found, text, charter = accepted(folder, invitation, data)
    click.echo("\n".join(explain(charter)))
    show_servers(found)
    if not yes:
        ask_to_sign("Sign this charter, and answer its coordinator?")
    home.join(found, text, data)
    click.echo(f"Signed as {home.name}. Next: hansa party run {quoted(folder)}", err=True)


@party.command()
@_folder
@service_options
def run(folder: Path, options: ServiceOptions) -> None:
    """Connect, answer the coordinator until the run is over, and keep the model here.

    Ctrl-C stops it at any moment; run it again and it goes on.

    Example: hansa party run north --metrics 9465
    """
    from hansa.nodes.party_home import PartyHome
    from hansa.nodes.party_service import JUDGED, PartyService
    from hansa.registry.alone import alone_in

    home = PartyHome(folder)
    threads = home.policy.threads
    if threads is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    with service(options, _now) as signs, alone_in(home.joined().folder):
        running = PartyService(home, _now, signs)
        with stopping() as stop:
            if not running.node.over:
                logger.info("%s answers its coordinator; stop with Ctrl-C", home.name)
            if not running.serve(stop.is_set):
                logger.info("stopped; go on with: hansa party run %s", quoted(folder))
                return
            signs.end("finished")
            kept = home.joined().folder
            if (kept / JUDGED).exists():
                click.echo(f"What was found of your updates: {kept / JUDGED}")
            click.echo(f"The run is over. Model and figures:\n{kept}")
            if options.stay:
                stop.wait()


@party.command()
@_folder
def rotate(folder: Path) -> None:
    """Make a new key in the place of the one at work, and print what to send to the operator.

    The node goes on under the former key until all members have signed for the new one; then it takes the new
    one by itself, and the former is removed.

    Example: hansa party rotate north > north.rotation
    """
    from hansa.crypto.identities import fingerprint
    from hansa.nodes.party_home import PartyHome
    from hansa.nodes.renewal import rotation_line

    home = PartyHome(folder)
    found = home.rotate()
    click.echo(rotation_line(home.name, found))
    click.echo(
        f"Send that line to the operator, and compare the new fingerprint by telephone: "
        f"{fingerprint(found.new)}",
        err=True,
    )
    if home.is_at_work:
        click.echo("Your node takes the new key by itself, once all members have signed for it.", err=True)
    else:
        click.echo(
            f"Next, with what the operator sends: hansa party join {quoted(folder)} INVITATION", err=True
        )


@party.command()
@_folder
@json_option
def members(folder: Path, as_json: bool) -> None:
    """Show whom your node signed for, and the fingerprint of the list, to compare with the other members'.

    Example: hansa party members north
    """
    from hansa.crypto.identities import fingerprint
    from hansa.nodes.party_home import PartyHome

    listed = PartyHome(folder).members()
    if listed is None and as_json:
        click.echo(json.dumps({"list": None, "number": None, "keys": {}}))
        return
    if listed is None:
        click.echo("Your node has signed no list of members yet: it does when all run.", err=True)
        return
    keys = {name: fingerprint(key) for name, key in listed.identities.items()}
    if as_json:
        click.echo(json.dumps({"list": fingerprint(listed.digest), "number": listed.number, "keys": keys}))
        return
    for name, shown in keys.items():
        click.echo(f"{name}: {shown}")
    click.echo(f"The whole list, number {listed.number}: {fingerprint(listed.digest)}")


@party.command()
@_folder
@click.option("--yes", is_flag=True, help="Sign without asking.")
def approve(folder: Path, yes: bool) -> None:
    """Show a change of members that waits for you, and let your node sign it.

    Example: hansa party approve north
    """
    from hansa.nodes.party_home import PartyHome

    home = PartyHome(folder)
    words = home.pending()
    if words is None:
        click.echo("Nothing waits for you.", err=True)
        return
    click.echo(words)
    if not yes:
        ask_to_sign("Sign this change?")
    home.approve()
    click.echo("Your node signs it when the coordinator asks again, after the next round.", err=True)
