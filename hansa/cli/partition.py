"""`hansa partition`: one folder for each party, to be carried to its own machine."""

from __future__ import annotations

from pathlib import Path

import click

from hansa.cli.commands import PATH, Command, data_option


@click.command(cls=Command)
@click.argument("charter", type=PATH)
@click.option("--out", metavar="DIR", type=PATH, required=True, help="Folder to write to.")
@data_option
def partition(charter: Path, out: Path, data: Path | None) -> None:
    """Deal the records as CHARTER says and write one folder for each party.

    A party's folder holds its own rows and sensors and its settings. DIR/charter.toml is the charter of
    parties that bring their own files: hansa run DIR/charter.toml runs on what was written.

    Example: hansa partition charter.toml --out parties
    """
    from hansa.simulation.charter_file import read_charter_file
    from hansa.simulation.partition_folders import write_partition

    written = write_partition(read_charter_file(charter), data, out)
    for line in written.lines:
        click.echo(line)
    for note in written.notes:
        click.echo(note, err=True)
    click.echo(f"Next: hansa run {out / 'charter.toml'}", err=True)
    click.echo(out)
