"""Errors by class are those of the class's assets alone, by reading, and whole over a checkpoint."""

from dataclasses import replace

import numpy as np
import pytest

from hansa.core.charter import Regimes
from hansa.models.metrics import Errors
from hansa.runtime.exam import Exam, exam
from hansa.runtime.result import ClassErrors, Curves, Protocol, ScenarioFigures
from hansa.simulation.classes import errors_by_class, mean_by_class, of_class
from hansa.simulation.study_book import PROTOCOLS
from tests.batteries.fleets import charter, fleet

CAP = 12.0
KINDS = np.array(["fan", "hpc", "fan", "fan"])
CHARTER = charter(data={"regimes": Regimes()})


def _exam(kinds: np.ndarray = KINDS, seed: int = 0) -> Exam:
    lengths = [15, 4, 20, 9][: len(kinds)]
    return exam(replace(fleet(lengths, seed=seed), traits={"fault_mode": kinds}), CAP, "kalman")


EXAM = _exam()


def _predicted(seed: int, one: Exam = EXAM) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, one.fleet.rows).astype(np.float32)


def test_a_class_has_the_error_of_an_exam_on_its_assets_alone() -> None:
    found = errors_by_class(EXAM, EXAM.fleet.traits, _predicted(0))["fault_mode"]
    for name in ("fan", "hpc"):
        kept = np.flatnonzero(name == KINDS)
        alone = exam(EXAM.fleet.take_assets(kept), CAP, "kalman")
        every, last = alone.score(_predicted(0)[EXAM.fleet.rows_of(kept)])
        assert found[name].assets == len(kept)
        assert found[name].figures["all_cycle"] == pytest.approx(every.filtered.rmse, rel=1e-5)
        assert found[name].figures["last_cycle"] == pytest.approx(last.filtered.rmse, rel=1e-5)


def test_classes_weighed_by_their_rows_make_the_whole_error() -> None:
    found = errors_by_class(EXAM, EXAM.fleet.traits, _predicted(1))["fault_mode"]
    rows = {"fan": 15 + 20 + 9, "hpc": 4}
    square = sum(rows[name] * one.figures["all_cycle"] ** 2 for name, one in found.items()) / sum(
        rows.values()
    )
    assert np.sqrt(square) == pytest.approx(EXAM.figure(_predicted(1)), rel=1e-5)


def test_the_mean_over_parties_counts_each_exams_assets_once() -> None:
    found = mean_by_class([EXAM, EXAM], CHARTER, [_predicted(2), _predicted(3)])["fault_mode"]
    one, other = (errors_by_class(EXAM, EXAM.fleet.traits, _predicted(seed))["fault_mode"] for seed in (2, 3))
    assert found["fan"].assets == 3
    for name in ("fan", "hpc"):
        for protocol, error in found[name].figures.items():
            assert error == pytest.approx((one[name].figures[protocol] + other[name].figures[protocol]) / 2)


def test_parties_with_exams_of_their_own_count_where_they_have_the_class() -> None:
    own = _exam(np.array(["gear", "hpc"]), seed=4)
    found = mean_by_class([EXAM, own], CHARTER, [_predicted(5), _predicted(6, own)])["fault_mode"]
    alone = errors_by_class(own, own.fleet.traits, _predicted(6, own))["fault_mode"]
    assert found["gear"] == alone["gear"]
    assert {name: one.assets for name, one in found.items()} == {"fan": 3, "gear": 1, "hpc": 2}


def test_data_that_tell_no_classes_give_none() -> None:
    plain = exam(fleet([15, 4]), CAP, "none")
    assert mean_by_class([plain], CHARTER, [_predicted(0, plain)]) == {}


def test_figures_with_classes_read_back_as_they_were_written() -> None:
    errors = Protocol(Errors(1.0, 1.0, 1.0), Errors(1.0, 1.0, 1.0), "none")
    classes = {"fault_mode": {"fan": ClassErrors(3, {"all_cycle": 1.5, "last_cycle": 2.5})}}
    figures = ScenarioFigures(
        "joined", dict.fromkeys(PROTOCOLS, errors), {}, 1.0, {}, Curves((), ()), classes
    )
    assert ScenarioFigures.of(figures.value(), {"raw": (), "filtered": ()}) == figures


def test_some_assets_have_the_figure_of_an_exam_on_them_alone() -> None:
    chosen = np.array([True, False, False, True])
    alone = exam(EXAM.fleet.take_assets(np.flatnonzero(chosen)), CAP, "kalman")
    every, last = alone.score(_predicted(0)[EXAM.fleet.rows_of(np.flatnonzero(chosen))])
    found = of_class(EXAM, _predicted(0), chosen)
    assert found["all_cycle"] == pytest.approx(every.filtered.rmse, rel=1e-5)
    assert found["last_cycle"] == pytest.approx(last.filtered.rmse, rel=1e-5)
    whole, _ = EXAM.score(_predicted(0))
    assert of_class(EXAM, _predicted(0), np.ones(4, bool))["all_cycle"] == pytest.approx(whole.filtered.rmse)
    assert of_class(EXAM, _predicted(0), np.zeros(4, bool)) == {}
