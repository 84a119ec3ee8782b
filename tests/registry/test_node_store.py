"""What a node keeps is there whole or not at all, and what is wrong with its file is said in one sentence."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from hansa.core.errors import FolderError
from hansa.core.steps import Step
from hansa.registry.node_store import NodeStore

REPOSITORY = Path(__file__).parents[2]
FIRST, SECOND, LATER = Step(0, 0, "join"), Step(0, 1, "scale"), Step(1, 0, "training")

_WRITER = """
import sys
from pathlib import Path
from hansa.core.steps import Step
from hansa.registry.node_store import NodeStore

store = NodeStore(Path(sys.argv[1]))
number = store.last()[1] + 1
print("open", flush=True)
while True:
    stamp = number.to_bytes(8, "big")
    store.keep({"a": stamp * 500, "b": stamp * 3}, Step(0, number, "x"), stamp * 4, stamp * 1300)
    print(number, flush=True)  # it is on the disk: it may leave
    number += 1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a store goes."""
    return tmp_path / "node.db"


@pytest.fixture
def store(path: Path) -> Iterator[NodeStore]:
    """Return a new store."""
    with closing(NodeStore(path)) as opened:
        yield opened


def _reopened(path: Path) -> NodeStore:
    return NodeStore(path)


def test_nobody_else_on_the_machine_can_read_it(path: Path, store: NodeStore) -> None:
    store.keep({"a": b"a secret"})
    files = [path, *path.parent.glob("node.db-*")]
    assert len(files) > 1
    assert [one.stat().st_mode & 0o777 for one in files] == [0o600] * len(files)


def test_a_new_store_has_nothing(store: NodeStore) -> None:
    assert store.state("a") is None
    assert store.answer(FIRST) is None
    assert store.last() == (-1, -1)


def test_what_was_kept_is_there_after_a_restart(store: NodeStore, path: Path) -> None:
    store.keep({"a": b"1", "b": b""}, FIRST, b"question", b"answer")
    store.keep({"a": b"2"}, SECOND, b"other", b"")
    with closing(_reopened(path)) as again:
        assert [again.state(name) for name in ("a", "b", "c")] == [b"2", b"", None]
        assert again.answer(FIRST) == (b"question", b"answer")
        assert again.answer(SECOND) == (b"other", b"")
        assert again.last() == (0, 1)


def test_answers_of_earlier_rounds_go_and_states_stay(store: NodeStore) -> None:
    store.keep({"a": b"1"}, SECOND, b"q", b"old")
    store.keep({}, LATER, b"q", b"new")
    assert store.answer(SECOND) is None
    assert store.answer(LATER) == (b"q", b"new")
    assert (store.state("a"), store.last()) == (b"1", (1, 0))


def test_a_second_answer_to_a_step_is_not_kept_nor_is_its_state(store: NodeStore) -> None:
    store.keep({"a": b"1"}, FIRST, b"q", b"first")
    with pytest.raises(FolderError):
        store.keep({"a": b"2"}, FIRST, b"q", b"second")
    assert store.answer(FIRST) == (b"q", b"first")
    assert store.state("a") == b"1"
    store.keep({"a": b"3"}, SECOND, b"q", b"")  # the store is as good as before
    assert store.state("a") == b"3"


def test_a_store_that_is_anothers_is_refused_and_stays_theirs(store: NodeStore, path: Path) -> None:
    store.claim("party-1 in a run")
    store.claim("party-1 in a run")
    with closing(_reopened(path)) as again:
        with pytest.raises(FolderError, match=r"node.db: is not what party-2 in a run keeps, but party-1 in"):
            again.claim("party-2 in a run")
        again.claim("party-1 in a run")


# --- killed -------------------------------------------------------------------------------------------


def _check_whole(path: Path, told: int) -> int:
    """Return the last number that a store has: every answer is there with its state, and none is lost."""
    with closing(_reopened(path)) as store:
        round_, last = store.last()
        assert last >= told, "it was told that this is on the disk"
        if last < 0:
            assert store.state("a") is None
            return last
        stamp = last.to_bytes(8, "big")
        assert round_ == 0
        assert (store.state("a"), store.state("b")) == (stamp * 500, stamp * 3)
        assert store.answer(Step(0, last, "x")) == (stamp * 4, stamp * 1300)
        assert all(store.answer(Step(0, number, "x")) is not None for number in range(last))
        return last


def _killed_once(path: Path, seconds: float) -> int:
    """Return the last number that a writer told before it was killed, after so many seconds of writing."""
    command = [sys.executable, "-c", _WRITER, str(path)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split("\n")[:-1]  # whole lines
    assert child.returncode == -signal.SIGKILL
    return int(rest[-1]) if rest else -1


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_a_process_that_is_killed_at_any_moment_leaves_both_answer_and_state_or_neither(path: Path) -> None:
    chance, last, found = np.random.default_rng(3), -1, set()
    for _ in range(12):
        told = _killed_once(path, float(chance.uniform(0, 0.05)))
        last = _check_whole(path, max(told, last))
        found.add(last)
    assert len(found) > 3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_two_hundred_kills_leave_whole_answers(path: Path) -> None:
    chance, last = np.random.default_rng(4), -1
    for _ in range(200):
        last = _check_whole(path, max(_killed_once(path, float(chance.uniform(0, 0.08))), last))


def test_a_journal_that_is_cut_anywhere_leaves_both_answer_and_state_or_neither(path: Path) -> None:
    """A machine that stops in the middle of a commit leaves part of it in the journal."""
    with closing(_reopened(path)) as store:
        for number in range(6):
            stamp = number.to_bytes(8, "big")
            states = {"a": stamp * 500, "b": stamp * 3}
            store.keep(states, Step(0, number, "x"), stamp * 4, stamp * 1300)
        file, journal = path.read_bytes(), path.with_name("node.db-wal").read_bytes()
    cut, found = path.with_name("cut.db"), set()
    for length in range(0, len(journal), 1021):  # a prime: cuts fall everywhere in a page
        cut.write_bytes(file)
        cut.with_name("cut.db-wal").write_bytes(journal[:length])
        found.add(_check_whole(cut, -1))
        for rest in ("cut.db-shm", "cut.db-wal"):
            cut.with_name(rest).unlink(missing_ok=True)
    assert found == set(range(-1, 5)) or found == set(range(-1, 6))


# --- a disk that refuses ------------------------------------------------------------------------------


def _one_sentence(fault: FolderError, path: Path) -> bool:
    text = str(fault)
    return text.startswith(f"{path}: cannot be read or written (") and "\n" not in text and text.endswith(".")


def test_a_disk_that_is_full_keeps_neither_and_is_gone_on_with_once_there_is_room(
    store: NodeStore, path: Path
) -> None:
    store.keep({"a": b"1"}, FIRST, b"q", b"first")
    pages = int(store._base.execute("PRAGMA page_count").fetchone()[0])
    store._base.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(FolderError, match="full") as fault:
        store.keep({"a": b"2", "more": bytes(100_000)}, SECOND, b"q", bytes(100_000))
    assert _one_sentence(fault.value, path)
    assert (store.state("a"), store.state("more"), store.answer(SECOND)) == (b"1", None, None)
    store._base.execute("PRAGMA max_page_count = 100000")
    store.keep({"a": b"2", "more": bytes(100_000)}, SECOND, b"q", bytes(100_000))
    assert store.answer(SECOND) == (b"q", bytes(100_000))


_LIMITED = """
import resource, sys
from pathlib import Path
from hansa.core.errors import FolderError
from hansa.core.steps import Step
from hansa.registry.node_store import NodeStore

store = NodeStore(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
number = 0
try:
    while True:
        store.keep({"a": bytes([number]) * 9000}, Step(0, number, "x"), b"q", bytes([number]) * 9000)
        number += 1
except FolderError as fault:
    assert store.state("a") == bytes([number - 1]) * 9000, "half of it was kept"
    assert store.answer(Step(0, number, "x")) is None
    print(number)
    print(fault)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no RLIMIT_FSIZE")
def test_a_file_that_may_not_grow_is_told_in_one_sentence_and_has_all_before(path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    number, sentence = done.stdout.strip().split("\n")
    assert int(number) > 3
    assert sentence.startswith(f"{path}: cannot be read or written (")
    with closing(_reopened(path)) as store:
        assert store.last() == (0, int(number) - 1)


def test_a_file_that_may_only_be_read_is_told_in_one_sentence(path: Path) -> None:
    with closing(_reopened(path)) as store:
        store.keep({"a": b"1"}, FIRST, b"q", b"first")
        store._base.execute("PRAGMA query_only = ON")  # for root no file is read-only
        with pytest.raises(FolderError, match="readonly") as fault:
            store.keep({"a": b"2"}, SECOND, b"q", b"second")
        assert _one_sentence(fault.value, path)
        assert (store.state("a"), store.last()) == (b"1", (0, 0))


def test_another_process_at_work_in_the_same_store_is_told_in_one_sentence(
    store: NodeStore, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store._base.execute("PRAGMA busy_timeout = 10")
        with pytest.raises(FolderError, match="locked") as fault:
            store.keep({"a": b"1"})
        assert _one_sentence(fault.value, path)
        other.execute("ROLLBACK")
    store.keep({"a": b"1"})


# --- a file that is damaged ---------------------------------------------------------------------------


def _made(path: Path) -> bytes:
    with closing(_reopened(path)) as store:
        for number in range(5):
            store.keep({f"s{number}": bytes([number]) * 9000}, Step(0, number, "x"), b"q", bytes(9000))
    return path.read_bytes()


@pytest.mark.parametrize("length", [15, 99, 100, 1000, 4096, 8192, 20_000, 60_000])
def test_a_file_that_is_cut_is_told_in_one_sentence(path: Path, length: int) -> None:
    whole = _made(path)
    assert length < len(whole)
    path.write_bytes(whole[:length])
    with pytest.raises(FolderError) as fault, closing(_reopened(path)) as store:
        _read_all(store)
    assert _one_sentence(fault.value, path)


def _read_all(store: NodeStore) -> list[object]:
    read: list[object] = [store.last()]
    for number in range(5):
        read += [store.state(f"s{number}"), store.answer(Step(0, number, "x"))]
    return read


def test_a_file_that_is_overwritten_anywhere_is_read_or_told_in_one_sentence(path: Path) -> None:
    whole, chance, told = _made(path), np.random.default_rng(5), 0
    for _ in range(100):
        data = bytearray(whole)
        first = int(chance.integers(0, len(data)))
        data[first : first + 200] = chance.bytes(len(data[first : first + 200]))
        path.write_bytes(data)
        try:
            with closing(_reopened(path)) as store:
                _read_all(store)
                store.keep({"s0": b"1"}, Step(1, 0, "x"), b"q", b"a")
        except FolderError as fault:
            assert _one_sentence(fault, path)
            told += 1
        for rest in path.parent.glob("node.db-*"):
            rest.unlink()
    assert told > 3


@pytest.mark.parametrize("data", [b"not a database, but long enough to look like one " * 9, bytes(5000)])
def test_a_file_of_something_else_is_told_in_one_sentence(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(FolderError) as fault:
        _reopened(path)
    assert _one_sentence(fault.value, path)
    assert path.read_bytes() == data


def test_a_database_of_something_else_is_told_in_one_sentence(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE state (place REAL)")
    with pytest.raises(FolderError) as fault, closing(_reopened(path)) as store:
        store.state("a")
    assert _one_sentence(fault.value, path)


def test_a_folder_that_is_not_there_or_in_the_way_is_told_in_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "node.db", tmp_path):
        with pytest.raises(FolderError) as fault:
            _reopened(path)
        assert _one_sentence(fault.value, path)
