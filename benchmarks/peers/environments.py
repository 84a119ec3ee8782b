"""A virtual environment for each peer, made anew when its pinned requirements have changed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parent


class CannotInstallError(Exception):
    """A peer's requirements cannot be installed here; the message is one line."""


def make_environment(name: str) -> Path:
    """Return the interpreter of a peer's environment, installed first where it has to be.

    Raises CannotInstallError, with pip's own last word, where that fails.
    """
    folder = PEERS / name / ".venv"
    requirements = PEERS / name / "requirements.txt"
    python, stamp = folder / "bin" / "python", folder / "installed.sha256"
    wanted = digest(requirements)
    if not python.exists() or not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"{name}: installing {folder.relative_to(PEERS.parents[1])} ...", file=sys.stderr, flush=True)
        _do(name, [sys.executable, "-m", "venv", "--clear", str(folder)])
        _do(name, [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(requirements)])
        stamp.write_text(wanted, encoding="utf-8")
    return python


def digest(requirements: Path) -> str:
    """Return what the environment is made from: the requirements and the version of Python."""
    made_from = requirements.read_bytes() + sys.version.encode()
    return hashlib.sha256(made_from).hexdigest()


def _do(name: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")]
        said = (errors or lines or ["no reason given"])[-1].removeprefix("ERROR: ")
        raise CannotInstallError(f"{name} cannot be installed here: {said}")
