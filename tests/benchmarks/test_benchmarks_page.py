"""The page on speed is made of what was measured, and shows what Hansa loses as plainly as what it wins."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from benchmarks import benchmarks_curves as growth
from benchmarks.benches.growth import CURVES
from benchmarks.benchmarks_page import GROWTH_PLOT, PAGE, PLOT, growth_svg, page, read, svg
from benchmarks.benchmarks_plot import Dot, plot
from benchmarks.benchmarks_table import figure, spread
from benchmarks.measure import RESULTS

NOTHING: dict[str, Any] = {"peers": None, "bench": None, "speed": None}
MACHINE = {"cpu": "A CPU", "cores": 2, "memory_gib": 8.0, "os": "An OS", "python": "3.11.7", "load": 0.1}


def _report(**found: Any) -> dict[str, Any]:
    usual = {
        "system": "x", "version": "1.0", "rounds": 3, "start_s": 1.0, "first_round_s": 0.5,
        "cpu_ms": [9e3, 20.0, 40.0], "wall_ms": [9e3, 10.0, 20.0], "peak_mb": 300.0, "test_mse": 0.5,
        "threads": 1,
    }  # fmt: skip
    return usual | found


def _ratio(median: float, least: float | None = None, most: float | None = None) -> dict[str, float]:
    return {
        "median": median,
        "least": median if least is None else least,
        "most": median if most is None else most,
    }


def _pair(**found: Any) -> dict[str, Any]:
    runs = [{"hansa": _report(), "peer": _report(start_s=2.0, peak_mb=400.0)}]
    usual = {
        "size": "8x4000", "peer": "fedjax", "rounds": 3, "cpu": _ratio(2.0, 1.9, 2.1), "wall": _ratio(3.0),
        "same_work": True, "note": "", "runs": runs,
    }  # fmt: skip
    return usual | found


def _peers(*pairs: dict[str, Any], **left_out: str) -> dict[str, Any]:
    return NOTHING | {"peers": {"machine": MACHINE, "pairs": list(pairs), "left_out": left_out}}


def _case(name: str, **found: Any) -> dict[str, Any]:
    wall, cpu = {"median": 50.0, "low": 45.0, "high": 60.0}, {"median": 30.0, "low": 30.0, "high": 30.0}
    usual = {
        "name": name, "wall_ms": wall, "cpu_ms": cpu, "peak_mb": 312.4, "rounds": 19, "threads": 2,
        "note": "", "roofline": None,
    }  # fmt: skip
    return usual | found


def _line(text: str, words: str) -> str:
    return next(line for line in text.splitlines() if words in line)


def test_the_page_and_its_figure_are_those_that_the_stored_files_make() -> None:
    found = read(RESULTS)
    assert PAGE.read_text(encoding="utf-8") == page(found)
    assert (PLOT.read_text(encoding="utf-8") if PLOT.exists() else "") == svg(found)
    drawn = GROWTH_PLOT.read_text(encoding="utf-8") if GROWTH_PLOT.exists() else ""
    assert drawn == growth_svg(found)


def test_without_figures_the_page_says_so_and_how_to_get_them(tmp_path: Path) -> None:
    assert read(tmp_path) == NOTHING
    found = page(NOTHING)
    assert "Nothing is measured yet." in found
    assert "make bench " in found
    assert "|" not in found
    assert svg(NOTHING) == growth_svg(NOTHING) == ""


def test_a_part_without_its_file_is_left_out() -> None:
    assert "## Our own benchmarks" not in page(_peers(_pair()))
    assert "benchmarks.svg" in page(_peers(_pair()))
    speed = [
        {"measure": "m", "goal": "<= 2", "value": 3.0, "unit": "s", "holds": False, "command": "c"},
        {"measure": "n", "goal": "shown", "value": 3.0, "unit": "s", "holds": True, "command": "c"},
    ]
    found = page(NOTHING | {"speed": speed})
    assert "## Beside other simulators" not in found
    assert "| m | <= 2 | 3 | s | **no** |" in found
    assert "| n | shown | 3 | s |  |" in found


def test_a_ratio_stands_with_its_spread_and_a_single_turn_without() -> None:
    line = _line(page(_peers(_pair())), "| 2.00x")
    assert line == "| 8 x 4,000 | FedJAX (1.0) | 2.00x [1.90 .. 2.10] | 3.00x | yes |"


def test_what_each_system_took_is_the_median_round_without_the_first() -> None:
    found = page(_peers(_pair()))
    assert "| 8 x 4,000 | Hansa | 30.0 | 15.0 | 1.50 | 300 | 1 |" in found
    assert "| 8 x 4,000 | FedJAX (1.0) | 30.0 | 15.0 | 2.50 | 400 | 1 |" in found


def test_where_hansa_took_less_of_everything_the_page_says_so() -> None:
    assert "- In what was measured above, Hansa took less of everything than every peer." in page(
        _peers(_pair())
    )


def test_a_ratio_below_one_is_shown_as_a_loss() -> None:
    found = page(_peers(_pair(cpu=_ratio(0.8, 0.7, 0.9))))
    assert "| **0.8x** [0.7 .. 0.9] |" in found
    loss = "- FedJAX at 8 x 4,000: a round takes less CPU time than Hansa's, 0.8 of it (0.7 to 0.9)."
    assert loss in found
    assert "less of everything" not in found


def test_a_spread_across_one_is_no_clear_difference() -> None:
    found = page(_peers(_pair(wall=_ratio(1.1, 0.9, 1.2))))
    assert (
        "- FedJAX at 8 x 4,000: no clear difference in wall time, 1.10 times Hansa's (0.9 to 1.20)." in found
    )


def test_less_memory_and_an_earlier_first_round_are_losses_too() -> None:
    runs = [{"hansa": _report(), "peer": _report(peak_mb=200.0, first_round_s=0.25)}]
    found = page(_peers(_pair(runs=runs)))
    assert "- Less memory than Hansa at the peak: FedJAX at 8 x 4,000 (200 against 300 MiB)." in found
    assert "first round earlier than Hansa: FedJAX at 8 x 4,000 (1.25 against 1.50 s)." in found


def test_a_peer_that_did_other_work_is_marked_and_not_drawn() -> None:
    other = _pair(peer="pfl", same_work=False, note="did other work: test MSE 3 after 3 rounds, Hansa's 1")
    found = _peers(_pair(), other)
    assert "| **no**: did other work: test MSE 3 after 3 rounds, Hansa's 1 |" in page(found)
    assert "- Apple pfl at 8 x 4,000: did other work: " in page(found)
    assert "Apple pfl" not in svg(found)
    assert "FedJAX" in svg(found)


def test_a_peer_that_failed_is_named_with_its_reason() -> None:
    found = page(_peers(flower="it ended with 1: no workers"))
    assert "- Flower simulation was left out: it ended with 1: no workers" in found
    assert "![" not in found


def test_our_own_cases_stand_in_their_tables() -> None:
    limit = {"gflop": 1.761, "gflops": 60.0, "matmul_gflops": 100.0, "share": 0.6}
    cases = [
        _case("a round", note="so"),
        _case("one thread", roofline=limit),
        _case("Growth in rows: 8 parties x 10 rows, 9 weights"),
    ]
    bench = {"machine": MACHINE | {"matmul_gflops": 100.0}, "cases": cases, "left_out": {"f:g": "no data"}}
    found = page(NOTHING | {"bench": bench})
    assert "| a round | 50.0 [45.0 .. 60.0] | 30.0 | 312 | 19 | 2 | so |" in found
    assert "| one thread | 30.0 | 1.76 | 60.0 | 100 | 60% |" in found
    assert found.index("## How cost grows") < found.index("| Growth in rows: 8 ")
    assert "9 weights | 50.0 [45.0 .. 60.0] | 30.0 | 19 | 2 |" in found  # sizes share a process: no peak
    assert "benchmarks-growth.svg" not in found  # one point is no line
    assert "- `f:g` was left out: no data" in found
    assert "one thread multiplies matrices at 100 GFLOP/s" in found


def test_the_figure_is_well_formed_and_keeps_its_dots_inside() -> None:
    panels = [("a < b", [Dot("Hansa", 3.0, 2.9, 3.4, ours=True), Dot("other", 990.0, 800.0, 1000.0)])]
    root = Xml.fromstring(plot(panels))  # noqa: S314 - our own text
    space = "{http://www.w3.org/2000/svg}"
    across = [float(dot.get("cx", "")) for dot in root.iter(f"{space}circle")]
    assert across[0] < across[1] < float(root.get("width", ""))
    assert {"a < b", "Hansa", "other", "990", "3.0"} <= {text.text for text in root.iter(f"{space}text")}


def _grown(name: str, cpu_ms: float) -> dict[str, Any]:
    return _case(f"Growth in {name}", cpu_ms={"median": cpu_ms, "low": cpu_ms, "high": cpu_ms})


def test_the_names_of_the_jobs_that_grow_tell_their_amounts() -> None:
    cases = [_case(f"Growth in {what}: {size.words}") for what, sizes in CURVES.items() for size in sizes]
    ends = [curve.points[-1][0] for curve in growth.curves(cases)]
    assert ends == pytest.approx([10.0] * len(CURVES), rel=0.25)


def test_the_figure_of_growth_draws_each_line_from_its_smallest_work() -> None:
    cases = [
        _grown("rows: 8 parties x 40,000 rows, 9,865 weights", 90.0),
        _grown("rows: 8 parties x 4,000 rows, 9,865 weights", 10.0),
        _grown("parties: 100 parties x 100 rows, 9,865 weights", 5.0),
        _grown("parties: 1,000 parties x 100 rows, 9,865 weights", 60.0),
        _grown("weights: 8 parties x 4,000 rows, 9,865 weights", 20.0),
        _grown("weights: 8 parties x 4,000 rows, 98,821 weights", 140.0),
        _case("something else"),
    ]
    found = growth.curves(cases)
    assert [curve.what for curve in found] == ["rows", "parties", "weights"]
    assert found[0].points == ((1.0, 1.0), (10.0, 9.0))
    assert found[1].points == ((1.0, 1.0), (10.0, 12.0))

    bench = {"machine": MACHINE | {"matmul_gflops": None}, "cases": cases, "left_out": {}}
    assert "](benchmarks-growth.svg)" in page(NOTHING | {"bench": bench})
    root = Xml.fromstring(growth_svg(NOTHING | {"bench": bench}))  # noqa: S314 - our own text
    space = "{http://www.w3.org/2000/svg}"
    assert len(list(root.iter(f"{space}polyline"))) == 3
    assert [one.get("class") for one in root.iter(f"{space}line")].count("ideal") == 1
    for dot in root.iter(f"{space}circle"):
        assert 0 < float(dot.get("cx", "")) < float(root.get("width", ""))
        assert 0 < float(dot.get("cy", "")) < float(root.get("height", ""))
    names = [one for one in root.iter(f"{space}text") if ", " in (one.text or "")]
    heights = {one.text: float(one.get("y", "")) for one in names}
    assert heights["parties, 12.0x"] < heights["rows, 9.0x"] < heights["weights, 7.0x"]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0"), (0.012345, "0.0123"), (0.8, "0.8"), (1.234, "1.23"), (12.34, "12.3"), (99.96, "100"),
     (123.4, "123"), (12345.6, "12,346")],
)  # fmt: skip
def test_a_figure_has_three_digits(value: float, words: str) -> None:
    assert figure(value) == words


def test_a_figure_that_does_not_vary_has_no_brackets() -> None:
    assert spread(2.0, 2.0, 2.0) == "2.00"
    assert spread(2.0, 1.0, 3.0) == "2.00 [1.00 .. 3.00]"
