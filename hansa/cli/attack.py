"""`hansa attack`: a charter under every rule against bad parties, and under every attack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hansa.cli.commands import PATH, STOPPED, Command, data_option, json_option

if TYPE_CHECKING:
    from hansa.simulation.attack_plan import AttackPlan
    from hansa.simulation.charter_file import CharterFile

_FILES = ("attack.json", "attack.html")
_SIDE_BY_SIDE = 6  # rules in a block of the table


class _Names(click.ParamType[tuple[str, ...]]):
    """Words with commas between them."""

    name = "names"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the words."""
        if isinstance(value, tuple):
            return value
        found = tuple(word.strip() for word in value.split(","))
        if not all(found):
            self.fail(f"{value!r} is no list of names such as krum,median.", param, ctx)
        return found


@click.command(cls=Command)
@click.argument("charter", type=PATH)
@click.option(
    "--rules",
    type=_Names(),
    default=(),
    metavar="LIST",
    help="Rules, with commas; none is no rule, nnm+krum mixes neighbours first. Default: all.",
)
@click.option("--attacks", type=_Names(), default=(), metavar="LIST", help="With commas. Default: all.")
@click.option(
    "--bad", type=click.IntRange(1), metavar="F", help="Bad parties. Default: as many as the rule bears."
)
@click.option("--rounds", type=click.IntRange(1), metavar="N", help="Default: the charter's.")
@data_option
@click.option("--out", metavar="DIR", type=PATH, help="Folder to write to. Default: runs/attack-NAME-DIGEST.")
@json_option
def attack(
    charter: Path,
    rules: tuple[str, ...],
    attacks: tuple[str, ...],
    bad: int | None,
    rounds: int | None,
    data: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Attack CHARTER in a simulation: each attack under each rule, with one seed and one deal of assets.

    Writes attack.html and attack.json: what each attack costs, which parties are rejected or counted for
    less, and whether backdoors open. Ctrl-C leaves a page of what is done.

    Example: hansa attack charter.toml --rules none,krum --attacks alie,backdoor --rounds 20
    """
    from hansa.core.charter_digest import charter_digest
    from hansa.simulation.attack_plan import plan
    from hansa.simulation.charter_file import read_charter_file

    file = read_charter_file(charter)
    planned = plan(file.charter, rules, attacks, bad, rounds)
    digest = charter_digest(file.charter)
    folder = out or Path("runs") / f"attack-{file.charter.name}-{digest[:8]}"
    _check_folder(folder)
    found = _carried_out(planned, file, data) | {"charter_digest": digest}
    _write(found, folder)
    _show(found, folder, as_json)
    if not found["complete"]:
        click.get_current_context().exit(STOPPED)


def _check_folder(folder: Path) -> None:
    """Raise FolderError where other files are in the folder than those of attacks."""
    from hansa.core.errors import FolderError

    held = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if held - set(_FILES):
        do = "choose another folder with --out"
        raise FolderError("is not empty and holds no attacks", do=do, where=str(folder))
    if folder.exists() and not folder.is_dir():
        raise FolderError("is a file", do="choose another folder with --out", where=str(folder))


def _carried_out(planned: AttackPlan, file: CharterFile, data: Path | None) -> dict[str, Any]:
    """Return what was found; partial where a person stopped it."""
    from hansa.cli.progress import ProgressLine
    from hansa.runtime.world import open_world
    from hansa.simulation.attack_outcome import Outcome
    from hansa.simulation.red_team import RedTeam

    outcomes: list[Outcome] = []
    with ProgressLine() as line:
        team = RedTeam(planned, open_world(planned.charter, file.data_folder(data), line.tell))
        with closing(team):
            try:
                for one in team.outcomes(line):
                    outcomes.append(one)
            except KeyboardInterrupt:
                click.echo("Stopped; the page holds what is done.", err=True)
    return team.described(outcomes)


def _write(found: Mapping[str, Any], folder: Path) -> None:
    from hansa.control.attack_page import render_attacks
    from hansa.registry.folders import make_folder, write_json, write_text

    make_folder(folder)
    write_json(folder / _FILES[0], found)
    write_text(folder / _FILES[1], render_attacks(found))


def _show(found: Mapping[str, Any], folder: Path, as_json: bool) -> None:
    """Print attack.json, or the table, what was found, and last the folder."""
    if as_json:
        from hansa.registry.folders import json_text

        click.echo(json_text(found))
        return
    from hansa.control import attack_words

    click.echo(f"{attack_words.headline(found)}: {', '.join(found['bad'])}.")
    click.echo(f"Loss in percent: {attack_words.measured(found)}.")
    rules = list(found["rules"])
    for first in range(0, len(rules), _SIDE_BY_SIDE):
        click.echo("\n" + "\n".join(_lines(found, rules[first : first + _SIDE_BY_SIDE])))
    for sentence in (*attack_words.answers(found), *attack_words.left_out(found)):
        click.echo(f"\n{sentence}")
    click.echo(f"\nPage: {folder / _FILES[1]}\nFigures:\n{folder}")


def _lines(found: Mapping[str, Any], rules: Sequence[str]) -> list[str]:
    """Return the losses of all attacks under some rules, one line an attack."""
    from hansa.control.attack_words import NONE, loss, loss_text

    widths = [max(12, len(rule) + 2) for rule in rules]
    lines = [f"{'':<24}" + "".join(rule.rjust(width) for rule, width in zip(rules, widths, strict=True))]
    for name in (NONE, *found["attacks"]):
        title = "unattacked" if name == NONE else name
        cells = [loss_text(loss(found, rule, name)) for rule in rules]
        told = "".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append(f"{title:<24}{told}")
    return lines
