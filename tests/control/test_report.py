"""The report is one safe, offline page, and it shows the result's own figures."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.control.page import script_json
from hansa.control.palette import PALETTE
from hansa.control.report import render_report
from hansa.control.report_charts import (
    engine_figures,
    glance_figure,
    party_figure,
    rounds_figure,
)
from hansa.control.report_histogram import _labels, bins_of
from hansa.control.report_labels import label_table
from hansa.control.report_parties import many_note, shown_parties
from hansa.control.report_tables import error_table, sensor_table
from hansa.control.report_words import TITLES, answer, cap_note, number, size, title_of, verdict
from hansa.core.methods import SCENARIOS
from tests.control.made_result import LONG_NAMES, NASTY, made_result

CHARTER = 'name = "fd004-hybrid"\nconsortium = "A </pre><script>alert(1)</script> & B"\n'
ALLOWED_ADDRESSES = (
    "http://www.apache.org/licenses/",
    "http://www.w3.org/",
    "https://github.com/ecomfe/zrender/",
)
STATIC = files("hansa.control") / "static" / "echarts"


class Page(HTMLParser):
    """What a browser's parser finds: tags, attributes, scripts, tables and visible text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.scripts: list[tuple[str, str]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.best: dict[str, list[list[bool]]] = {}
        self.text = ""
        self._table = ""
        self._script: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in found.items()]
        if tag == "script":
            self._script = found.get("type", "")
        elif tag == "table":
            self._table = found["id"]
            self.tables[self._table], self.best[self._table] = [], []
        elif tag == "tr":
            self.tables[self._table].append([])
            self.best[self._table].append([])
        elif tag in ("td", "th"):
            self.tables[self._table][-1].append("")
            self.best[self._table][-1].append("best" in found.get("class", "").split())

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None
        elif tag == "table":
            self._table = ""

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts.append((self._script, data))
            return
        self.text += data
        if self._table and self.tables[self._table] and self.tables[self._table][-1]:
            self.tables[self._table][-1][-1] += data

    def row(self, table: str, head: str) -> list[str]:
        """Return the cells beside the row heading that begins with `head`."""
        for cells in self.tables[table]:
            if cells[0].strip().startswith(head):
                return [cell.replace(" best", "").strip() for cell in cells[1:]]
        raise AssertionError(f"no row {head} in {table}")


def page_of(**changes: Any) -> Page:
    return Page(render_report(made_result(**changes), CHARTER))


NASTY_PARTIES = (NASTY, "party-2", "party-3", "party-4")


def test_the_page_names_no_address_but_those_of_licences_and_namespaces() -> None:
    page = render_report(made_result(), CHARTER)
    addresses = re.findall(r"https?://[^\s\"'<>)]+", page)
    assert addresses
    assert all(address.startswith(ALLOWED_ADDRESSES) for address in addresses)


def test_no_tag_of_the_page_loads_anything() -> None:
    page = page_of()
    assert not [a for a in page.attributes if a[1] in ("src", "href", "srcset", "action", "data", "poster")]
    assert not {"link", "img", "iframe", "object", "embed", "form", "base", "a"} & set(page.tags)
    assert "@import" not in (files("hansa.control") / "static" / "report.css").read_text()


def test_the_policy_forbids_requests_and_knows_each_script_by_its_digest() -> None:
    page = page_of()
    policy = next(value for _, name, value in page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none';")
    assert "connect-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    running = [text for kind, text in page.scripts if kind == ""]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in running]
    assert len(digests) == 2
    assert re.findall(r"'sha256-([^']+)'", policy) == digests


def test_names_from_users_never_become_markup_script_or_template_code() -> None:
    page = page_of(parties=NASTY_PARTIES, charter="<i>charter</i>", dataset="<img src=x onerror=alert(1)>")
    assert page.tags.count("script") == 3
    assert not {"b", "i", "img"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert NASTY in page.text
    assert "</pre><script>alert(1)</script> & B" in page.text


def test_the_data_block_holds_names_as_they_are() -> None:
    page = page_of(parties=NASTY_PARTIES)
    data = json.loads(next(text for kind, text in page.scripts if kind == "application/json"))
    option = data["figures"]["parties"]["options"]["all-cycle"]
    assert option["yAxis"]["data"] == list(NASTY_PARTIES)


@given(st.recursive(st.text() | st.integers(), lambda t: st.lists(t) | st.dictionaries(st.text(), t)))
def test_json_for_a_script_reads_back_and_cannot_end_the_script(tree: Any) -> None:
    text = script_json(tree)
    assert json.loads(text) == tree
    assert not set(text) & set("<>&\u2028\u2029")


@pytest.mark.parametrize("parties", [("party-1", "party-2", "party-3", "party-4"), LONG_NAMES])
def test_every_scenario_and_every_party_is_shown(parties: tuple[str, ...]) -> None:
    page = page_of(parties=parties)
    for name in SCENARIOS:
        assert page.row("table-errors", title_of(name))
    for party in parties:
        for table in ("table-parties-all_cycle", "table-holdings", "table-sensors", "table-traffic"):
            assert page.row(table, party)


def test_of_many_parties_the_worst_the_middle_and_the_best_are_shown_and_all_are_counted() -> None:
    result = made_result(parties=tuple(f"party-{number}" for number in range(1, 201)))
    page = Page(render_report(result, CHARTER))
    solos = {
        name: one["all_cycle"]["rmse"] for name, one in result["scenarios"]["labsync_mean"]["parties"].items()
    }
    ranked = sorted(solos, key=lambda name: -solos[name])
    for table in ("table-parties-all_cycle", "table-holdings", "table-sensors", "table-traffic"):
        assert page.row(table, f"{ranked[0]}worst")
        assert page.row(table, f"{ranked[-1]}best")
        assert sum("party-" in row[0] for row in page.tables[table]) == 15
    data = json.loads(next(text for kind, text in page.scripts if kind == "application/json"))
    for series in data["figures"]["parties"]["options"]["all-cycle"]["series"]:
        assert sum(bar["value"] for bar in series["data"]) == 200


@pytest.mark.parametrize(("parties", "shown"), [(40, 40), (41, 15)])
def test_parties_are_shown_one_by_one_up_to_forty(parties: int, shown: int) -> None:
    assert len(shown_parties(made_result(parties=tuple(f"party-{n}" for n in range(parties))))) == shown


def _many(errors: Callable[[int], float | None]) -> dict[str, Any]:
    """Return a result of 41 parties whose errors alone are given by number, and whose rows grow with it."""
    names = [f"party-{number}" for number in range(41)]
    result = made_result(parties=tuple(names))
    solos = result["scenarios"][result["algorithm"]]["parties"]
    for place, name in enumerate(names):
        result["parties"][name]["rows"] = 100 + place
        solos[name]["all_cycle"]["rmse"] = errors(place)
    return result


@pytest.mark.parametrize("error", [14.5, None])
def test_many_parties_whose_errors_are_equal_or_absent_are_told_by_their_rows(error: float | None) -> None:
    result = _many(lambda number: error)
    shown = shown_parties(result)
    groups = {group: [name for name in shown if shown[name] == group] for group in shown.values()}
    assert groups == {
        "fewest rows": [f"party-{number}" for number in range(5)],
        "middle": [f"party-{number}" for number in range(18, 23)],
        "most rows": [f"party-{number}" for number in range(36, 41)],
    }
    assert "the 5 with the fewest, middling and most rows are shown" in many_note(result)
    assert "worst" not in many_note(result)


def test_of_many_parties_one_without_a_figure_is_neither_worst_nor_best() -> None:
    result = _many(lambda number: None if number in (0, 40) else 10.0 + number)
    shown = shown_parties(result)
    assert [name for name in shown if shown[name] == "worst"] == [f"party-{n}" for n in range(39, 34, -1)]
    assert [name for name in shown if shown[name] == "best"] == [f"party-{n}" for n in range(5, 0, -1)]
    assert "worst, middle and best" in many_note(result)


@pytest.mark.parametrize("scale", [0.01, 0.05, 1.0, 300.0])
def test_bins_hold_what_numpy_counts_in_them_and_no_two_are_called_alike(scale: float) -> None:
    groups = [np.random.default_rng(seed).uniform(15, 15 + scale, 1000).tolist() for seed in (1, 2)]
    lows, counts = bins_of(groups)
    width = lows[1] - lows[0]
    for group, count in zip(groups, counts, strict=True):
        assert count == np.histogram(group, [*lows, lows[-1] + width])[0].tolist()
    labels = _labels(lows)
    assert len(set(labels)) == len(labels)
    assert [float(label) for label in labels] == pytest.approx(lows, abs=1e-9)


@given(st.lists(st.floats(0.5, 500), min_size=1, max_size=60))
def test_every_value_falls_in_one_of_few_bins(values: list[float]) -> None:
    lows, counts = bins_of([values, values[:1]])
    assert sum(counts[0]) == len(values)
    assert sum(counts[1]) == 1
    assert len(lows) <= 32
    assert lows[0] <= min(values) + 1e-9


def test_every_scenario_of_the_charter_has_a_title_and_a_colour() -> None:
    assert set(SCENARIOS) == set(TITLES)
    assert set(SCENARIOS) < set(PALETTE)


def test_figures_match_the_result_to_the_rounding_shown() -> None:
    result = made_result()
    page = Page(render_report(result, CHARTER))
    for name, scenario in result["scenarios"].items():
        a, b = scenario["all_cycle"], scenario["last_cycle"]
        figures = [a["rmse"], a["mae"], a["raw"]["rmse"], a["raw"]["mae"]]
        figures += [b["rmse"], b["mae"], b["nasa"], b["raw"]["rmse"], b["raw"]["mae"], b["raw"]["nasa"]]
        assert page.row("table-errors", title_of(name)) == [number(figure) for figure in figures]
    for party in result["parties"]:
        solos = [s["parties"][party]["last_cycle"]["rmse"] for s in result["scenarios"].values()]
        assert page.row("table-parties-last_cycle", party) == [f"{solo:.2f}" for solo in solos]


def test_the_solo_table_gives_lowest_mean_and_highest() -> None:
    result = made_result()
    solos = [p["all_cycle"]["rmse"] for p in result["scenarios"]["labsync_mean"]["parties"].values()]
    expected = [f"{v:.2f}" for v in (min(solos), sum(solos) / len(solos), max(solos))]
    assert Page(render_report(result, CHARTER)).row("table-solo", "LabSync-Mean")[:3] == expected


def test_bytes_are_shown_framed_and_as_arrays() -> None:
    result = made_result()
    party = result["scenarios"]["labsync_mean"]["parties"]["party-1"]
    shown = Page(render_report(result, CHARTER)).row("table-traffic", "party-1")
    keys = ("bytes_up", "array_bytes_up", "bytes_down", "array_bytes_down")
    assert shown == [size(party[key]) for key in keys]


def test_the_lowest_of_a_column_is_marked_and_the_pooled_reference_never() -> None:
    table = error_table(made_result())
    marks = {row.scenario: row.cells[0].best for row in table.rows}
    assert [name for name, best in marks.items() if best] == ["vertical"]
    result = made_result()
    result["scenarios"]["centralised"]["all_cycle"]["rmse"] = 1.0
    assert not next(r for r in error_table(result).rows if r.scenario == "centralised").cells[0].best


def test_figures_that_tie_at_the_rounding_shown_are_both_marked() -> None:
    result = made_result(scenarios=("fedavg", "labsync_mean"))
    result["scenarios"]["fedavg"]["all_cycle"]["rmse"] = 14.762
    result["scenarios"]["labsync_mean"]["all_cycle"]["rmse"] = 14.759
    assert [row.cells[0].best for row in error_table(result).rows] == [True, True]


def test_the_answer_compares_the_joined_figure_with_the_baselines_that_ran() -> None:
    assert answer(made_result()) == (
        "Federating brings the joined error to 14.76 cycles RMSE; the mean of isolated models has 14.93;"
        " one company alone 15.41 on average; one model on all records pooled 14.62."
    )
    one = answer(made_result(scenarios=("labsync_mean",)))
    assert one == "Federating brings the joined error to 14.76 cycles RMSE. Nothing was trained beside it."


def test_the_answer_of_one_shared_model_does_not_call_it_joined() -> None:
    text = answer(made_result(algorithm="fedavg", time_unit="hours"))
    assert text.startswith("Federating brings the error of the one shared model to 14.88 hours RMSE;")


def test_the_answer_says_so_when_the_trained_scenario_has_no_figures() -> None:
    assert answer(made_result(scenarios=("isolated",))) == "LabSync-Mean has no figures yet."


@pytest.mark.parametrize(
    ("own", "said"),
    [(14.5, "0.43 cycles (2.9%) below"), (15.2, "0.27 cycles (1.8%) above"), (14.931, "level with")],
)
def test_the_verdict_says_better_worse_or_level(own: float, said: str) -> None:
    result = made_result()
    result["scenarios"]["labsync_mean"]["all_cycle"]["rmse"] = own
    assert said in verdict(result)
    assert "the mean of isolated models" in verdict(result)


def test_a_run_with_cap_125_is_headed_by_its_last_cycle_figures() -> None:
    result = made_result(label_cap=125)
    assert number(result["scenarios"]["labsync_mean"]["last_cycle"]["rmse"]) in answer(result)
    assert "it suits (b) last-cycle" in cap_note(result)


@pytest.mark.parametrize(("cap", "said"), [(120.0, "suits (a) all-cycle"), (90, "suits neither")])
def test_the_page_says_which_protocol_the_cap_suits(cap: float, said: str) -> None:
    page = page_of(label_cap=cap)
    assert said in page.text
    assert "cap-120 runs" in page.text
    assert "cap-125 runs" in page.text


def test_both_digests_and_the_charter_are_on_the_page() -> None:
    result = made_result()
    page = Page(render_report(result, CHARTER))
    assert result["charter_digest"] in page.text
    assert result["roster_digest"] in page.text
    assert CHARTER in page.text


def test_only_a_partial_run_has_a_banner_with_the_way_to_finish_it() -> None:
    assert "Partial run." not in page_of().text
    page = page_of(rounds_done=37)
    assert "It stopped after 37 of 100 rounds." in page.text
    assert "hansa run --resume OUT" in page.text


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_run_of_one_scenario_alone_has_a_page(name: str) -> None:
    page = render_report(made_result(scenarios=(name,), algorithm=name), CHARTER)
    assert Page(page).row("table-errors", title_of(name))
    assert 'data-figure="rounds"' in page


def test_a_result_with_gaps_has_a_page_with_dashes_and_no_empty_chart() -> None:
    result = made_result(scenarios=("isolated", "labsync_mean"), engines=[], rounds_done=0)
    scenario = result["scenarios"]["labsync_mean"]
    scenario["all_cycle"] |= {"rmse": None, "mae": float("nan")}
    scenario["history"] = {"round": [], "train_loss": [], "rmse": []}
    scenario["parties"] = {}
    result["scenarios"]["isolated"] |= {"history": {}, "parties": {}}
    for party in result["parties"].values():
        party |= {"regime_share": [], "last_seen_mean": None}
    text = render_report(result, CHARTER)
    page = Page(text)
    assert page.row("table-errors", "LabSync-Mean")[:2] == ["–", "–"]
    assert "table-regimes" not in page.tables
    charts = [value for _, name, value in page.attributes if name == "data-figure"]
    assert charts == ["glance"]


def test_a_scenario_without_curves_cannot_be_chosen_and_the_next_one_is_drawn() -> None:
    result = made_result(scenarios=("isolated", "fedavg", "vertical"), algorithm="isolated")
    for engine in result["engines"]:
        del engine["filtered"]["isolated"], engine["raw"]["isolated"]
    page = Page(render_report(result, CHARTER))
    offered = [value for tag, name, value in page.attributes if tag == "option" and name == "value"]
    assert offered[:3] == ["fedavg", "vertical", ""]


def test_every_chart_has_a_text_that_names_what_it_shows() -> None:
    page = page_of()
    texts = [value for tag, name, value in page.attributes if tag == "div" and name == "aria-label" and value]
    for title in TITLES.values():
        assert any(title in text for text in texts)
    assert page.tags.count("caption") == len(page.tables)


def test_every_table_heading_has_a_scope() -> None:
    page = page_of()
    assert page.tags.count("th") == len([a for a in page.attributes if a[0] == "th" and a[1] == "scope"])


def test_labels_are_gathered_into_at_most_14_ranges_and_none_is_lost() -> None:
    result = made_result()
    table = label_table(result)
    assert table.heads[0] == "0"
    assert table.heads[-1] == "120"
    assert len(table.heads) == 13
    party = result["parties"]["party-1"]
    at_cap = dict(map(tuple, party["labels"]))[120] / party["rows"]
    assert table.rows[0].cells[-1].text == f"{at_cap * 100:.0f}"


@given(st.floats(0.5, 5000), st.integers(2, 400))
def test_label_ranges_stay_few_for_any_cap(cap: float, bins: int) -> None:
    labels = [[cap * i / bins, 5] for i in range(bins)] + [[cap, 100]]
    result = made_result(parties=("one",), scenarios=("labsync_mean",), label_cap=cap)
    result["parties"]["one"]["labels"] = labels
    assert len(label_table(result).heads) <= 15


def test_the_sensor_table_has_a_dot_where_a_party_owns_the_sensor() -> None:
    result = made_result()
    table = sensor_table(result)
    for row in table.rows:
        owned = [sensor for sensor, cell in zip(table.heads, row.cells, strict=True) if cell.dot]
        assert owned == result["parties"][row.head]["sensors"]


def test_charts_use_one_colour_per_scenario_and_only_colours_of_the_palette() -> None:
    result = made_result()
    figures = [glance_figure(result), rounds_figure(result), party_figure(result), *engine_figures(result)]
    for figure in figures:
        tokens = {t for option in figure.options.values() for t in _strings(option) if t.startswith("$")}
        assert {token[1:] for token in tokens} <= set(PALETTE)
        for option in figure.options.values():
            for series in option["series"]:
                if series.get("name") in TITLES.values():
                    assert title_of(series["itemStyle"]["color"][1:]) == series["name"]


def test_the_chart_of_rounds_cuts_the_untrained_start_and_offers_it_whole() -> None:
    options = rounds_figure(made_result()).options
    assert list(options) == ["error", "error from round 0", "training loss"]
    assert options["error"]["yAxis"]["max"] < 30
    assert "max" not in options["error from round 0"]["yAxis"]


def test_the_party_chart_draws_the_joined_line_only_for_a_joined_reading() -> None:
    joined = party_figure(made_result()).options["all-cycle"]["series"]
    assert joined[-1]["markLine"]["data"] == [{"xAxis": 14.76}]
    shared = party_figure(made_result(algorithm="fedavg")).options["all-cycle"]["series"]
    assert [s["name"] for s in shared] == ["Isolated", "FedAvg"]
    assert not any("markLine" in s for s in shared)


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (968, "968 B"), (999.6, "1.00 kB"), (48_400, "48.4 kB"), (999_600, "1.00 MB"), (None, "–")],
)
def test_sizes_have_three_digits_and_a_decimal_unit(count: float | None, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(14.756, "14.76"), (2604.4, "2,604"), (float("inf"), "–"), (True, "–"), ("7", "–")]
)
def test_numbers_that_are_none_are_dashes(value: object, shown: str) -> None:
    assert number(value) == shown


def test_the_charting_library_is_the_one_that_its_version_file_names() -> None:
    library = (STATIC / "echarts.common.min.js").read_bytes()
    version = (STATIC / "VERSION").read_text()
    assert len(library) < 1_000_000
    assert hashlib.sha256(library).hexdigest() in version
    assert "Apache License" in (STATIC / "LICENSE").read_text()
    assert "Apache ECharts" in (STATIC / "NOTICE").read_text()


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from _strings(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _strings(value)
    elif isinstance(node, str):
        yield node


@pytest.mark.parametrize("secrecy", ["masked", "shared", "encrypted", "open"])
def test_the_page_says_what_the_members_accept_to_be_shown(secrecy: str) -> None:
    page = render_report(made_result() | {"secrecy": secrecy}, "")
    assert f"<strong>{secrecy}</strong>" in page
    assert ("shown in clear" in page) == (secrecy == "open")
    assert ("The coordinator reads what each party sends" in page) == (secrecy == "open")
    assert ("sums of at least 3 parties" in page) == (secrecy != "open")


def test_sensors_that_too_few_parties_have_are_named() -> None:
    made = made_result()
    plain = render_report(made, "")
    made["scenarios"]["fedavg"]["unsummed"] = ["s7", "s12"]
    assert "Not summed under FedAvg, as too few parties have it: s7, s12." in render_report(made, "")
    assert "Not summed under" not in plain
