"""The folder of one run: charter and digest, checkpoint, models, result and report."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core.errors import FolderError
from hansa.registry.folders import make_folder, read_arrays, read_json, write_arrays, write_json, write_text

_ID = "run.json"
_CHECKPOINT = "checkpoint.npz"
_VALUES = "values"  # the checkpoint's plain values, as bytes of JSON, so that one file holds it whole


class RunFolder:
    """Where one run writes, and from where it goes on."""

    def __init__(self, path: Path) -> None:
        """Take the folder; nothing is written yet."""
        self.path = path

    def claim(self, charter_text: str, identity: Mapping[str, str]) -> None:
        """Make the folder this run's own.

        identity: charter, roster and data digest, and what else shall be found there later. Raises
        FolderError when it cannot be written to, or holds something else than this run.
        """
        if self.path.exists() and not self.path.is_dir():
            raise FolderError("is a file", do="choose another folder with --out", where=str(self.path))
        if self.path.is_dir() and any(self.path.iterdir()):
            self._check_same(identity)
        make_folder(self.path)
        write_json(self.path / _ID, dict(identity))  # first: a claim cut short can then be made again
        write_text(self.path / "charter.toml", charter_text)
        write_text(self.path / "charter.digest", identity["charter_digest"] + "\n")

    def _check_same(self, identity: Mapping[str, str]) -> None:
        if not (self.path / _ID).exists():
            raise FolderError(
                "is not empty and holds no run", do="choose another folder with --out", where=str(self.path)
            )
        found = self.identity()
        names = {"charter_digest": "charter", "roster_digest": "roster of parties", "data_digest": "data"}
        for key, name in names.items():
            if found.get(key) != identity[key]:
                raise FolderError(
                    f"holds a run of another {name}",
                    do="choose another folder with --out",
                    where=str(self.path),
                )

    def is_fresh(self) -> bool:
        """Return whether nothing is in the folder yet, or there is no folder."""
        return not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir()))

    def release(self) -> None:
        """Remove all that is in the folder, and the folder; for a run that failed in a fresh one."""
        for entry in self.path.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        with contextlib.suppress(OSError):  # it may be the folder that we stand in
            self.path.rmdir()

    def identity(self) -> dict[str, str]:
        """Return what the folder was claimed with. Raises FolderError when it holds no run."""
        if not (self.path / _ID).is_file():
            raise self._no_run()
        found = read_json(self.path / _ID)
        if not isinstance(found, dict):
            raise _damaged(self.path / _ID)
        return {str(key): str(value) for key, value in found.items()}

    def charter_text(self) -> str:
        """Return the charter that the run was started with."""
        try:
            return (self.path / "charter.toml").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise self._no_run() from fault

    def _no_run(self) -> FolderError:
        if (self.path / "result.json").is_file():  # as a coordinator of separate machines leaves it
            what, do = "has a run in which nothing was judged", "name one with [defence], [gate] or [reward]"
        else:
            what, do = "holds no run", "name the folder that hansa run printed"
        return FolderError(what, do=do, where=str(self.path))

    def write_checkpoint(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Write where the run stands, in one file at once."""
        text = np.frombuffer(json.dumps(values).encode(), dtype=np.uint8)
        write_arrays(self.path / _CHECKPOINT, {**arrays, _VALUES: text})

    def read_checkpoint(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """Return where the run stood, or None where it never was or is complete."""
        if not (self.path / _CHECKPOINT).exists():
            return None
        arrays = read_arrays(self.path / _CHECKPOINT)
        try:
            values: dict[str, Any] = json.loads(arrays.pop(_VALUES).tobytes())
        except (KeyError, ValueError, RecursionError) as fault:
            raise _damaged(self.path / _CHECKPOINT) from fault
        return arrays, values

    def drop_checkpoint(self) -> None:
        """Forget where the run stood: it is complete."""
        (self.path / _CHECKPOINT).unlink(missing_ok=True)

    def model(self, scenario: str) -> Path:
        """Return the folder of a scenario's model."""
        return self.path / "models" / scenario

    def clear_models(self) -> None:
        """Remove models of an earlier run into the same folder."""
        shutil.rmtree(self.path / "models", ignore_errors=True)

    def write_result(self, value: Mapping[str, Any], report: str) -> None:
        """Write result.json and report.html."""
        write_json(self.path / "result.json", value)
        write_text(self.path / "report.html", report)


def _damaged(path: Path) -> FolderError:
    return FolderError("cannot be read", do="start the run again in another folder", where=str(path))
