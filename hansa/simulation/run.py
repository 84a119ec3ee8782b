"""Running a charter into a folder: interrupted at any moment, it goes on to the same bits."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest, roster_digest
from hansa.core.errors import FolderError
from hansa.registry.run_folder import RunFolder
from hansa.runtime.result import RunResult, ScenarioFigures
from hansa.runtime.scoring import load
from hansa.simulation.federation import Checkpoint, Federation, Progress, Watch

_CHECKPOINT_EVERY_S = 5.0

Report = Callable[[RunResult], str]
"""Renders report.html; handed in, so that this room needs no templates."""


def default_folder(charter: Charter) -> Path:
    """Return where a run goes when no folder is named."""
    return Path("runs") / f"{charter.name}-{charter_digest(charter)[:8]}"


def run_into(
    federation: Federation,
    folder: RunFolder,
    report: Report,
    watch: Watch,
    stop: Callable[[], bool],
) -> RunResult:
    """Return the result of the run, complete or partial; the folder then holds all of it.

    The folder must be claimed. A checkpoint in it is gone on from.
    """
    start = _stored(folder)
    if start is None:
        folder.clear_models()
    for unit in federation.train(_keeping(federation, folder, watch), stop, start):
        federation.tell(f"{unit}: writing", 0.0)
        for name in federation.names(unit):
            federation.models[name].save(folder.model(name))
        _store(folder, federation.checkpoint())
    federation.tell("result: writing", 0.0)
    for name, model in federation.unfinished_models().items():
        model.save(folder.model(name))
    result = federation.result()
    folder.write_result(result.value(), report(result))
    if result.complete:
        folder.drop_checkpoint()
    else:
        _store(folder, federation.checkpoint())
    _load_earlier(federation, folder)
    return result


def _keeping(federation: Federation, folder: RunFolder, watch: Watch) -> Watch:
    """Return a watch that also takes a checkpoint now and then."""
    kept = time.monotonic()

    def watch_and_keep(progress: Progress) -> None:
        nonlocal kept
        watch(progress)
        if time.monotonic() - kept > _CHECKPOINT_EVERY_S:
            _store(folder, federation.checkpoint())
            kept = time.monotonic()

    return watch_and_keep


def _load_earlier(federation: Federation, folder: RunFolder) -> None:
    """Load the models of scenarios that were finished before the run was gone on with."""
    for name in federation.finished:
        if name not in federation.models:
            federation.models[name] = load(folder.model(name))


def identity(federation: Federation) -> dict[str, str]:
    """Return the digests that tell one run's folder from another's."""
    return {
        "charter_digest": charter_digest(federation.charter),
        "roster_digest": roster_digest(federation.charter),
        "data_digest": federation.data_digest(),
    }


def _store(folder: RunFolder, checkpoint: Checkpoint) -> None:
    values = {
        "finished": {name: one.value() for name, one in checkpoint.finished.items()},
        "curves": {
            name: {"raw": one.curves.raw, "filtered": one.curves.filtered}
            for name, one in checkpoint.finished.items()
        },
        "seconds": checkpoint.seconds,
        "scenario": checkpoint.scenario,
        "values": dict(checkpoint.values or {}),
    }
    folder.write_checkpoint(checkpoint.arrays or {}, values)


def _stored(folder: RunFolder) -> Checkpoint | None:
    stored = folder.read_checkpoint()
    if stored is None:
        return None
    arrays, values = stored
    try:
        finished = {
            name: ScenarioFigures.of(one, values["curves"][name]) for name, one in values["finished"].items()
        }
        return Checkpoint(finished, values["seconds"], values["scenario"], arrays, values["values"])
    except (KeyError, TypeError, ValueError) as fault:
        raise FolderError(
            "its checkpoint cannot be read",
            do="start the run again in another folder",
            where=str(folder.path),
        ) from fault
