"""What every test may ask for: the C-MAPSS folder, and one hypothesis profile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parents[1]

# Compilation makes the first example slow, so no deadline; a build must not fail by chance.
settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("house")


# Programs that one test compiled are there for the next. Each worker has a folder of its own, because a
# program that another process is writing reads as broken; `shared_programs` hands on what is finished.
_PROGRAMS = REPOSITORY / ".pytest_cache" / "programs"
_OWN = _PROGRAMS / os.environ.get("PYTEST_XDIST_WORKER", "main")
_TOLD = os.environ.get("JAX_COMPILATION_CACHE_DIR", "")
_OURS = not _TOLD or _TOLD.startswith(str(_PROGRAMS))  # a worker inherits that of the process that starts it
if _OURS:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(_OWN)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")
# XLA's own caches are for GPUs, and where they lie goes into a program's key: workers could not share.
os.environ.setdefault("JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES", "none")
# Most of the tests' time goes into compiling thousands of small programs that hardly run. XLA's emitters of
# fusions take twice the time of its older ones, and the laws that are tested hold with either. Examples and
# slow tests have what a user has; all tests do with XLA_FLAGS=--xla_cpu_multi_thread_eigen=false.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false --xla_cpu_use_fusion_emitters=false")


_MOST_MAPS = 20_000  # a process may have 65,530 pieces of memory, and a compiled program takes several


@pytest.fixture(scope="module", autouse=True)
def few_programs() -> Iterator[None]:
    """Give compiled programs back after a module, before the process has no room for more of them."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > _MOST_MAPS:
        import jax  # not before the variables above are set

        jax.clear_caches()


@pytest.fixture(scope="module", autouse=True)
def shared_programs() -> Iterator[None]:
    """Give the other workers, after a module, the compiled programs that they lack; ours are finished."""
    yield
    if not _OURS or not _OWN.is_dir():
        return
    own = {entry.name for entry in os.scandir(_OWN) if entry.name.endswith("-cache")}
    for other in _PROGRAMS.iterdir():
        for name in sorted(own - {entry.name for entry in os.scandir(other)}):
            copy = other / f"{name}.{_OWN.name}"
            shutil.copyfile(_OWN / name, copy)
            copy.replace(other / name)  # in one step: whoever reads there finds all of it or nothing


@pytest.fixture(scope="session")
def cmapss_folder() -> Path:
    """Return the folder of train_FD004.txt (or .txt.gz), from HANSA_DATA or ../shared/data."""
    roots = [Path(os.environ["HANSA_DATA"])] if os.environ.get("HANSA_DATA") else []
    roots.append(REPOSITORY.parent / "shared" / "data")
    for folder in [place for root in roots for place in (root, root / "cmapss")]:
        if any((folder / f"train_FD004{end}").is_file() for end in (".txt", ".txt.gz")):
            return folder
    pytest.skip("needs C-MAPSS: set HANSA_DATA to its folder, or fetch it with `hansa data fetch cmapss`")
