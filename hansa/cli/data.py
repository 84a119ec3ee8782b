"""`hansa data`: look at a table, or bring a public one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hansa.cli.commands import PATH, Group, task_option

if TYPE_CHECKING:
    from hansa.data.bosch import Cleaned
    from hansa.data.describe import Description

_PARTIES = 4  # of a proposed charter, if there are as many assets to learn from


@click.group(cls=Group)
def data() -> None:
    """Describe your own table, or prepare a public one."""


@data.command()
@click.argument("file", type=PATH)
@task_option
def describe(file: Path, task: str) -> None:
    """Print a charter for your own CSV or Parquet file (or a folder of them), with what was found in it.

    Read the comments on top before you run it: they say what a person must confirm.

    Example: hansa data describe pumps.csv > pumps.toml
    """
    click.echo(charter_of_table(file, task), nl=False)


@data.command()
@click.argument("dataset", type=click.Choice(["cmapss"]))
@click.option(
    "--data",
    "folder",
    metavar="DIR",
    type=PATH,
    envvar="HANSA_DATA",
    default=Path("data"),
    help="Folder to write cmapss/ to. Default: HANSA_DATA, else data.",
)
def fetch(dataset: str, folder: Path) -> None:
    """Download NASA's C-MAPSS set from its publisher and check it.

    Example: hansa data fetch cmapss --data data
    """
    from hansa.data.fetch import CMAPSS_ADDRESS, fetch_cmapss

    click.echo(f"Fetching {dataset} from {CMAPSS_ADDRESS}", err=True)
    place = fetch_cmapss(folder)
    click.echo(
        f"Next: hansa charter init > charter.toml, then hansa run charter.toml --data {folder}", err=True
    )
    click.echo(place)


@data.command()
@click.argument("place", metavar="FOLDER", type=PATH)
@click.option("--out", metavar="DIR", type=PATH, required=True, help="New folder for tables and charters.")
@click.option(
    "--generate",
    "parts",
    metavar="PARTS",
    type=click.IntRange(min=1),
    help="First write a made-up train_numeric.csv of so many parts to FOLDER.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=7, show_default=True, help="Of the parts made up."
)
def bosch(place: Path, out: Path, parts: int | None, seed: int) -> None:
    """Clean Bosch's train_numeric.csv in FOLDER by the paper's rules, whatever its size.

    The file may be packed by gzip or zip. DIR gets one table of all parts, one for each of four parties, and
    charters: horizontal.toml, vertical.toml, hybrid.toml, given.toml. Said is what each rule dropped.

    Example: hansa data bosch made --generate 20000 --out line
    """
    from hansa.data.bosch import clean, generate

    tell = _Rows()
    if parts is not None:
        click.echo(f"Made: {generate(place, parts, seed, tell)}", err=True)
    for line in _dropped(clean(place, out, tell)):
        click.echo(line)
    click.echo(f"Next: hansa run {out / 'horizontal.toml'}", err=True)
    click.echo(out)


class _Rows:
    """Says on standard error how many rows were read, each time that their number has grown by a tenth."""

    def __init__(self) -> None:
        self._what, self._rows, self._next = "", 0, 0.0

    def __call__(self, what: str, rows: int) -> None:
        if what != self._what:
            self._what, self._rows, self._next = what, 0, 100_000.0
        self._rows += rows
        if self._rows >= self._next:
            click.echo(f"{what}: {self._rows:,} rows", err=True)
            self._next = 1.1 * self._rows


def _dropped(found: Cleaned) -> Iterator[str]:
    counts = found.counts
    yield f"Read: {counts.rows:,} rows, {counts.features} features."
    yield f"1. rows that repeat an earlier one: {counts.repeated_rows:,} dropped"
    yield f"2. columns with more than 70 % missing: {counts.sparse_columns} dropped"
    yield f"3. columns that never vary: {counts.constant_columns} dropped"
    yield f"4. rows with more than 142 missing: {counts.sparse_rows:,} dropped"
    groups = ", ".join(f"{group} {len(columns)}" for group, columns in found.blocks.columns.items())
    yield (
        f"Left: {counts.rows_left:,} rows, {counts.failures:,} of them failures, "
        f"{counts.columns_left} features ({groups})."
    )


@data.command()
@click.argument("file", type=PATH)
@click.option("--out", metavar="DIR", type=PATH, required=True, help="Folder to write to.")
@click.option(
    "--by",
    type=click.Choice(["auctioneer", "product_group", "state"]),
    default="auctioneer",
    show_default=True,
    help="What a party is.",
)
def bulldozers(file: Path, out: Path, by: str) -> None:
    """Prepare the bulldozers sales (Kaggle, "Blue Book for Bulldozers") and write a charter for their prices.

    FILE is the publisher's TrainAndValid.csv or Train.csv, or the same as Parquet. DIR takes train.csv,
    test.csv, charter.toml, and baselines.toml: one who has all sales, and each party alone.

    Example: hansa data bulldozers TrainAndValid.csv --out bulldozers --by state
    """
    from hansa.core.charter_rules import check_charter
    from hansa.core.charter_writer import render_charter
    from hansa.data.bulldozers import TEST, TRAIN, baselines_of, charter_of, prepared, read_sales
    from hansa.registry.folders import make_folder, write_text

    sales = prepared(read_sales(file), by, str(file))
    charters = {"charter.toml": charter_of(sales), "baselines.toml": baselines_of(sales)}
    for charter in charters.values():
        check_charter(charter)
    make_folder(out)
    for name, frame in ((TRAIN, sales.train), (TEST, sales.test)):
        write_text(out / name, frame.to_csv(index=False, lineterminator="\n"))
    for name, charter in charters.items():
        write_text(out / name, render_charter(charter))
    click.echo(f"{len(sales.train)} sales to learn from, {len(sales.test)} to be judged on:")
    for party, rows in sales.train["party"].value_counts().loc[list(sales.parties)].items():
        click.echo(f"  {party}: {rows}")
    click.echo(f"Next: hansa run {out / 'charter.toml'}", err=True)
    click.echo(f"   or hansa partition {out / 'charter.toml'} --out parties: one file a party", err=True)
    click.echo(out)


def charter_of_table(file: Path, task: str) -> str:
    """Return a commented charter for a table, on top of it what was found as comments.

    What keeps the charter from running, or a column from being used, is said on standard error, too.
    Raises DataError for a file that is missing or no table.
    """
    from hansa.core.charter import Data
    from hansa.core.charter_templates import table_template
    from hansa.data.describe import describe as described
    from hansa.data.tables import read_table

    found = described(read_table(file), str(file), task)
    schema = Data(
        task=task,
        source="table",
        file=file.as_posix(),
        label_cap=found.label_cap,
        label_bin=found.label_bin,
        columns=found.columns,
        label=found.label,
        regimes=found.regimes,
        missing=found.missing,
    )
    learnt_from = found.assets - max(1, round(schema.test_share * found.assets))
    text = table_template(schema, max(1, min(_PARTIES, learnt_from)), found.failure_weight)
    if not found.faults:  # what a charter lacks for another reason is told once those are mended
        refused = _refusals(text)
        found = replace(found, faults=refused, notes=(*refused, *found.notes))
    for fault in found.faults:
        click.echo(f"{file.as_posix()}: {fault}", err=True)
    return "\n".join(f"# {line}".rstrip() for line in _findings(found, file)) + "\n\n" + text


def _refusals(text: str) -> tuple[str, ...]:
    """Return what the charter is refused for, if it is."""
    from hansa.core.charter_reader import parse_charter
    from hansa.core.errors import CharterError

    try:
        parse_charter(text, "the charter")
    except CharterError as fault:
        return (f"the charter cannot run yet: {fault}",)
    return ()


def _findings(found: Description, file: Path) -> Iterator[str]:
    if found.faults:
        yield "TO DO FIRST, or this charter cannot run or lacks a column:"
        yield from (f"- {fault}" for fault in found.faults)
        yield ""
    yield f"Found in {file.as_posix()}: {found.rows} rows, {found.assets or 'an unknown number of'} assets."
    width = max(len(name) for name, _ in found.lines)
    for name, line in found.lines:
        yield f"  {name:<{width}}  {line}"
    confirmed = [note for note in found.notes if note not in found.faults]
    if confirmed:
        yield "Confirm before you run it:"
    yield from (f"- {note}" for note in confirmed)
