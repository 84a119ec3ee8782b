"""The page and the tables of a study of failures or prices read their own measures the right way round."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from hansa.control.study_fairness import fairness_tables, helped, meaning
from hansa.control.study_page import render_study, study_markdown
from hansa.control.study_spread import spread_figure
from hansa.control.study_tables import party_tables
from hansa.control.study_words import answers, basis, headline
from hansa.runtime.result import Figures
from hansa.simulation.study_book import Book, Entry, Solo
from hansa.simulation.study_summary import summarise
from tests.control.made_result import outcome

GAINS = {"centralised": 0.05, "isolated": 0.0, "isolated_mean": 0.01, "fedavg": 0.03}


def made(task: str, seeds: int = 3, **left_out: bool) -> tuple[Any, Any]:
    """Return the study and its summary as they stand in JSON; fedavg is the best that is not pooled."""
    names = [name for name in GAINS if name not in left_out]
    study = {
        "task": task, "algorithm": "fedavg", "baselines": [], "dataset": "lot", "data": "lot.csv",
        "parties": [3], "seeds": list(range(1, seeds + 1)), "scenarios": names, "recipe": "the charter's",
        "label_cap": 120.0, "filter": "none", "price_unit": "EUR", "rounds": 4,
        "sensors_per_party": 0, "partition": "horizontal", "charter_digest": "ab" * 32,
        "command": "hansa study lot.toml --seeds 3",
    }  # fmt: skip
    entries = []
    for seed in study["seeds"]:
        for name in names:
            own = Figures(outcome(task, GAINS[name] + 0.001 * seed * (name == "fedavg")))
            solo = {"test": Solo(0.2, 0.1)}
            alone = {"test": _alone(task, seed, helped=name == "fedavg")}
            entries.append(Entry(seed, 3, name, "one model", {"test": own}, solo, 4096, 2048, alone=alone))
    return json.loads(json.dumps([study, summarise(Book(study, entries)).value()]))


def _alone(task: str, seed: int, *, helped: bool) -> dict[str, float]:
    """Return each party's figure: the first gains 0.1 by federating, the second loses it, one neither."""
    better = 0.1 * helped * (1 if task == "failure" else -1)
    wobble = 0.001 * seed * helped
    return {"a": 0.3 + better + wobble, "b": 0.4 - better + wobble, "c": 0.5 + (-0.02) ** seed * helped}


@pytest.mark.parametrize("task", ["failure", "price"])
def test_whom_federating_helps_is_told_in_the_direction_of_the_task(task: str) -> None:
    study, summary = made(task)
    count, harmed, untold = helped(study, summary)
    assert count.startswith("3 parties, FedAvg, each with its own model alone: federating helps 1 of 3")
    told = {
        "failure": "0.302 (−0.098, 95 % interval −0.100 to −0.096, 3 seeds)",
        "price": "0.502 (+0.102, 95 % interval +0.100 to +0.104, 3 seeds)",
    }
    assert harmed == f"Federating does not help b: isolated 0.400, together {told[task]}."
    assert untold == "The seeds do not tell whether it helps c."
    scenarios, parties = fairness_tables(study, summary, 3)
    assert ("above" if task == "failure" else "below") + " 0 is better" in scenarios.caption
    assert [cell.text for cell in scenarios.rows[0].cells[:3]] == ["1", "1", "1"]
    assert parties.rows[-1].head == "a"


def test_parties_that_bring_their_records_are_said_to_be_dealt_nothing() -> None:
    study, _ = made("price")
    assert "Each seed deals assets" in meaning(study)
    assert "Each seed deals assets" not in meaning(study | {"partition": "given"})


@pytest.mark.parametrize("task", ["failure", "price"])
def test_the_best_mean_is_marked_in_the_direction_of_the_task(task: str) -> None:
    errors, differences = party_tables(*made(task), 3)
    marked = {row.scenario: [cell.best for cell in row.cells] for row in errors.rows}
    measures = 6 if task == "failure" else 3
    assert marked["fedavg"][:measures] == [True] * measures
    assert not any(marked["centralised"])
    assert ("above" if task == "failure" else "below") + " 0 is better" in differences.caption


def test_the_answer_names_the_side_and_the_basis_says_what_it_means() -> None:
    study, summary = made("failure")
    (answer,) = answers(study, summary)
    assert answer.startswith(
        "3 parties: FedAvg has AUPRC 0.132 ± 0.001, 0.022 above the mean of isolated models"
    )
    assert "95 % interval [+0.020, +0.024]" in answer
    assert basis(study) == "AUPRC on the test, higher is better"
    assert headline(study) == "Charter lot on lot.csv: 3 parties, 3 seeds"


def test_without_the_mean_of_isolated_models_one_company_alone_is_what_is_compared_with() -> None:
    study, summary = made("price", isolated_mean=True)
    (answer,) = answers(study, summary)
    assert "FedAvg has RMSLE 0.268 ± 0.001, 0.032 below one company alone" in answer


@pytest.mark.parametrize("task", ["failure", "price"])
def test_page_and_markdown_speak_of_the_task_alone(task: str) -> None:
    study, summary = made(task)
    page, text = render_study(study, summary), study_markdown(study, summary)
    body = page[page.index("<main>") : page.index("</main>")]
    for shown in (body, text):
        assert not re.search(r"RMSE\b|NASA|all-cycle|engine|collapsed|constant|cycles", shown)
        assert {"failure": "AUPRC", "price": "RMSLE"}[task] in shown
    assert ("MAE, EUR" in text) == (task == "price")


def test_one_number_of_parties_has_a_diamond_and_a_line_a_scenario() -> None:
    study, summary = made("failure")
    figure = spread_figure(study, summary)
    series = figure.options["test"]["series"]
    assert [one["type"] for one in series] == ["line", "scatter"] * 4
    assert "FedAvg 0.132 ± 0.001" in figure.alt
    low, high = (point["value"][0] for point in series[-2]["data"])
    assert low < series[-1]["data"][0]["value"][0] < high
