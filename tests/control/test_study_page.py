"""The study's page and its Markdown show the same rows, say what chance can do, and load nothing."""

import json
import math
import re
from typing import Any

import pytest

from hansa.control.study_page import parties_figure, render_study, study_markdown
from hansa.control.study_tables import collapse_table, markdown_table, party_tables, traffic_table
from hansa.control.study_words import (
    NOT_KNOWN,
    PRINTED_AS,
    answers,
    chance,
    collapses,
    headline,
    interval,
    signed,
    spread,
)
from hansa.simulation.study_summary import summarise
from tests.control.made_result import NASTY
from tests.control.test_report import ALLOWED_ADDRESSES, Page
from tests.simulation.tiny_study import made_book

FIGURES = {
    (0, "centralised"): [14.6, 14.8, 14.7],
    (2, "isolated_mean"): [15.0, 15.2, 15.1],
    (2, "labsync_mean"): [14.8, 15.1, 14.9],
    (4, "isolated_mean"): [15.1, 15.3, 15.2],
    (4, "labsync_mean"): [15.2, 15.1, 60.0],
}
TITLES = ("Constant 120", "Linear regression", "Centralised", "Mean of isolated models", "LabSync-Mean")


def made(figures: dict[tuple[int, str], list[float]] = FIGURES, **changes: Any) -> tuple[Any, Any]:
    """Return the study and its summary as they stand in JSON."""
    book = made_book(figures, stuck=4)
    book.study |= changes
    return json.loads(json.dumps([book.study, summarise(book).value()]))


def test_every_row_stands_in_the_markdown_and_on_the_page() -> None:
    study, summary = made()
    text, page = study_markdown(study, summary), Page(render_study(study, summary))
    for parties in (2, 4):
        for kind in ("all-cycle", "last-cycle"):
            shown = [cells[0] for cells in page.tables[f"table-errors-{kind}-{parties}"][2:]]
            assert [title for title in TITLES if not any(title in one for one in shown)] == []
            assert f"{parties} parties, {kind}: mean ± standard deviation over 3 seeds" in text
    for title in TITLES:
        assert len(re.findall(rf"^\| {title} ", text, flags=re.MULTILINE)) >= 4


def test_figures_are_the_means_and_deviations_of_the_summary() -> None:
    study, summary = made()
    page = Page(render_study(study, summary))
    assert page.row("table-errors-all-cycle-2", "LabSync-Mean")[0] == "14.93 ± 0.15"
    assert page.row("table-errors-last-cycle-2", "Constant 120")[0] == "33.80 ± 0.00"
    mean, between, p = page.row("table-differences-all-cycle-2", "LabSync-Mean")[:3]
    assert (mean, between) == ("−0.17 ± 0.06", "[−0.31, −0.02]")
    assert p == chance(_row(summary, 2, "labsync_mean")["against"]["isolated_mean"]["all_cycle"]["p"])


def test_the_lowest_federated_mean_is_marked_and_references_take_no_part() -> None:
    study, summary = made()
    table = party_tables(study, summary, 2)[0]
    assert [row.head for row in table.rows if row.cells[0].best] == ["LabSync-Mean"]


def test_the_answer_names_what_chance_can_do() -> None:
    two, four = answers(*made())
    assert "LabSync-Mean has 14.93 ± 0.15 cycles, 0.17 below the mean of isolated models" in two
    assert "do not tell" not in two
    assert "above the mean of isolated models" in four
    assert "3 seeds do not tell the two apart" in four


def test_one_seed_says_nothing_of_chance() -> None:
    study, summary = made({place: values[:1] for place, values in FIGURES.items()})
    assert "nothing can be said of chance" in answers(study, summary)[0]
    assert "1 seed" in headline(study)


def test_a_study_without_the_hard_baseline_gives_no_answer() -> None:
    study, summary = made({(2, "labsync"): [14.0, 15.0]})
    assert answers(study, summary) == []
    assert "FedLabSync" in Page(render_study(study, summary)).text


def test_collapsed_seeds_are_listed_with_seed_error_and_reason() -> None:
    study, summary = made()
    page, text = Page(render_study(study, summary)), study_markdown(study, summary)
    assert page.row("table-collapsed", "LabSync-Mean") == [
        "4", "3", "60.00", "26.00", "15.15",
        "4 of 4 parties predict 0 for every row: the output unit is stuck",
    ]  # fmt: skip
    assert "1 of 15 trained scenarios did" in page.text
    heads = [cells[0] for cells in page.tables["table-errors-all-cycle-4"]]
    assert [head for head in heads if "collapsed" in head] == [" LabSync-Meanjoined; 1 collapsed"]
    assert "4 of 4 parties predict 0" in text


def test_the_seeds_without_a_stuck_model_have_a_row_of_their_own() -> None:
    study, summary = made()
    page, text = Page(render_study(study, summary)), study_markdown(study, summary)
    assert page.row("table-errors-all-cycle-4", "LabSync-Mean")[0] == "30.10 ± 25.89"
    assert page.row("table-errors-all-cycle-4", "LabSync-Mean, 2 of 3 seeds")[0] == "15.15 ± 0.07"
    assert "LabSync-Mean, 2 of 3 seeds (no model is stuck at 0)" in text
    assert "seeds (no model" not in study_markdown(*made({(2, "labsync"): [14.0, 15.0]}))


def test_a_study_without_a_collapse_says_so_and_shows_no_empty_table() -> None:
    study, summary = made({(2, "labsync"): [14.0, 15.0]})
    assert "None of 2 trained scenarios did" in collapses(summary)
    assert "table-collapsed" not in Page(render_study(study, summary)).tables


def test_a_figure_that_is_not_finite_is_a_dash_never_nan() -> None:
    study, summary = made({(2, "labsync"): [math.nan, math.inf]})
    page, text = Page(render_study(study, summary)), study_markdown(study, summary)
    assert page.row("table-errors-all-cycle-2", "FedLabSync")[0] == "–"
    assert page.row("table-collapsed", "FedLabSync")[2] == "not finite"
    assert "nan" not in text.lower()


def test_only_the_printed_recipe_comes_with_what_could_not_be_known() -> None:
    for recipe, shown in (("as printed", True), ("improved", False)):
        study, summary = made(recipe=recipe)
        page, text = Page(render_study(study, summary)), study_markdown(study, summary)
        for sentence in (*PRINTED_AS, *NOT_KNOWN):
            assert (sentence in page.text) == shown
            assert (sentence in text) == shown


def test_a_partial_study_says_so() -> None:
    study, summary = made(seeds=[1, 2, 3, 4])
    assert "Partial" in Page(render_study(study, summary)).text
    assert "Partial" in study_markdown(study, summary)
    assert "Partial" not in study_markdown(*made())


def test_no_tag_of_the_page_loads_anything_and_no_address_is_named() -> None:
    study, summary = made()
    html = render_study(study, summary)
    page = Page(html)
    assert not [a for a in page.attributes if a[1] in ("src", "href", "srcset", "action", "data", "poster")]
    assert not {"link", "img", "iframe", "object", "embed", "form", "base", "a"} & set(page.tags)
    assert all(one.startswith(ALLOWED_ADDRESSES) for one in re.findall(r"https?://[^\s\"'<>)]+", html))
    policy = next(value for _, name, value in page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none';")


def test_names_never_become_markup_script_or_a_cell_of_markdown() -> None:
    study, summary = made(data=NASTY, command="hansa study <b>", time_unit=NASTY)
    page = Page(render_study(study, summary))
    assert page.tags.count("script") == 3
    assert "b" not in page.tags
    assert NASTY in page.text
    summary["collapsed"][0]["reason"] = "a | b <i>"
    assert r"a \| b &lt;i>" in markdown_table(collapse_table(study, summary))


def test_a_markdown_table_has_as_many_cells_in_each_line() -> None:
    study, summary = made()
    tables = [*party_tables(study, summary, 4), collapse_table(study, summary), traffic_table(study, summary)]
    for table in tables:
        lines = [line for line in markdown_table(table).splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(table.heads) + 2}


def test_the_chart_has_a_line_a_scenario_and_a_point_a_number_of_parties() -> None:
    study, summary = made()
    figure = parties_figure(study, summary)
    series = {one["name"]: one["data"] for one in figure.options["all-cycle"]["series"]}
    assert series["LabSync-Mean"][0] == [2, pytest.approx(14.9333)]
    assert [point[0] for point in series["Centralised"]] == [2, 4]
    assert "Linear regression" not in series
    assert list(figure.options) == ["all-cycle", "last-cycle"]
    assert next(iter(parties_figure(study | {"label_cap": 125}, summary).options)) == "last-cycle"


@pytest.mark.parametrize(
    ("value", "shown"), [(0.123, "+0.12"), (-0.049, "−0.05"), (-0.001, "0.00"), (None, "–"), (math.nan, "–")]
)
def test_a_difference_shows_its_sign_and_zero_has_none(value: float | None, shown: str) -> None:
    assert signed(value) == shown


@pytest.mark.parametrize(
    ("p", "shown"), [(0.244, "0.24"), (0.0123, "0.012"), (0.0009, "< 0.001"), (None, "–")]
)
def test_a_chance_is_never_shown_as_nought(p: float | None, shown: str) -> None:
    assert chance(p) == shown


def test_what_is_missing_is_a_dash() -> None:
    assert spread(None) == spread({"mean": None, "sd": None}) == interval({"low": None, "high": 1.0}) == "–"
    assert spread({"mean": 2.0, "sd": None}) == "2.00"


def _row(summary: Any, parties: int, scenario: str) -> Any:
    return next(one for one in summary["rows"] if (one["parties"], one["scenario"]) == (parties, scenario))
