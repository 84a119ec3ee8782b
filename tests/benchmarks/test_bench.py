"""Benchmarks run in processes of their own, what they find is kept, and operations are counted right."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import bench
from benchmarks.bench import JOBS, Job, JobFailedError, case_of, run, text_of
from benchmarks.benches import growth
from benchmarks.benches.fedavg import operations
from benchmarks.benches.figures import Case, Laps, Roofline, Spread, laps, per, spread
from benchmarks.benches.kernels import gradients
from benchmarks.benches.start_up import many
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_templates import template
from hansa.models.network import perceptron

CASE = Case("a", Spread(2.0, 1.0, 3.0), Spread(4.0, 3.0, 5.0), 100.0, 7, 2, "so", None)
LIMITED = replace(CASE, name="b", roofline=Roofline(1.0, 50.0, 100.0, 0.5))


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_every_job_is_a_function_of_benches(job: Job) -> None:
    module, _, function = job.place.partition(":")
    assert callable(getattr(import_module(f"benchmarks.benches.{module}"), function))


def test_no_two_jobs_are_one() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)


def test_a_job_runs_in_a_process_of_its_own() -> None:
    (found,) = run(Job("kernels:maps", "800"))
    assert found.name == "LabSync map, 8 parties, 800 rows together, all maps"
    assert 0 < found.cpu_ms.low <= found.cpu_ms.median <= found.cpu_ms.high
    assert found.peak_mb > 10


def test_a_job_that_ends_badly_says_its_last_line() -> None:
    with pytest.raises(JobFailedError, match=r"it ended with 1: AttributeError: .*'nothing'"):
        run(Job("figures:nothing"))


def test_a_job_that_is_late_ends_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    monkeypatch.setattr(bench, "_LIMIT_S", 1)
    with pytest.raises(JobFailedError, match="it did not end within 1 s"):
        bench.said_by(["sh", "-c", f"sleep 600 & echo $! > {started}; wait"], os.environ)
    assert _state(int(started.read_text())) in ("gone", "Z")


def _state(process: int) -> str:
    """Return the state of a process; a zombie waits for nobody but whoever reaps it."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True)  # noqa: S607
    return found.stdout.strip()[:1] or "gone"


def test_sizes_that_share_a_process_have_no_peak_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    small = tuple(growth.Size(parties, 20, (4,), ragged=True) for parties in (10, 30))
    monkeypatch.setitem(growth.CURVES, "small parties", small)
    cases = growth.growth("small parties")
    assert [case.peak_mb for case in cases] == [None, None]
    assert cases[0].name == "Growth in small parties: 10 small parties x about 20 rows, 73 weights"
    assert {12, 28} <= set(growth.Size(1000, 20, ragged=True).lengths()) <= set(range(12, 29))


def test_a_failed_job_and_missing_records_are_left_out_with_their_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(job: Job) -> list[Case]:
        if job.place == "bad:bad":
            raise JobFailedError("it ended with 1: why")
        return [CASE]

    monkeypatch.delenv("HANSA_DATA", raising=False)
    monkeypatch.setattr(bench, "run", found)
    monkeypatch.setattr(bench, "JOBS", (Job("good:good"), Job("bad:bad"), Job("real:real", real=True)))
    out = tmp_path / "bench.json"

    assert bench.main(["--out", str(out)]) == 1

    kept = json.loads(out.read_text())
    assert kept["left_out"] == {
        "bad:bad": "it ended with 1: why",
        "real:real": "HANSA_DATA is not set: C-MAPSS is missing",
    }
    assert [case_of(one) for one in kept["cases"]] == [CASE]


def test_a_word_that_is_in_no_job_is_refused_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--only", "nothing"]) == 2
    assert capsys.readouterr().err.startswith("No job is called so: choose words of fedavg:rounds:8x4000,")


def test_the_file_holds_a_case_a_line_in_the_order_of_names_and_numbers() -> None:
    names = ["x, 1,000 parties", "x, 8 parties", "a", "x, 100 parties"]

    text = text_of({"cores": 2}, [replace(CASE, name=name) for name in names], {})

    kept = json.loads(text)["cases"]
    assert [one["name"] for one in kept] == ["a", "x, 8 parties", "x, 100 parties", "x, 1,000 parties"]
    assert len(text.splitlines()) == 6 + len(names)


def test_a_case_is_read_as_it_was_written_and_the_machine_has_the_median_rate() -> None:
    other = replace(LIMITED, name="c", roofline=Roofline(1.0, 50.0, 200.0, 0.25))
    kept = json.loads(text_of({}, [CASE, LIMITED, other], {}))
    assert [case_of(one) for one in kept["cases"]] == [CASE, LIMITED, other]
    assert kept["machine"]["matmul_gflops"] == 150.0


def test_the_spread_is_the_median_and_the_quartiles() -> None:
    assert spread([5.0, 1.0, 3.0, 2.0, 4.0]) == Spread(3.0, 2.0, 4.0)
    assert spread([7.0]) == Spread(7.0, 7.0, 7.0)


def test_the_first_lap_is_not_counted_and_a_lap_of_many_calls_is_shared_out() -> None:
    calls: list[int] = []
    found = laps(lambda: calls.append(1), count=3, inside=5)
    assert (len(calls), len(found.wall_ms), len(found.cpu_ms)) == (20, 3, 3)
    assert per(Laps([10.0], [4.0], 1.0), 2) == Laps([5.0], [2.0], 1.0)


def test_operations_are_two_a_weight_forward_and_four_back_but_for_the_inputs() -> None:
    # 3-2-1: forward 2 * 8; back 2 * 8 to the weights, and 2 * 2 to the hidden units.
    assert operations(1, (3, 2, 1)) == 16 + 16 + 4
    assert operations(5, (3, 2, 1)) == 5 * 36


def test_the_compiler_counts_about_the_same_operations() -> None:
    network = perceptron(np.random.default_rng(0), 16, (96, 84), "relu", "linear")
    x, y = jnp.ones((128, 16)), jnp.ones(128)
    gradient: Callable[..., object] = jax.grad(lambda one, x, y: (0.5 * (one(x) - y) ** 2).mean())
    counted = jax.jit(gradient).lower(network, x, y).compile().cost_analysis()["flops"]
    assert operations(128) == pytest.approx(counted, rel=0.03)


def test_per_example_gradients_are_set_against_the_batch() -> None:
    batch, each = gradients(count=3)
    assert each.cpu_ms.median > batch.cpu_ms.median
    assert each.note.endswith("times the CPU of the batch's gradient")


def test_the_charter_of_many_parties_is_one_that_can_be_read() -> None:
    charter = parse_charter(many(template("simulated")))
    assert (charter.parties, charter.data.engines, charter.rounds) == (10_000, 10_000, 1)
    assert (charter.algorithm.name, charter.partition.kind, charter.compare) == ("fedavg", "horizontal", ())
