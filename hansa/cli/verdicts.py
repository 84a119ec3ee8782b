"""`hansa verdicts`: what was found of each party's updates in a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hansa.cli.commands import PATH, Command, json_option


@click.command(cls=Command)
@click.argument("out", type=PATH)
@click.option("--party", metavar="NAME", default="", help="Every verdict on this party, with its reason.")
@json_option
def verdicts(out: Path, party: str, as_json: bool) -> None:
    """Show how the updates of each party were judged in the run of folder OUT.

    Example: hansa verdicts runs/first --party party-1
    """
    from hansa.control.report_judging import judging_tables, judging_words, share_tables, verdict_lines
    from hansa.core.errors import FolderError
    from hansa.registry.folders import json_text, read_json
    from hansa.registry.run_folder import RunFolder

    RunFolder(out).identity()
    if not (out / "result.json").is_file():
        raise FolderError("holds no result yet", do=f"finish it: hansa run --resume {out}", where=str(out))
    result = read_json(out / "result.json")
    judged = {name: one["judged"] for name, one in result["scenarios"].items() if one.get("judged")}
    if not judged:
        do = 'write a rule in [defence] of its charter, for instance rule = "mean", and run it again'
        raise FolderError("nothing was judged in this run", do=do, where=str(out))
    if party and party not in result["parties"]:
        names = ", ".join(list(result["parties"])[:8])
        raise FolderError(f'no party is called "{party}"', do=f"name one of {names}", where=str(out))
    if party and not any("verdicts" in found for found in judged.values()):
        do = f"read how parties voted: hansa verdicts {out}"
        raise FolderError(f"no update of {party} was judged", do=do, where=str(out))
    if as_json:
        click.echo(json_text(_of_party(judged, party) if party else judged))
    elif party:
        click.echo("\n".join(verdict_lines(result, party)))
    else:
        from hansa.cli.tables import table_lines

        lines = [
            line for table in (*judging_tables(result), *share_tables(result)) for line in table_lines(table)
        ]
        click.echo("\n".join([*judging_words(result), *lines]))


def _of_party(judged: dict[str, Any], party: str) -> dict[str, Any]:
    """Return each scenario's verdicts on one party, and what could be checked."""
    return {
        name: {
            "checks": found["checks"],
            "verdicts": [one for one in found["verdicts"] if one["party"] == party],
        }
        for name, found in judged.items()
        if "verdicts" in found
    }
