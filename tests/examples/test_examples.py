"""Every example runs as it stands, without data, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((REPOSITORY / "examples").glob("[0-9]*.py"))  # the others are modules that these name
SAYS = {
    "01_run_a_charter": "runs/first/report.html",
    "02_from_python": "party-2 alone: ",
    "03_your_own_csv": "fedavg",
    "04_one_partys_view": "model.json, weights.npz",
    "05_own_jax_network": "3 models, 16 sensors",
    "06_own_pytorch_network": "3 models, 16 sensors",
    "07_own_algorithm": "own   ",
}


def test_there_is_an_expectation_for_every_example() -> None:
    assert [path.stem for path in EXAMPLES] == sorted(SAYS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example: Path, tmp_path: Path) -> None:
    if "pytorch" in example.stem:
        pytest.importorskip("torch", reason="needs PyTorch: pip install 'hansa[torch]'")
    not_users = ("HANSA_DATA", "XLA_FLAGS")  # tests/conftest.py sets the flags
    environment = {name: value for name, value in os.environ.items() if name not in not_users}
    done = subprocess.run(
        [sys.executable, str(example)],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert SAYS[example.stem] in done.stdout
