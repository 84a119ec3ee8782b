"""What a tree of processes costs, for the peers that start processes of their own. Needs psutil."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time

import psutil

SAMPLE_EVERY_S = 1.0


class Tree:
    """A process and all below it. Its memory is sampled from now on; the watching itself is not counted."""

    def __init__(self, root_pid: int) -> None:
        self._root = psutil.Process(root_pid)
        self._peak_mb = 0.0
        self._watched_s = 0.0  # CPU time spent here
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, daemon=True).start()

    def cpu_s(self) -> float:
        """Return the CPU seconds of the tree, processes that have ended and were waited for included."""
        with self._lock:
            began, total = time.thread_time(), 0.0
            for process in self._processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    used = process.cpu_times()
                    total += used.user + used.system + used.children_user + used.children_system
            found = total - self._watched_s
            self._watched_s += time.thread_time() - began
            return found

    def peak_mb(self) -> float:
        """Return the highest sum of memory seen, in MiB; a page that n processes share counts 1/n in each."""
        return self._peak_mb

    def _watch(self) -> None:
        while True:
            with self._lock:
                began = time.thread_time()
                self._peak_mb = max(self._peak_mb, sum(map(_memory_mb, self._processes())))
                self._watched_s += time.thread_time() - began
            time.sleep(SAMPLE_EVERY_S)

    def _processes(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]


def end_all_when_asked() -> None:
    """On SIGTERM end all processes below this one first: some have left its group and would stay behind."""

    def end(number: int, _: object) -> None:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def _memory_mb(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        used = process.memory_full_info()
        return getattr(used, "pss", used.rss) / 2**20
    return 0.0
