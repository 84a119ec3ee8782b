"""Each forbidden import, injected alone into a copy of the package, breaks the contract that forbids it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

# (what is injected, {file: line added at its end}, contract that must break)
INJECTIONS = [
    ("coordinator -> data", {"runtime/coordinator.py": "import hansa.data.fleet"}, "Raw data"),
    (
        "coordinator -> data through an algorithm",
        {
            "runtime/coordinator.py": "import hansa.algorithms.probe",
            "algorithms/probe.py": "import hansa.data.fleet",
        },
        "Raw data",
    ),
    ("control -> party", {"control/probe.py": "import hansa.runtime.party"}, "Raw data"),
    (
        "algorithm -> data through a model",
        {"algorithms/probe.py": "import hansa.models.probe", "models/probe.py": "import hansa.data.fleet"},
        "Purity",
    ),
    ("crypto -> os", {"crypto/probe.py": "import os"}, "Purity"),
    ("protection -> socket", {"protection/probe.py": "import socket"}, "Purity"),
    ("core -> sqlite3", {"core/probe.py": "import sqlite3"}, "Purity"),
    ("algorithm -> socket", {"algorithms/probe.py": "from socket import socket"}, "Purity"),
    (
        "model -> urllib inside a function",
        {"models/probe.py": "def f():\n    import urllib.request"},
        "Purity",
    ),
    (
        "data -> models, sideways",
        {"data/probe.py": "import hansa.models.probe", "models/probe.py": ""},
        "Floors",
    ),
    ("transport -> registry, sideways", {"transport/probe.py": "import hansa.registry"}, "Floors"),
    (
        "models -> algorithms, upward",
        {"models/probe.py": "import hansa.algorithms.probe", "algorithms/probe.py": ""},
        "Floors",
    ),
    ("runtime -> simulation, upward", {"runtime/probe.py": "import hansa.simulation"}, "Floors"),
    ("runtime -> nodes, upward", {"runtime/probe.py": "import hansa.nodes"}, "Floors"),
    ("nodes -> simulation, sideways", {"nodes/probe.py": "import hansa.simulation"}, "Floors"),
    (
        "core -> data inside a function",
        {"core/probe.py": "def f():\n    from hansa.data import fleet"},
        "Floors",
    ),
    ("an unlisted room", {"utils/__init__.py": ""}, "Floors"),
    ("party -> coordinator", {"runtime/party.py": "import hansa.runtime.coordinator"}, "Two sides"),
    ("coordinator -> party", {"runtime/coordinator.py": "import hansa.runtime.party"}, "Two sides"),
    (
        "a circle inside a room",
        {"core/probe.py": "import hansa.core.other_probe", "core/other_probe.py": "import hansa.core.probe"},
        "Acyclic",
    ),
]


def test_the_package_as_it_stands_keeps_every_contract(tmp_path: Path) -> None:
    _copy_package(tmp_path)

    status, report = _lint_imports(tmp_path)

    assert status == 0, report
    assert " 0 broken" in report


@pytest.mark.parametrize(
    ("files", "contract"), [case[1:] for case in INJECTIONS], ids=[case[0] for case in INJECTIONS]
)
def test_a_forbidden_import_breaks_its_contract(files: dict[str, str], contract: str, tmp_path: Path) -> None:
    _copy_package(tmp_path)
    for name, line in files.items():
        _append(tmp_path / "hansa" / name, line)

    status, report = _lint_imports(tmp_path)

    assert status == 1, report
    assert contract in _broken(report), report


def _copy_package(folder: Path) -> None:
    only_code = shutil.ignore_patterns("__pycache__", "static", "templates")
    shutil.copytree(REPOSITORY / "hansa", folder / "hansa", ignore=only_code)
    shutil.copy(REPOSITORY / "pyproject.toml", folder)


def _append(file: Path, line: str) -> None:
    file.parent.mkdir(exist_ok=True)
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    file.write_text(f"{before}\n{line}\n", encoding="utf-8")


def _lint_imports(folder: Path) -> tuple[int, str]:
    """Return exit status and report of the import linter on the copy, which stands first on the path."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    done = subprocess.run(
        [*command, "--no-cache", "--no-logo"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def _broken(report: str) -> set[str]:
    """Return the first words, up to the colon, of the contracts reported as broken."""
    return {line.split(":")[0].strip() for line in report.splitlines() if line.rstrip().endswith("BROKEN")}
