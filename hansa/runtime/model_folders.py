"""Where a model lies: in a run's folder, in a scenario's, or in one party's, wherever it was copied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hansa.core.charter_reader import parse_charter
from hansa.core.errors import FolderError
from hansa.registry.folders import read_json
from hansa.registry.run_folder import RunFolder

_MODEL = "model.json"


def locate_model(folder: Path, party: str = "") -> Path:
    """Return the folder of the model that a run's, a scenario's or a party's folder stands for.

    A run's folder stands for the model that its charter trains. party: whose own part is wanted; empty:
    the whole.
    Raises FolderError where there is no model, or no such party, naming those at hand.
    """
    found = folder if (folder / _MODEL).exists() else _trained(folder)
    if not party:
        return found
    value = read_json(found / _MODEL)
    parts = _parts(value)
    if not parts and _of_one_party(value, party):
        return found
    if not parts:
        raise FolderError(
            f"holds one model, of {value.get('name')}, and no part of {party}",
            do="leave --party out",
            where=str(found),
        )
    if party not in parts:
        raise FolderError(f"holds no party {party}", do=f"choose among {', '.join(parts)}", where=str(found))
    return found / party


def _trained(folder: Path) -> Path:
    if not (folder / "charter.toml").is_file():
        raise FolderError(
            "holds neither a run nor a model", do="name the folder that hansa run printed", where=str(folder)
        )
    run = RunFolder(folder)
    algorithm = parse_charter(run.charter_text(), str(folder / "charter.toml")).algorithm.name
    if not (run.model(algorithm) / _MODEL).exists():
        raise FolderError(
            f"this run has no model of {algorithm} yet",
            do=f"go on with hansa run --resume {folder}",
            where=str(folder),
        )
    return run.model(algorithm)


def _parts(value: Any) -> list[str]:
    parts = value.get("parts", []) if isinstance(value, dict) else []
    return [str(part) for part in parts]


def _of_one_party(value: Any, party: str) -> bool:
    return isinstance(value, dict) and value.get("name") == party
