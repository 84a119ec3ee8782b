"""A study says of its seeds what NumPy and SciPy say, and goes on where it was stopped."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from hansa.core.charter import AlgorithmChoice, Network, Preparation, Regimes, Training
from hansa.core.charter_rules import check_charter
from hansa.core.errors import CharterError, FolderError
from hansa.data.fleet import Fleet
from hansa.models.metrics import Errors
from hansa.runtime.result import Curves, PartyFigures, Protocol, ScenarioFigures, Traffic
from hansa.simulation.federation import Federation, Progress
from hansa.simulation.study import Hooks, describe, run_study
from hansa.simulation.study_book import PROTOCOLS, Book, claim_book, entry_of
from hansa.simulation.study_plan import (
    PAPER_SCENARIOS,
    Plan,
    Unit,
    base_charter,
    check_plan,
    unit_charter,
    with_ranges,
)
from hansa.simulation.study_summary import Summary, summarise
from tests.simulation.tiny_study import made_book, tiny_charter

SCENARIOS = ("centralised", "isolated_mean", "labsync_mean")
TINY = Plan("simulated", tiny_charter(), (2,), (1, 2), SCENARIOS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tiny study, trained."""
    folder = tmp_path_factory.mktemp("study")
    assert train(folder, TINY)[1]
    return folder


def train(folder: Path, plan: Plan, stop_after: int = 10**9) -> tuple[list[Progress], bool]:
    """Train what is missing in a folder; return the progress that was told, and whether all is there."""
    told: list[Progress] = []
    hooks = Hooks(
        keep=lambda book: book.write(folder),
        watch=lambda _, progress: told.append(progress),
        stop=lambda: len(told) >= stop_after,
    )
    whole = run_study(plan, claim_book(folder, describe(plan, None)), None, hooks)
    return told, whole


def stored(folder: Path) -> Book:
    return Book.of(json.loads((folder / "study.json").read_text()))


def test_means_and_deviations_are_those_of_the_stored_figures(folder: Path) -> None:
    tree = json.loads((folder / "study.json").read_text())
    rows = {row.scenario: row for row in summarise(stored(folder)).rows}
    for name in SCENARIOS:
        own = [one for one in tree["results"] if one["scenario"] == name]
        assert len(own) == 2
        for protocol in ("all_cycle", "last_cycle"):
            found = rows[name].figures[protocol]
            for key, values in {
                "rmse": [one[protocol]["rmse"] for one in own],
                "raw_mae": [one[protocol]["raw"]["mae"] for one in own],
                "solo_worst": [one["solo"][protocol]["worst"] for one in own],
            }.items():
                assert found[key].mean == pytest.approx(np.mean(values))
                assert found[key].sd == pytest.approx(np.std(values, ddof=1))


def test_differences_are_paired_by_seed(folder: Path) -> None:
    tree = json.loads((folder / "study.json").read_text())
    rows = {row.scenario: row for row in summarise(stored(folder)).rows}

    def rmse(name: str) -> list[float]:
        return [one["last_cycle"]["rmse"] for one in tree["results"] if one["scenario"] == name]

    for reference in ("isolated_mean", "centralised"):
        found = rows["labsync_mean"].against[reference]["last_cycle"]
        paired = stats.ttest_rel(rmse("labsync_mean"), rmse(reference))
        assert found.mean == pytest.approx(np.mean(rmse("labsync_mean")) - np.mean(rmse(reference)))
        assert found.p == pytest.approx(paired.pvalue)
        assert (found.low, found.high) == pytest.approx(tuple(paired.confidence_interval(0.95)))


def test_baselines_and_pooled_records_are_trained_once_a_seed_and_stand_in_every_table(folder: Path) -> None:
    places = [(one.seed, one.parties, one.scenario) for one in stored(folder).entries]
    assert places == [
        (seed, parties, name)
        for seed in (1, 2)
        for parties, names in ((0, ("constant", "linear", "centralised")), (2, SCENARIOS[1:]))
        for name in names
    ]
    assert [row.scenario for row in summarise(stored(folder)).rows] == ["constant", "linear", *SCENARIOS]


def test_a_study_that_lost_an_entry_trains_it_again_to_the_same_file(folder: Path) -> None:
    before = (folder / "study.json").read_text()
    tree = json.loads(before)
    lost = next(i for i, one in enumerate(tree["results"]) if one["scenario"] == "labsync_mean")
    del tree["results"][lost]
    (folder / "study.json").write_text(json.dumps(tree))

    told, whole = train(folder, TINY)

    assert whole
    assert {progress.scenario for progress in told} == {"labsync_mean"}
    assert told[-1].done == pytest.approx(1.0)
    assert (folder / "study.json").read_text() == before


def test_a_study_that_is_whole_trains_nothing(folder: Path) -> None:
    assert train(folder, TINY) == ([], True)


def test_a_study_that_is_stopped_keeps_nothing_of_the_units_at_work(folder: Path, tmp_path: Path) -> None:
    told, whole = train(tmp_path / "stopped", TINY, stop_after=3)
    assert not whole
    assert len(told) == 3
    kept = stored(tmp_path / "stopped").entries
    assert kept == [one for one in stored(folder).entries if one.parties == 0]  # of both seeds
    assert not summarise(stored(tmp_path / "stopped")).complete


def test_pooled_records_are_trained_as_the_centralised_scenario_of_a_run(folder: Path) -> None:
    unit = Unit(2, 2, ("isolated", "centralised"))
    federation = Federation(unit_charter(TINY, unit), None)
    for _ in federation.train(lambda _: None, lambda: False):
        pass
    entry = next(one for one in stored(folder).entries if (one.seed, one.scenario) == (2, "centralised"))
    found = federation.finished["centralised"]
    assert entry.figures["all_cycle"].filtered.rmse == pytest.approx(found.all_cycle.filtered.rmse, abs=1e-4)
    assert entry.figures["last_cycle"].raw.mae == pytest.approx(found.last_cycle.raw.mae, abs=1e-4)


def test_a_folder_of_another_study_is_refused(folder: Path) -> None:
    with pytest.raises(FolderError, match="holds a study of another charter"):
        claim_book(folder, describe(replace(TINY, base=replace(TINY.base, rounds=3)), None))


def test_more_seeds_and_parties_go_on_in_the_same_folder(folder: Path) -> None:
    wider = replace(TINY, seeds=(1, 2, 3), parties=(2, 4))
    book = claim_book(folder, describe(wider, None))
    assert book.entries == stored(folder).entries
    assert not summarise(book).complete


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("notes.txt", "mine", "is not empty and holds no study"),
        ("study.json", "{", "cannot be read"),
        ("study.json", '{"format": 1, "study": {}}', "is not a whole study"),
        ("study.json", '{"format": 1, "study": {}, "results": [{"seed": 1}]}', "is not a whole study"),
        ("study.json", '{"format": 99}', "has study format 99, this version reads 1"),
    ],
)
def test_a_folder_that_holds_something_else_is_refused(
    file: str, content: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / file).write_text(content)
    with pytest.raises(FolderError, match=words):
        claim_book(tmp_path, TINY.value() | {"data_digest": ""})
    assert (tmp_path / file).read_text() == content


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(FolderError, match="is a file"):
        claim_book(tmp_path / "out", TINY.value() | {"data_digest": ""})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"parties": ()}, "parties are not given"),
        ({"parties": (0,)}, "parties are 0"),
        ({"parties": (4, 4)}, "parties are 4, 4"),
        ({"seeds": (3, 3)}, "seeds are 3, 3"),
        ({"parties": (9,)}, "9 parties cannot share 8 engines"),
        ({"scenarios": ()}, "no algorithm is named"),
        ({"scenarios": ("labsink",)}, 'algorithm cannot be "labsink".*"labsync" is nearest'),
    ],
)
def test_what_no_unit_could_train_is_refused(changes: dict[str, tuple[int, ...]], words: str) -> None:
    with pytest.raises(CharterError, match=words):
        check_plan(replace(TINY, **changes))


def test_another_data_set_is_refused_with_the_nearest() -> None:
    with pytest.raises(CharterError, match=r'data set cannot be "fd005".*"fd001"'):
        base_charter("fd005", as_printed=False)


@pytest.mark.parametrize("as_printed", [False, True])
@pytest.mark.parametrize("parties", [2, 31])
@pytest.mark.parametrize("name", [*PAPER_SCENARIOS, "mixed"])
def test_every_scenario_alone_and_all_together_make_lawful_charters(
    name: str, parties: int, as_printed: bool
) -> None:
    base = base_charter("fd004", as_printed=as_printed)
    check_plan(Plan("fd004", base, (parties,), (1,), (name,), as_printed))
    check_plan(Plan("fd004", base, (parties,), (1,), tuple({*PAPER_SCENARIOS, name}), as_printed))


def test_the_printed_recipe_is_the_papers() -> None:
    charter = base_charter("fd004", as_printed=True)
    plan = Plan("fd004", charter, (31,), (1,), ("labsync",), as_printed=True)
    assert charter.network == Network(hidden=(10,), activation="sigmoid", output="relu")
    assert charter.training == Training("sgd", 0.01, 128, 1)
    assert charter.preparation == Preparation(scaling="range")
    assert charter.data.regimes == Regimes()
    assert (charter.rounds, charter.evaluation.filter, charter.data.label_cap) == (400, "kalman", 120)
    assert unit_charter(plan, plan.units[1]).algorithm == AlgorithmChoice("labsync", damping=0.0)


def test_ranges_are_those_of_the_training_readings(tmp_path: Path) -> None:
    charter = unit_charter(Plan("simulated", tiny_charter(as_printed=True), (2,), (1,), ()), Unit(1, 0, ()))
    sensors = np.array([[1.0, 5.0], [3.0, 5.0], [np.nan, 5.0]])
    ranged = with_ranges(charter, _fleet(sensors, ("s2", "s3")))
    found = {column.name: (column.low, column.high) for column in ranged.data.columns}
    assert (found["s2"], found["s3"]) == ((1.0, 3.0), (5.0, 6.0))
    check_charter(ranged)


def test_a_charter_scaled_by_regimes_gets_no_ranges() -> None:
    charter = tiny_charter()
    assert with_ranges(charter, _fleet(np.zeros((3, 1)), ("s2",))) is charter


def test_the_printed_recipe_trains(tmp_path: Path) -> None:
    plan = Plan("simulated", tiny_charter(as_printed=True, rounds=1), (2,), (1,), ("labsync_mean",), True)
    assert train(tmp_path, plan)[1]
    assert math.isfinite(stored(tmp_path).entries[-1].figures["all_cycle"].raw.rmse)


def test_the_command_repeats_the_study() -> None:
    base = base_charter("fd004", as_printed=True, rounds=60, cap=125)
    plan = Plan("fd004", base, (2, 8), (7,), PAPER_SCENARIOS, as_printed=True)
    assert plan.command == "hansa study fd004 --parties 2,8 --seeds 7, --rounds 60 --cap 125 --as-printed"


def test_collapsed_seeds_are_counted_and_named_with_the_reason() -> None:
    summary = _collapsing(stuck=3)
    found = {(one.parties, one.scenario, one.seed): one for one in summary.collapsed}
    assert set(found) == {(4, "labsync", 2), (4, "fedavg", 3), (0, "centralised", 1)}
    assert found[4, "labsync", 2].reason.startswith("3 of 4 parties predict 0 for every row")
    assert found[4, "fedavg", 3].reason == "the error is not finite: training diverged"
    assert found[4, "fedavg", 3].rmse is None
    assert found[0, "centralised", 1].reason.startswith("the model predicts 0 for every row")
    assert found[4, "labsync", 2].mean_of_others == pytest.approx(14.5)
    assert summary.counted == 9


def test_the_seeds_without_a_stuck_model_have_means_of_their_own() -> None:
    rows = {row.scenario: row for row in _collapsing(stuck=3).rows}
    assert rows["labsync"].moving["all_cycle"]["rmse"].mean == pytest.approx(14.5)
    assert rows["labsync"].moving["last_cycle"]["rmse"].n == 2
    assert rows["fedavg"].moving == {}  # diverged, not stuck


def test_a_collapse_without_a_stuck_output_says_so() -> None:
    assert "no model is stuck" in _collapsing(stuck=0).collapsed[0].reason


def test_an_error_equal_to_the_constants_is_no_collapse() -> None:
    assert not summarise(made_book({(2, "labsync"): [26.0, 26.0]}, constant=26.0)).collapsed


def test_collapsed_seeds_stay_in_the_means_unless_they_are_not_finite() -> None:
    rows = {row.scenario: row.figures["all_cycle"]["rmse"] for row in _collapsing(stuck=3).rows}
    assert rows["labsync"].mean == pytest.approx((14.0 + 60.0 + 15.0) / 3)
    assert (rows["fedavg"].mean, rows["fedavg"].n) == (pytest.approx(15.5), 2)


def test_a_book_reads_back_as_it_was_written(folder: Path) -> None:
    book = made_book({(2, "labsync"): [14.123456, math.nan], (0, "centralised"): [13.0, math.inf]})
    again = Book.of(json.loads(book.text()))
    assert again.text() == book.text()
    assert '"rmse": 14.1235' in book.text()
    assert "NaN" not in book.text()
    assert stored(folder).text() == (folder / "study.json").read_text()


def test_parties_that_predict_nothing_but_zero_are_counted() -> None:
    zero = Errors(80.0, 70.0, 5.0)
    found = [Errors(80.0, 70.0, 5.0), Errors(80.0, 69.0, 5.0), Errors(12.0, 9.0, 5.0)]
    parties = {
        str(i): PartyFigures(dict.fromkeys(PROTOCOLS, Protocol(one, one, "none")), Traffic(10 * i, 4))
        for i, one in enumerate(found)
    }
    own = Protocol(found[2], found[2], "none")
    made = ScenarioFigures("joined", dict.fromkeys(PROTOCOLS, own), {}, 1.0, parties, Curves((), ()))

    entry = entry_of((1, 3, "labsync"), made, "rul", zero)

    assert (entry.stuck, entry.bytes_up, entry.bytes_down) == (1, 10, 4)
    assert entry.solo["all_cycle"].mean == pytest.approx((80.0 + 80.0 + 12.0) / 3)
    assert entry.solo["all_cycle"].worst == 80.0


def _collapsing(stuck: int) -> Summary:
    figures = {
        (0, "centralised"): [60.0, 14.0, 14.2],
        (4, "fedavg"): [15.0, 16.0, math.nan],
        (4, "labsync"): [14.0, 60.0, 15.0],
    }
    return summarise(made_book(figures, stuck=stuck))


def _fleet(sensors: np.ndarray, names: tuple[str, ...]) -> Fleet:
    rows = len(sensors)
    nothing = np.zeros(rows)
    return Fleet(
        asset_names=("a",),
        asset=np.zeros(rows, np.int32),
        time=np.arange(rows, dtype=float),
        settings=np.zeros((rows, 3)),
        sensors=sensors,
        remaining=nothing,
        setting_names=("setting_1", "setting_2", "setting_3"),
        sensor_names=names,
    )
