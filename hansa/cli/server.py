"""`hansa server`: a server beside the coordinator, of shared or encrypted sums, run by somebody else."""

from __future__ import annotations

import logging
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
def server() -> None:
    """Compute beside the coordinator: the second or third server of shared sums, or the key custodian.

    For an auditor or an elected party, never for who runs the coordinator.

    Start with: hansa server init FOLDER NAME
    """


@server.command()
@_folder
@click.argument("name", metavar="NAME")
@json_option
def init(folder: Path, name: str, as_json: bool) -> None:
    """Make a folder with a fresh identity, and print what to send to the operator.

    NAME is second-server or third-server (secrecy "shared"), or custodian ("encrypted").

    Example: hansa server init second second-server
    """
    from hansa.nodes.server_home import ServerHome

    home = ServerHome.make(folder, name)
    key = home.identity.signing.public
    show_key(name, key, as_json)
    if not as_json:
        click.echo(f"Next: hansa server join {quoted(folder)} INVITATION", err=True)


@server.command()
@_folder
@click.argument("invitation", metavar="INVITATION", type=PATH)
@click.option("--yes", is_flag=True, help="Sign without asking.")
def join(folder: Path, invitation: Path, yes: bool) -> None:
    """Show what the charter is, what this server does in it and who runs the others, and sign it.

    Example: hansa server join second second-server.invitation
    """
    from hansa.core.charter_words import explain
    from hansa.core.charter_words_servers import explain_server
    from hansa.nodes.joining import accepted_by_server

    home, found, text, charter = accepted_by_server(folder, invitation)
    click.echo("\n".join([*explain(charter), *explain_server(charter, home.name)]))
    show_servers(found)
    if not yes:
        ask_to_sign("Sign this charter, and answer its coordinator?")
    home.join(found, text)
    click.echo(f"Signed as {home.name}. Next: hansa server run {quoted(folder)}", err=True)


@server.command()
@_folder
@service_options
def run(folder: Path, options: ServiceOptions) -> None:
    """Connect, and answer the coordinator until the run is over.

    Ctrl-C stops it at any moment; run it again and it goes on.

    Example: hansa server run second --metrics 9466
    """
    from hansa.nodes.server_home import ServerHome
    from hansa.nodes.server_service import ServerService
    from hansa.registry.alone import alone_in

    home = ServerHome(folder)
    with service(options, _now) as signs, alone_in(home.joined().folder):
        running = ServerService(home, _now, signs)
        with stopping() as stop:
            if not running.node.over:
                logger.info("%s answers its coordinator; stop with Ctrl-C", home.name)
            if not running.serve(stop.is_set):
                logger.info("stopped; go on with: hansa server run %s", quoted(folder))
                return
            signs.end("finished")
            click.echo("The run is over.")
            if options.stay:
                stop.wait()
