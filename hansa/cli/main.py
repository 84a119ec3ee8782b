"""The command `hansa`: one module a noun, one way to say what went wrong."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import click

import hansa
from hansa.cli.align import align
from hansa.cli.attack import attack
from hansa.cli.charter import charter
from hansa.cli.commands import Group
from hansa.cli.coordinator import coordinator
from hansa.cli.credits import credits
from hansa.cli.data import data
from hansa.cli.partition import partition
from hansa.cli.party import party
from hansa.cli.predict import predict
from hansa.cli.run import run
from hansa.cli.server import server
from hansa.cli.up import up
from hansa.cli.verdicts import verdicts


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(hansa.__version__, prog_name="hansa")
def cli() -> None:
    """Train one model of how assets age with your competitors; only sums leave a party's firewall.

    Start with: hansa charter init --simulated > charter.toml, then: hansa run charter.toml
    """


for command in (charter, run, verdicts, credits, predict, partition, align, data):
    cli.add_command(command)
if find_spec("hansa.cli.study") is not None:  # the study is a room of its own
    cli.add_command(import_module("hansa.cli.study").study)
for command in (attack, up, coordinator, party, server):
    cli.add_command(command)
