"""From a charter's file to a run that may begin: everything that can be refused is refused here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest, roster_digest
from hansa.core.errors import FolderError, HansaError
from hansa.registry.folders import read_json
from hansa.registry.run_folder import RunFolder
from hansa.runtime.large_fleet import Tell, untold
from hansa.runtime.result import RunResult
from hansa.runtime.world import STREAM_VARIABLE
from hansa.simulation.charter_file import CharterFile, read_charter_file
from hansa.simulation.federation import Federation, Watch
from hansa.simulation.run import Report, default_folder, identity, run_into


@dataclass(frozen=True, slots=True, eq=False)
class Launch:
    """A run whose records are read and whose folder is its own."""

    federation: Federation
    folder: RunFolder
    charter_text: str
    fresh: bool  # whether nothing was in the folder before

    def go(self, report: Report, watch: Watch, stop: Callable[[], bool]) -> RunResult:
        """Return the result, complete or partial; the folder then holds all of it, and the models.

        A run that fails in a fresh folder before anything was trained leaves nothing behind; a later
        one, for instance on a full disk, can be gone on with.
        """
        try:
            with _reads_named(self.federation):
                result = run_into(self.federation, self.folder, report, watch, stop)
        except HansaError:
            if self.fresh and not self._holds_work():
                self.folder.release()
            raise
        finally:
            self.federation.close()
        return replace(result, models=dict(self.federation.models))

    def _holds_work(self) -> bool:
        return self.folder.read_checkpoint() is not None or (self.folder.path / "result.json").exists()


def launch(file: CharterFile, data: Path | None, out: Path | None, tell: Tell = untold) -> Launch:
    """Return a run in the folder `out`, by default one named after the charter and its digest.

    tell: how far the reading of a large table is, now and later.
    Raises CharterError, DataError or PartyError before the folder is touched, and FolderError where it
    cannot be written or belongs to another run.
    """
    folder = RunFolder(_free_folder(file.charter) if out is None else out)
    fresh = folder.is_fresh()
    place = file.data_folder(data)
    federation = Federation(file.charter, place, tell=tell)
    known = {} if place is None else {"data_folder": str(place.resolve())}
    folder.claim(file.text, identity(federation) | known | _streamed(federation))
    federation.world.spools.folder = folder.path
    return Launch(federation, folder, file.text, fresh)


def _free_folder(charter: Charter) -> Path:
    """Return the folder named after the charter; with another roster's run in it, after the roster too."""
    folder, roster = default_folder(charter), roster_digest(charter)
    if not (folder / "run.json").is_file():
        return folder
    taken = RunFolder(folder).identity().get("roster_digest") != roster
    return folder.with_name(f"{folder.name}-{roster[:8]}") if taken else folder


def relaunch(out: Path, data: Path | None, tell: Tell = untold) -> Launch:
    """Return the interrupted run of a folder, ready to go on.

    data: where the records lie now; by default where they lay when the run began, or the variable's
    folder. Raises FolderError where charter, roster or data are not those that the run began with.
    """
    folder = RunFolder(out)
    known = folder.identity()
    file = read_charter_file(out / "charter.toml")
    if data is None and file.charter.data.source != "simulated":
        began_in = known.get("data_folder")
        variable = file.data_folder(None) if file.charter.data.source == "cmapss" else None
        data = variable or (Path(began_in) if began_in else None)
    found = {"charter_digest": charter_digest(file.charter), "roster_digest": roster_digest(file.charter)}
    _check_same(known, found, out, "put back the charter.toml that the run began with")
    federation = Federation(file.charter, data, tell=tell)
    _check_streamed(known, _streamed(federation), out)
    found = {"data_digest": federation.data_digest()}
    _check_same(known, found, out, "name the folder of the data that the run began with, with --data")
    federation.world.spools.folder = out
    return Launch(federation, folder, file.text, fresh=False)


def train_in_memory(file: CharterFile, data: Path | None, watch: Watch, tell: Tell = untold) -> RunResult:
    """Return the result and the models of a run that writes nothing."""
    federation = Federation(file.charter, file.data_folder(data), tell=tell)
    try:
        with _reads_named(federation):
            for _ in federation.train(watch, lambda: False):
                pass
        return replace(federation.result(), models=dict(federation.models))
    finally:
        federation.close()


def is_complete(out: Path) -> bool:
    """Return whether a folder holds a run that has come to its end."""
    folder = RunFolder(out)
    folder.identity()
    result = out / "result.json"
    return result.exists() and read_json(result).get("complete") is True and not folder.read_checkpoint()


@contextmanager
def _reads_named(federation: Federation) -> Iterator[None]:
    """Turn the fault of compiled code that could not read a large party's rows into a FolderError."""
    spools = federation.world.spools

    def is_another(_: logging.LogRecord) -> bool:
        return spools.lost() is None

    shown = logging.getLogger("jax._src.callback")  # it would show a traceback besides
    shown.addFilter(is_another)
    try:
        yield
    except (RuntimeError, ValueError) as fault:  # which of them it is depends on how the code was called
        lost = spools.lost()
        if lost is None:
            raise
        raise lost from fault
    finally:
        shown.removeFilter(is_another)


def _streamed(federation: Federation) -> dict[str, str]:
    """Return the parties whose tables are read in pieces, which tells on the order of their rows."""
    names = federation.world.streamed(federation.charter)
    return {"streamed": ", ".join(names)} if names else {}


def _check_streamed(known: dict[str, str], found: dict[str, str], out: Path) -> None:
    began, now = known.get("streamed", "no party"), found.get("streamed", "no party")
    if began != now:
        raise FolderError(
            f"the run began with {began} read in pieces, and now it would be {now}",
            do=f"set {STREAM_VARIABLE} as it was when the run began",
            where=str(out),
        )


def _check_same(known: dict[str, str], found: dict[str, str], out: Path, do: str) -> None:
    names = {"charter_digest": "charter", "roster_digest": "roster of parties", "data_digest": "data"}
    for key, value in found.items():
        if known.get(key) != value:
            what = f"the {names[key]} is not the one that this run began with"
            raise FolderError(what, do=do, where=str(out))
