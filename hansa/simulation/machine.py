"""How a simulation uses the machine: one thread a block of parties, and programs compiled before.

Imported before JAX computes anything, as it says how XLA starts (`hansa/__init__.py` sets its variables).
Networks are small, and handing a product of a few microseconds to another thread costs more than it
brings. Blocks of parties run side by side instead.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import jax

from hansa.core.errors import CharterError

THREADS = "HANSA_THREADS"
_KEPT = 256 << 20  # bytes of compiled programs
_LARGE = 128 << 10  # bytes of a large one
_Found = TypeVar("_Found")


def threads() -> int:
    """Return how many blocks run side by side: HANSA_THREADS, or the cores that this process may use.

    Results do not depend on it. Raises CharterError where the variable is no whole number from 1.
    """
    wanted = os.environ.get(THREADS, "")
    if not wanted:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not wanted.isdecimal() or int(wanted) < 1:
        raise CharterError(
            f"{wanted!r} is no number of threads", do="set a whole number from 1, or unset it", where=THREADS
        )
    return int(wanted)


def side_by_side(call: Callable[[Any], _Found], each: Sequence[Any]) -> list[_Found]:
    """Return what `call` returns for each, in order; calls run on this process's threads."""
    if len(each) == 1 or threads() == 1:
        return [call(one) for one in each]
    return list(_pool(threads()).map(call, each))


@cache
def _pool(size: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(size, thread_name_prefix="hansa-block")


def _prepare() -> None:
    """Have XLA compute where it is called, and keep what it compiles, unless JAX is told where."""
    say: Callable[[str, Any], None] = jax.config.update
    say("jax_cpu_enable_async_dispatch", False)
    if getattr(jax.config, "jax_compilation_cache_dir", None):
        return
    try:
        folder = programs()
        folder.mkdir(parents=True, exist_ok=True)
        _forget(folder, _KEPT)
    except (OSError, RuntimeError):  # no home, or a disk that only reads: programs are compiled each time
        return
    say("jax_compilation_cache_dir", str(folder))
    say("jax_persistent_cache_min_compile_time_secs", 0.0)
    say("jax_persistent_cache_min_entry_size_bytes", 0)


def programs() -> Path:
    """Return the folder of compiled programs, one a kind of processor: XLA compiles for the one it sees."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "hansa" / f"programs-{platform.machine()}"


def _forget(folder: Path, kept: int) -> None:
    """Remove the oldest programs, down to half, where all of them take more than `kept` bytes."""
    if (
        sum(1 for _ in os.scandir(folder)) * _LARGE < kept
    ):  # at every start: asking each file for its size takes longer
        return
    files = [(entry.stat(), Path(entry.path)) for entry in os.scandir(folder)]
    size = sum(stat.st_size for stat, _ in files)
    if size <= kept:
        return
    for stat, path in sorted(files, key=lambda one: one[0].st_mtime):
        path.unlink(missing_ok=True)
        size -= stat.st_size
        if size <= kept // 2:
            return


_prepare()
