"""The folder of one run: it is claimed once, refuses what is not its own, and keeps checkpoints whole."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from hansa.core.errors import FolderError
from hansa.registry.run_folder import RunFolder

ME = {"charter_digest": "c" * 64, "roster_digest": "r" * 64, "data_digest": "d" * 64}


@pytest.fixture
def claimed(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.claim("name = 'x'\n", ME)
    return folder


def test_a_claimed_folder_holds_the_charter_and_its_digest(claimed: RunFolder) -> None:
    assert claimed.charter_text() == "name = 'x'\n"
    assert (claimed.path / "charter.digest").read_text() == ME["charter_digest"] + "\n"
    assert claimed.identity() == ME


def test_the_same_run_may_claim_its_folder_again(claimed: RunFolder) -> None:
    claimed.write_checkpoint({"a": np.ones(2)}, {"done": 1})
    claimed.claim("name = 'x'\n", ME)
    assert claimed.read_checkpoint() is not None


def test_an_empty_folder_may_be_claimed(tmp_path: Path) -> None:
    RunFolder(tmp_path).claim("", ME)
    assert RunFolder(tmp_path).identity() == ME


@pytest.mark.parametrize(
    ("key", "name"),
    [("charter_digest", "charter"), ("roster_digest", "roster of parties"), ("data_digest", "data")],
)
def test_a_folder_of_another_run_is_refused_and_left_as_it_was(
    claimed: RunFolder, key: str, name: str
) -> None:
    before = _contents(claimed.path)
    with pytest.raises(
        FolderError, match=rf"run: holds a run of another {name}; choose another folder with --out"
    ):
        claimed.claim("other", ME | {key: "f" * 64})
    assert _contents(claimed.path) == before


def test_a_foreign_folder_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(FolderError, match="is not empty and holds no run; choose another folder"):
        RunFolder(tmp_path).claim("", ME)
    assert _contents(tmp_path) == {"thesis.txt": b"precious"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FolderError, match="is a file; choose another folder"):
        RunFolder(tmp_path / "file").claim("", ME)
    with pytest.raises(FolderError, match="cannot be written to"):
        RunFolder(tmp_path / "file" / "run").claim("", ME)


@pytest.mark.parametrize("content", ["[]", "null", "{", "7"])
def test_a_folder_whose_identity_is_damaged_is_refused(claimed: RunFolder, content: str) -> None:
    (claimed.path / "run.json").write_text(content)
    with pytest.raises(FolderError, match=r"run\.json: cannot be read"):
        claimed.claim("", ME)


def test_a_claim_that_was_cut_short_can_be_made_again(claimed: RunFolder) -> None:
    (claimed.path / "charter.toml").unlink()
    (claimed.path / "charter.digest").unlink()
    claimed.claim("name = 'x'\n", ME)
    assert claimed.charter_text() == "name = 'x'\n"


def test_a_folder_without_a_run_says_so(tmp_path: Path) -> None:
    for ask in (RunFolder(tmp_path).charter_text, RunFolder(tmp_path / "gone").identity):
        with pytest.raises(FolderError, match="holds no run; name the folder that hansa run printed"):
            ask()


def test_a_checkpoint_comes_back_to_the_bit_until_it_is_dropped(claimed: RunFolder) -> None:
    assert claimed.read_checkpoint() is None
    arrays = {"0/round": np.int32(3), "1/w": np.array([0.1, np.nan, -0.0], np.float32), "2": np.zeros((0, 2))}
    values = {"done": 3, "history": {"rmse": [0.1, 1 / 3]}, "none": None}
    claimed.write_checkpoint({"x": np.ones(5)}, {"done": 2})
    claimed.write_checkpoint({name: np.asarray(array) for name, array in arrays.items()}, values)
    stored = claimed.read_checkpoint()
    assert stored is not None
    assert stored[1] == values
    assert list(stored[0]) == list(arrays)
    for name, array in arrays.items():
        assert stored[0][name].dtype == np.asarray(array).dtype
        assert stored[0][name].tobytes() == np.asarray(array).tobytes()
    claimed.drop_checkpoint()
    claimed.drop_checkpoint()
    assert claimed.read_checkpoint() is None


def test_a_damaged_checkpoint_is_named(claimed: RunFolder) -> None:
    claimed.write_checkpoint({"a": np.arange(50.0)}, {"done": 1})
    path = claimed.path / "checkpoint.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(FolderError, match=r"checkpoint\.npz: cannot be read"):
        claimed.read_checkpoint()
    for damage in (b"{", b"\xff"):
        values = np.frombuffer(damage, np.uint8)
        np.savez(path, allow_pickle=False, values=values)
        with pytest.raises(FolderError, match=r"checkpoint\.npz: cannot be read; start the run again"):
            claimed.read_checkpoint()
    np.savez(path, allow_pickle=False, a=np.ones(2))
    with pytest.raises(FolderError, match=r"checkpoint\.npz: cannot be read"):
        claimed.read_checkpoint()


def test_a_result_and_its_report_are_written(claimed: RunFolder) -> None:
    claimed.write_result({"rmse": 1.5}, "<html>")
    assert json.loads((claimed.path / "result.json").read_text()) == {"rmse": 1.5}
    assert (claimed.path / "report.html").read_text() == "<html>"


def test_models_of_an_earlier_run_are_cleared(claimed: RunFolder) -> None:
    claimed.model("fedavg").mkdir(parents=True)
    (claimed.model("fedavg") / "model.json").write_text("{}")
    claimed.clear_models()
    claimed.clear_models()
    assert not claimed.model("fedavg").exists()
    assert claimed.charter_text()


def test_a_run_that_failed_in_a_fresh_folder_leaves_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.is_fresh()
    folder.claim("", ME)
    folder.model("fedavg").mkdir(parents=True)
    assert not folder.is_fresh()
    folder.release()
    assert folder.is_fresh()
    assert not folder.path.exists()


def test_arrays_named_like_the_plain_values_do_not_replace_them(claimed: RunFolder) -> None:
    claimed.write_checkpoint({"values/a": np.ones(1)}, {"done": 1})
    stored = claimed.read_checkpoint()
    assert stored is not None
    assert stored[1] == {"done": 1}
    assert_array_equal(stored[0]["values/a"], [1.0])


def _contents(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir()}


def test_a_coordinators_run_that_judged_nothing_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("{}")
    for reads in (lambda: RunFolder(tmp_path).identity(), lambda: RunFolder(tmp_path).charter_text()):
        with pytest.raises(FolderError, match="nothing was judged; name one with"):
            reads()
