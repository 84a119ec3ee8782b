"""Files that are whole or not there, and what is said about those that cannot be written or read."""

import io
import json
import math
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from hansa.core.errors import FolderError
from hansa.registry.folders import (
    make_folder,
    read_arrays,
    read_json,
    write_arrays,
    write_bytes,
    write_json,
    write_text,
)

anywhere = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
stored = st.sampled_from(["f4", "f8", "i4", "i8", "u1", "b1", "u4"]).flatmap(
    lambda dtype: arrays(dtype, st.tuples(st.integers(0, 3), st.integers(0, 3)))
)


@anywhere
@given(st.dictionaries(st.text("abc/0", min_size=1, max_size=6), stored, max_size=4))
def test_arrays_come_back_to_the_bit(tmp_path: Path, kept: dict[str, np.ndarray]) -> None:
    write_arrays(tmp_path / "w.npz", kept)
    back = read_arrays(tmp_path / "w.npz")
    assert list(back) == list(kept)
    for name, array in kept.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert back[name].tobytes() == array.tobytes()


def test_plain_values_come_back(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, None, True], "é": "x"}
    write_json(tmp_path / "v.json", value)
    assert read_json(tmp_path / "v.json") == value


def test_a_write_leaves_one_file(tmp_path: Path) -> None:
    for content in ("old", "new"):
        write_text(tmp_path / "a.txt", content)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_disk_that_refuses_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bytes(tmp_path / "a.bin", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        FolderError, match=r"a\.bin: cannot be written \(No space left on device\); free space"
    ):
        write_bytes(tmp_path / "a.bin", b"new and longer")
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]


def test_whoever_reads_the_old_file_keeps_all_of_it(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a.bin", b"old")
    os.link(tmp_path / "a.bin", tmp_path / "open")  # the old file, as a reader that has it open
    write_bytes(tmp_path / "a.bin", b"new")
    assert ((tmp_path / "a.bin").read_bytes(), (tmp_path / "open").read_bytes()) == (b"new", b"old")


def test_a_place_that_is_no_folder_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FolderError, match="cannot be written"):
        write_bytes(tmp_path / "file" / "a.bin", b"x")
    with pytest.raises(FolderError, match=r"cannot be written to \(.*\); choose another folder with --out"):
        make_folder(tmp_path / "file" / "inner")
    with pytest.raises(FolderError, match="cannot be written"):
        write_bytes(tmp_path / "gone" / "a.bin", b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FolderError, match="cannot be written"):
        write_bytes(tmp_path / "folder", b"x")


def test_a_value_that_is_not_json_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "v.json", 1)
    for wrong in ({"rmse": math.nan}, {"rmse": math.inf}, {"rmse": {1, 2}}):
        with pytest.raises((ValueError, TypeError)):
            write_json(tmp_path / "v.json", wrong)
    assert read_json(tmp_path / "v.json") == 1


def test_a_folder_is_made_with_its_parents_and_left_empty(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for read in (read_json, read_arrays):
        with pytest.raises(FolderError, match=r"gone\.x: is missing; name the folder"):
            read(tmp_path / "gone.x")
        with pytest.raises(FolderError, match="cannot be read"):
            read(tmp_path)  # a folder


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": 1} x', b"\x00"])
def test_a_file_that_is_not_json_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.json").write_bytes(content)
    with pytest.raises(FolderError, match=r"v\.json: cannot be read"):
        read_json(tmp_path / "v.json")


def _npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, a=np.arange(5.0), b=np.zeros((2, 2), np.int32))
    return buffer.getvalue()


def _npy(array: Any, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def _zip(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


class _Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (pytest.fail, ("a pickle was run",))


_HEADER = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }"


def _lying(shape: bytes) -> bytes:
    header = _HEADER % shape
    header += b" " * (118 - len(header) - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\x00" * 16


_WRONG = {
    "empty": b"",
    "text": b"hello",
    "one array": _npy(np.arange(3)),
    "cut short": _npz()[:-40],
    "head alone": _npz()[:60],
    "a pickle": pickle.dumps(_Bomb()),
    "objects": _npy(np.array([_Bomb()], object), allow_pickle=True),
    "objects in a zip": _zip({"a.npy": _npy(np.array([_Bomb()], object), allow_pickle=True)}),
    "a shape that lies": _zip({"a.npy": _lying(b"10")}),
    "a shape that no memory holds": _zip({"a.npy": _lying(b"10000000000000")}),
    "a negative shape": _zip({"a.npy": _lying(b"-3")}),
    "no header": _zip({"a.npy": b"\x93NUMPY\x01\x00\xff\xff{"}),
    "a header that is no value": _zip({"a.npy": b"\x93NUMPY\x01\x00\x08\x00(((((((("}),
    "no array": _zip({"a.txt": b"hello"}),
}


@pytest.mark.parametrize("content", _WRONG.values(), ids=_WRONG.keys())
def test_a_file_that_holds_no_arrays_is_named_and_nothing_in_it_is_run(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "w.npz").write_bytes(content)
    with pytest.raises(FolderError, match=r"w\.npz: cannot be read; name the folder that hansa run wrote"):
        read_arrays(tmp_path / "w.npz")


@anywhere
@given(st.integers(0, len(_npz()) - 1), st.binary(min_size=0, max_size=5), st.integers(0, 5))
@example(0, b"", 5)
def test_a_damaged_file_is_read_or_named(tmp_path: Path, place: int, put: bytes, cut: int) -> None:
    whole = _npz()
    (tmp_path / "w.npz").write_bytes(whole[:place] + put + whole[place + cut :])
    try:
        found = read_arrays(tmp_path / "w.npz")
    except FolderError as fault:
        assert "cannot be read" in fault.what
    else:
        assert all(isinstance(array, np.ndarray) for array in found.values())


def test_a_file_is_written_without_pickle(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        write_arrays(tmp_path / "w.npz", {"a": np.array([{}], object)})
    assert list(tmp_path.iterdir()) == []
    write_arrays(tmp_path / "w.npz", {"a/b": np.ones(2)})
    with np.load(tmp_path / "w.npz", allow_pickle=False) as opened:
        assert_array_equal(opened["a|b"], [1.0, 1.0])
    assert json.loads(json.dumps(sorted(zipfile.ZipFile(tmp_path / "w.npz").namelist()))) == ["a|b.npy"]


def test_json_has_a_line_for_each_party_and_reads_back(tmp_path: Path) -> None:
    parties = {f"party-{number}": {"labels": [[0.0, 3], [1.0, 4]], "rows": 7} for number in range(3)}
    value = {"scenarios": {"fedavg": {"parties": parties}}, "none": {}}
    write_json(tmp_path / "v.json", value)
    text = (tmp_path / "v.json").read_text()
    assert json.loads(text) == value
    assert sum("labels" in line for line in text.splitlines()) == 3
