"""`hansa up`: a whole consortium on this machine, each party a process of its own, to see how it works."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from hansa.cli.commands import PATH, Command, data_option, json_option
from hansa.cli.waiting import Waiting


def _now() -> datetime:
    return datetime.now(UTC)


@click.command(cls=Command)
@click.argument("charter", metavar="CHARTER", type=PATH)
@data_option
@click.option("--out", metavar="DIR", type=PATH, help="Folder of all nodes. Default: runs/up-NAME-DIGEST.")
@json_option
def up(charter: Path, data: Path | None, out: Path | None, as_json: bool) -> None:
    """Start a server, a coordinator and all parties of CHARTER here, each with a folder and keys of its own.

    So are the servers beside the coordinator that "shared" and "encrypted" take: here to try, no secret kept.

    Kill any process while it works: it is started again, and the run ends in the same bits.

    Example: hansa up charter.toml --out runs/up
    """
    from hansa.core.charter_digest import charter_digest
    from hansa.nodes.coordinator_service import CoordinatorService, check_deployable
    from hansa.nodes.stages import servers_of
    from hansa.nodes.trial import make_trial, nodes
    from hansa.simulation.charter_file import read_charter_file

    file = read_charter_file(charter)
    check_deployable(file.charter)
    digest = charter_digest(file.charter)[:8]
    folder = out or Path("runs") / f"up-{file.charter.name}-{digest}"
    hub = make_trial(folder, file.charter, file.text, file.data_folder(data), _now())
    service = CoordinatorService(hub, _now)
    names = [party.name for party in file.charter.roster]
    servers = servers_of(file.charter)
    shown = _Shown(file.charter.rounds, [*names, *servers])
    with nodes(folder, names, servers) as running, shown:
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.25):
                running.look()
                shown.parties(running)

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            result = service.run(shown.round, shown.waiting)
        finally:
            over.set()
            watcher.join()
    _print(result, folder, names, as_json, len(names) + len(servers))


class _Shown:
    """The live table on a terminal; elsewhere a line now and then."""

    def __init__(self, rounds: int, names: Sequence[str]) -> None:
        self._rounds, self._names, self._done, self._said = rounds, names, 0, 0.0
        self._waiting = Waiting(rounds)
        self._missing: Sequence[str] = ()
        self._states: dict[str, str] = {}
        console = Console(stderr=True)
        self._live = (
            Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        )

    def __enter__(self) -> _Shown:
        click.echo(f"starting {len(self._names)} processes: {', '.join(self._names)}", err=True)
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def round(self, done: int, rounds: int) -> None:
        """Show that a round is done."""
        self._done, self._missing = done, ()
        now = time.monotonic()
        if self._live is None and (now - self._said > 2.0 or done == rounds):
            self._said = now
            click.echo(f"round {done} of {rounds}", err=True)
        self._draw()

    def waiting(self, step: str, missing: Sequence[str]) -> None:
        """Show who has not answered."""
        self._missing = missing
        if self._live is None and (line := self._waiting.line(step, missing)):
            click.echo(line, err=True)
        self._draw()

    def parties(self, running: Any) -> None:
        """Show what each process does."""
        for name, process in running.processes.items():
            again = running.started[name] - 1
            state = "up" if process.poll() is None else "ended"
            self._states[name] = f"{state}, process {process.pid}" + (
                f", started again {again}x" if again else ""
            )
        self._draw()

    def _draw(self) -> None:
        if self._live is None:
            return
        table = Table(title=f"round {self._done} of {self._rounds}")
        for head in ("node", "process", "now"):
            table.add_column(head)
        for name in self._names:
            now = "is waited for" if name in self._missing else "answers"
            table.add_row(name, self._states.get(name, "starts"), now)
        self._live.update(table)


def _print(result: dict[str, Any], folder: Path, names: Sequence[str], as_json: bool, processes: int) -> None:
    run = next((folder / names[0] / "runs").iterdir()).name
    scores = {name: _scores(folder / name / "runs" / run / "result.json") for name in names}
    if as_json:
        click.echo(json.dumps(result | {"folder": str(folder), "figures": scores}, indent=1))
        return
    click.echo(f"Finished: {result['rounds']} rounds in {result['seconds']:.1f} s, {processes} processes.")
    for name, found in scores.items():
        first: dict[str, Any] = next(iter(found.values()), {})
        told = ", ".join(f"{key} {value:.4g}" for key, value in first.items() if isinstance(value, float))
        click.echo(f"  {name}: {told}; model in {folder / name / 'runs' / run / 'model'}")
    if "scenarios" in result:
        click.echo(f"How updates were judged: hansa verdicts {folder / 'coordinator' / 'runs' / run}")
    click.echo(f"Folders of all nodes:\n{folder}")


def _scores(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["scores"]
    return found
