"""How a consortium is founded by its commands, and how a refusal looks."""

import re
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from benchmarks.deployed_nodes import NAMES, charter_text
from hansa.protection.enrolment import COORDINATOR

Hansa = Callable[..., Result]
ROUNDS = 2


def operator(hansa: Hansa, folder: Path, more: str = "") -> Path:
    """Return the folder of an operator who has invited nobody; more: further tables of the charter."""
    (folder / "charter.toml").write_text(charter_text("masked", ROUNDS, more), encoding="utf-8")
    told = hansa("coordinator", "init", folder / COORDINATOR, folder / "charter.toml")
    assert told.exit_code == 0, told.stderr
    return folder / COORDINATOR


def invited(hansa: Hansa, hub: Path, name: str, *options: object) -> tuple[Path, Path]:
    """Return a party's folder, made now, and the file of its invitation."""
    home, file = hub.parent / name, hub.parent / f"{name}.invitation"
    line = hansa("party", "init", home, "--name", name).stdout.split()
    told = hansa("coordinator", "invite", hub, *line, *options)
    assert told.exit_code == 0, told.stderr
    file.write_text(told.stdout, encoding="utf-8")
    return home, file


def founded(hansa: Hansa, hub: Path) -> None:
    """Have all parties invited and joined."""
    for name in NAMES:
        joined = hansa("party", "join", *invited(hansa, hub, name), "--yes")
        assert joined.exit_code == 0, joined.stderr
        assert "Three fleets" in joined.stdout


def refused(told: Result, says: str) -> None:
    """Pass if a command ended with 2 and one sentence that says so."""
    assert told.exit_code == 2, told.output
    last = told.stderr.strip().splitlines()[-1]
    assert re.search(says, last), last
    assert last.endswith(".")
    assert "Traceback" not in told.output


def logs(folder: Path) -> str:
    """Return the last lines of all nodes."""
    return "\n".join(
        f"{path.parent.name}: {path.read_text(encoding='utf-8')[-2000:]}" for path in folder.glob("*/log")
    )
