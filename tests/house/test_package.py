"""What is handed out is complete: the wheel and the source archive, built without a network."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel and the source archive of this tree."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == _package_files()


def test_the_wheel_carries_the_licences(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        licences = {Path(name).name for name in wheel.namelist() if ".dist-info/licenses/" in name}
    assert {"LICENSE", "NOTICE", "LICENSE-d3"} <= licences


def test_the_source_archive_holds_the_package_its_tests_and_its_pages(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert _package_files() <= names
    assert {"pyproject.toml", "Makefile", "README.md", "ARCHITECTURE.md", "tests/conftest.py"} <= names


@pytest.mark.parametrize("script", [".ci/run", "scripts/check", "scripts/environment"])
def test_a_script_may_be_started(script: str) -> None:
    assert os.access(REPOSITORY / script, os.X_OK)


def _package_files() -> set[str]:
    files = (file for file in (REPOSITORY / "hansa").rglob("*") if file.is_file())
    return {
        str(f.relative_to(REPOSITORY)) for f in files if "__pycache__" not in f.parts and f.suffix != ".pyc"
    }
