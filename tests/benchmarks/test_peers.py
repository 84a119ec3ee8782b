"""All systems are given the same work, their figures are divided as told, and other work is found out."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import environments, run
from benchmarks.peers.environments import CannotInstallError
from benchmarks.peers.hansa.peer import train
from benchmarks.peers.meter import Meter, Report, read_report, write_report
from benchmarks.peers.pairs import Run, pair_of
from benchmarks.peers.systems import PEERS, System
from benchmarks.peers.work import EXACT, SIZES, Size, Work, error_on_test_rows, read_work, write_work

TINY = Size(parties=4, rows=150, spread=60, rounds=3)


def _work(folder: Path, size: Size, seed: int = 1) -> Work:
    path = folder / "work.npz"
    write_work(path, size, seed)
    return read_work(path)


def _naive(work: Work, rounds: int, seed: int = 0, step: float = 1.0) -> float:
    """Return the test error after rounds of FedAvg written out, with `step` times the learning rate."""
    rng = np.random.default_rng(seed)
    common = [array.astype(np.float64) for array in (*work.weights, *work.biases)]
    total = sum(len(y) for y in work.y)
    for _ in range(rounds):
        mean = [np.zeros_like(array) for array in common]
        for x, y in zip(work.x, work.y, strict=True):
            own, order = [array.copy() for array in common], rng.permutation(len(y))
            for first in range(0, len(y), work.batch_size):
                batch = order[first : first + work.batch_size]
                for array, slope in zip(own, _gradient(own, x[batch], y[batch]), strict=True):
                    array -= step * work.learning_rate * slope
            for array, trained in zip(mean, own, strict=True):
                array += trained * len(y) / total
        common = mean
    return error_on_test_rows(work, common[:3], common[3:])


def _gradient(network: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    weights, biases = network[:3], network[3:]
    first = np.maximum(x @ weights[0] + biases[0], 0)  # (batch, 96)
    second = np.maximum(first @ weights[1] + biases[1], 0)  # (batch, 84)
    out = 2 * ((second @ weights[2] + biases[2])[:, 0] - y)[:, None] / len(y)  # (batch, 1)
    back = (out @ weights[2].T) * (second > 0)  # (batch, 84)
    further = (back @ weights[1].T) * (first > 0)  # (batch, 96)
    return [x.T @ further, first.T @ back, second.T @ out, further.sum(0), back.sum(0), out.sum(0)]


def _report(**found: object) -> Report:
    usual = Report("a", "1", 4, 1.0, 9.0, [9e3, 2.0, 4.0, 6.0], [9e3, 1.0, 2.0, 3.0], 100.0, 0.5, 1)
    return replace(usual, **found)


SAME = Run(_report(), _report())


@pytest.mark.parametrize("size", [TINY, EXACT])
def test_a_seed_makes_the_same_work_each_time_and_another_seed_another(tmp_path: Path, size: Size) -> None:
    once, again, other = (_work(tmp_path, size, seed) for seed in (1, 1, 2))
    for name in ("x", "y", "weights", "biases"):
        for a, b in zip(getattr(once, name), getattr(again, name), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(once.test_x, again.test_x)
    assert not np.array_equal(once.test_y, other.test_y)


@pytest.mark.parametrize("name", SIZES)
def test_parties_have_ragged_rows_of_the_stated_mean(tmp_path: Path, name: str) -> None:
    size = SIZES[name]
    rows = [len(y) for y in _work(tmp_path, size).y]
    assert len(rows) == size.parties
    assert sum(rows) == size.parties * size.rows
    assert len(set(rows)) > 1
    assert size.rows - size.spread <= min(rows) <= max(rows) <= size.rows + size.spread


def test_the_network_has_9865_parameters_in_float32(tmp_path: Path) -> None:
    work = _work(tmp_path, TINY)
    arrays = [*work.weights, *work.biases]
    assert sum(array.size for array in arrays) == 9865
    assert {array.dtype for array in (*arrays, *work.x, *work.y)} == {np.dtype(np.float32)}


def test_on_the_exact_work_hansa_ends_where_naive_fedavg_does(tmp_path: Path) -> None:
    work, meter = _work(tmp_path, EXACT), Meter()
    found = error_on_test_rows(work, *train(work, EXACT.rounds, meter))
    assert found == pytest.approx(_naive(work, EXACT.rounds), rel=1e-5)
    assert len(meter.cpu_ms) == len(meter.wall_ms) == EXACT.rounds
    assert meter.start_s > 0
    assert meter.peak_mb > 0


def test_in_another_order_of_rows_hansa_ends_within_the_tolerance(tmp_path: Path) -> None:
    work = _work(tmp_path, TINY)
    found = error_on_test_rows(work, *train(work, TINY.rounds, Meter()))
    assert found == pytest.approx(_naive(work, TINY.rounds), rel=0.1)
    assert found < 0.9 * error_on_test_rows(work, work.weights, work.biases)


def test_half_the_learning_rate_is_found_out_after_eight_rounds(tmp_path: Path) -> None:
    work = _work(tmp_path, replace(SIZES["100x100"], parties=40))
    right, other, half = (_naive(work, 8, 0), _naive(work, 8, 1), _naive(work, 8, 0, step=0.5))
    assert pair_of("s", "p", [Run(_report(test_mse=right), _report(test_mse=other))], SAME).same_work
    assert not pair_of("s", "p", [Run(_report(test_mse=right), _report(test_mse=half))], SAME).same_work


def test_a_ratio_is_of_median_rounds_without_the_first_and_then_the_median_over_runs() -> None:
    peers = [_report(cpu_ms=[1.0, 4 * n, 8 * n, 9 * n], wall_ms=[1.0, 8.0, 8.0, 9.0]) for n in (1, 2, 5)]
    pair = pair_of("8x4000", "plain", [Run(_report(), peer) for peer in peers], SAME)
    assert (pair.cpu.median, pair.cpu.least, pair.cpu.most) == (4.0, 2.0, 10.0)
    assert (pair.wall.median, pair.wall.least, pair.wall.most) == (4.0, 4.0, 4.0)
    assert (pair.same_work, pair.note, pair.rounds) == (True, "", 4)


@pytest.mark.parametrize(
    "theirs", [{"test_mse": 0.56}, {"test_mse": 0.44}, {"test_mse": math.nan}, {"rounds": 3}]
)
def test_other_work_is_said_in_the_row(theirs: dict[str, float]) -> None:
    pair = pair_of("8x4000", "plain", [SAME, Run(_report(), _report(**theirs))], SAME)
    assert not pair.same_work
    assert pair.note.startswith("did other work: test MSE ")


def test_other_work_on_the_exact_work_is_said_in_every_row() -> None:
    pair = pair_of("8x4000", "plain", [SAME], Run(_report(), _report(test_mse=0.5002)))
    assert (
        pair.note == "did other work: test MSE of the exact work 0.5002 after 4 rounds, Hansa's 0.5 after 4"
    )


def test_a_meter_counts_rounds_from_the_first_lap_and_its_report_can_be_read(tmp_path: Path) -> None:
    cpu = iter([0.0, 1.0, 1.5, 1.5, 3.5, 3.5])  # at the end of a round, and at the start of the next
    meter = Meter(lambda: next(cpu), lambda: 7.0)
    for _ in range(3):
        meter.lap()
    write_report(tmp_path / "a.json", "a", "1", meter, 0.5, threads=1)
    found = read_report(tmp_path / "a.json")
    assert found.cpu_ms == [500.0, 2000.0]
    assert (found.rounds, found.peak_mb, len(found.wall_ms)) == (2, 7.0, 2)


@pytest.mark.parametrize(
    "words", [["--size", "9x9"], ["--peer", "tff"], ["--peer", "plain", "tff"], ["--repeats", "0"]]
)
def test_what_is_not_known_is_refused_in_one_sentence(
    words: list[str], capsys: pytest.CaptureFixture
) -> None:
    assert run.main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.endswith(".\n")


def test_a_peer_that_fails_is_left_out_with_its_reason(tmp_path: Path) -> None:
    absent = System("absent", "benchmarks.peers.absent", None, guess_s=1)
    book = run._measure(list(run._steps([absent], ["8x4000"], 1)), tmp_path / "peers.json")
    assert book.left_out["absent"].startswith("benchmarks.peers.absent ended with 1: ")
    assert book.left_out["absent"].endswith("No module named benchmarks.peers.absent")
    kept = json.loads((tmp_path / "peers.json").read_text(encoding="utf-8"))
    assert kept["pairs"] == []
    assert kept["left_out"] == book.left_out
    assert {"cpu", "cores", "memory_gib", "os", "python"} <= kept["machine"].keys()


def test_an_installation_that_fails_says_why_in_one_line() -> None:
    fails = "import sys; sys.exit('ERROR: No matching distribution\\n\\nWARNING: more')"
    with pytest.raises(CannotInstallError, match=r"^x cannot be installed here: No matching distribution$"):
        environments._do("x", [sys.executable, "-c", fails])


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)
def test_every_peer_has_a_script_and_pinned_requirements(peer: System) -> None:
    assert (run.REPOSITORY / (peer.module.replace(".", "/") + ".py")).is_file()
    lines = (
        (environments.PEERS / str(peer.environment) / "requirements.txt").read_text(encoding="utf-8").split()
    )
    assert lines
    assert all("==" in line for line in lines)
