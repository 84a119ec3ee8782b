"""Keys as people pass them on: a line for the operator, and fingerprints to compare by telephone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from hansa.crypto.identities import fingerprint

if TYPE_CHECKING:
    from hansa.protection.invitation import Invitation


def show_key(name: str, key: bytes, as_json: bool) -> None:
    """Print what a new node sends to the operator."""
    shown = fingerprint(key)
    if as_json:
        click.echo(json.dumps({"name": name, "key": key.hex(), "fingerprint": shown}))
        return
    click.echo(f"{name} {key.hex()}")
    click.echo(f"Send that line to the operator, and compare the fingerprint by telephone: {shown}", err=True)


def show_servers(invitation: Invitation) -> None:
    """Print the fingerprints of all who compute and own no records, for people to compare."""
    click.echo(f"Coordinator's fingerprint, to compare by telephone: {fingerprint(invitation.coordinator)}")
    for name, key in invitation.servers:
        click.echo(f"Fingerprint of {name}, to compare with who runs it: {fingerprint(key)}")
    if invitation.servers:
        click.echo("Keys differ; that people behind them do, you find out by asking them.")
