"""The tables of a run's report as records, ready for one template macro."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hansa.control.report_parties import many_note, shown_parties
from hansa.control.report_words import (
    figure_at,
    is_figure,
    number,
    ordered,
    plain,
    presumes,
    size,
    solo,
    title_of,
)
from hansa.control.yardstick import Yardstick, yardstick

REFERENCE = "centralised"
"""The scenario that no partition can have; it takes no part when the best value is marked."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a table."""

    text: str
    best: bool = False
    shade: int = -1  # 0 to 8 for a cell of a heat table; -1: none
    bar: float = -1.0  # 0 to 1, length of the bar under the value; -1: none
    dot: bool | None = None  # whether the thing is there; None: the cell shows its text


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its heading, a second line in small print and its cells."""

    head: str
    cells: tuple[Cell, ...]
    note: str = ""
    scenario: str = ""  # the scenario whose colour marks the row
    trained: bool = False  # whether it is the scenario that the charter trains


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `groups` stand above `heads`; their spans sum to the number of heads."""

    name: str
    caption: str
    corner: str  # heading of the first column
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    groups: tuple[tuple[str, int], ...] = ()
    upright: bool = False  # headings of long names stand on end
    starts: tuple[int, ...] = ()  # columns that begin a group


def error_table(result: Mapping[str, Any]) -> Table:
    """Return every scenario's own figures, the best marked; lives under both protocols, filtered and raw."""
    by = yardstick(result)
    paths = _error_paths() if by.filters else _figure_paths(by)
    names, scenarios = ordered(result["scenarios"]), result["scenarios"]
    columns = [[figure_at(scenarios[name], *path) for name in names] for path in paths]
    cells = marked_cells(columns, names, by, [path[-1] in by.task.measures for path in paths])
    rows = tuple(
        Row(title_of(name), line, _reading(result, name), name, name == result["algorithm"])
        for name, line in zip(names, cells, strict=True)
    )
    return Table(
        name="errors",
        caption=f"{_figures_caption(by)} {_in_bold(by)}",
        corner="Scenario, its reading and what it presumes",
        heads=tuple(_measure_head(by, path[-1]) for path in paths),
        rows=rows,
        groups=_ERROR_GROUPS if by.filters else (),
        starts=(0, 2, 4, 7) if by.filters else (),
    )


def solo_table(result: Mapping[str, Any]) -> Table:
    """Return the least, mean and largest solo figure over the parties, per scenario and protocol."""
    names, by = _with_parties(result), yardstick(result)
    columns: list[list[float | None]] = []
    for protocol in by.protocols:
        solos = [solo(result, name, protocol) for name in names]
        columns += [[min(s, default=None) for s in solos], [_mean(s) for s in solos]]
        columns += [[max(s, default=None) for s in solos]]
    cells = marked_cells(columns, names, by)
    return Table(
        name="solo",
        caption=f"One party's model alone (solo), {by.described} over the parties:"
        f" what a party has where assets are not shared. {_in_bold(by)}",
        corner="Scenario",
        heads=("lowest", "mean", "highest") * len(by.protocols),
        rows=tuple(
            Row(title_of(name), line, "", name, name == result["algorithm"])
            for name, line in zip(names, cells, strict=True)
        ),
        groups=tuple((f"{title.capitalize()}, solo", 3) for title in by.protocols.values()),
        starts=tuple(range(0, 3 * len(by.protocols), 3)),
    )


def cost_table(result: Mapping[str, Any]) -> Table:
    """Return what one party sent and received on average, and the time, per scenario."""
    names = ordered(result["scenarios"])
    keys = ("bytes_up", "array_bytes_up", "bytes_down", "array_bytes_down")
    rows = []
    for name in names:
        scenario = result["scenarios"][name]
        parties = list((scenario.get("parties") or {}).values())
        means = [_mean([b for p in parties if (b := figure_at(p, key)) is not None]) for key in keys]
        seconds = Cell(number(figure_at(scenario, "seconds"), 1))
        if name == REFERENCE:  # records that are pooled are not sent as messages
            means = [None] * len(keys)
        cells = (*(Cell(size(mean)) for mean in means), seconds)
        rows.append(Row(title_of(name), cells, "", name, name == result["algorithm"]))
    return Table(
        name="cost",
        caption="Traffic of one party over the whole run (mean over the parties) and computing time. Framed:"
        " the messages as sent; arrays: the numbers in them alone.",
        corner="Scenario",
        heads=("framed", "arrays", "framed", "arrays", "seconds"),
        rows=tuple(rows),
        groups=(("Sent by a party", 2), ("Received by a party", 2), ("Time", 1)),
        starts=(0, 2, 4),
    )


def traffic_table(result: Mapping[str, Any]) -> Table:
    """Return the bytes of every party under the trained scenario."""
    parties = result["scenarios"].get(result["algorithm"], {}).get("parties") or {}
    keys = ("bytes_up", "array_bytes_up", "bytes_down", "array_bytes_down")
    rows = tuple(
        Row(name, tuple(Cell(size(figure_at(parties[name], key))) for key in keys), note)
        for name, note in shown_parties(result).items()
        if name in parties
    )
    return Table(
        name="traffic",
        caption=f"Traffic of each party under {title_of(result['algorithm'])}, the whole run."
        + many_note(result),
        corner="Party",
        heads=("framed", "arrays", "framed", "arrays"),
        rows=rows,
        groups=(("Sent", 2), ("Received", 2)),
        starts=(0, 2),
    )


def party_table(result: Mapping[str, Any], protocol: str) -> Table:
    """Return the solo figure of every party under every scenario, the best of a party marked."""
    names, by = _with_parties(result), yardstick(result)
    shown = shown_parties(result)
    columns = [
        [figure_at(result["scenarios"][n]["parties"], party, protocol, by.key) for n in names]
        for party in shown
    ]  # one list per party, so that the best of a party is marked
    cells = zip(*marked_cells(columns, names, by), strict=True)
    rows = tuple(
        Row(party, tuple(line), note) for (party, note), line in zip(shown.items(), cells, strict=False)
    )
    return Table(
        name=f"parties-{protocol}",
        caption=f"Each party's model alone, {by.protocols[protocol]}, {by.described}."
        f" {_in_bold(by, 'party')}" + many_note(result),
        corner="Party",
        heads=tuple(title_of(name) for name in names),
        rows=rows,
    )


def holdings_table(result: Mapping[str, Any]) -> Table:
    """Return what every party holds: assets, rows, sensors and, but for prices, what became of them."""
    parties, outcome = result["parties"], _OUTCOMES.get(yardstick(result).name)
    most = max((figure_at(p, "rows") or 0.0 for p in parties.values()), default=0.0)
    total = sum(figure_at(p, "rows") or 0.0 for p in parties.values())
    by_column = [str(result["dealt_by"])] if "dealt_by" in result else []
    rows = []
    for name, note in shown_parties(result).items():
        party = parties[name]
        count = figure_at(party, "rows") or 0.0
        share = f"{count / total:.1%}" if total else "–"
        cells = (
            Cell(plain(figure_at(party, "assets"))),
            Cell(f"{count:,.0f}", bar=count / most if most else 0.0),
            Cell(share),
            Cell(str(len(party.get("sensors") or ()))),
        )
        ending = (Cell(plain(outcome[2](party))),) if outcome else ()
        dealt = tuple(Cell(_some(party.get("dealt") or ())) for _ in by_column)
        rows.append(Row(name, cells + ending + dealt, note))
    return Table(
        name="holdings",
        caption="What each party brought to training." + (outcome[1] if outcome else "") + many_note(result),
        corner="Party",
        heads=("assets", "rows", "share of rows", "sensors", *((outcome[0],) if outcome else ()), *by_column),
        rows=tuple(rows),
    )


def _some(values: Sequence[str]) -> str:
    return ", ".join(values[:3]) + (f" and {len(values) - 3} more" if len(values) > 3 else "")


def regime_table(result: Mapping[str, Any]) -> Table:
    """Return the share of each party's rows per operating regime; without heads where there is only one."""
    parties = result["parties"]
    regimes = max((len(p.get("regime_share") or ()) for p in parties.values()), default=0)
    rows = []
    for name, note in shown_parties(result).items():
        shares = [s for s in parties[name].get("regime_share") or () if is_figure(s)]
        padded = shares + [0.0] * (regimes - len(shares))
        rows.append(Row(name, shade_shares(padded), note))
    return Table(
        name="regimes",
        caption="Operating regimes: share of a party's rows (%)." + many_note(result),
        corner="Party",
        heads=tuple(f"regime {i + 1}" for i in range(regimes) if regimes > 1),
        rows=tuple(rows),
    )


def sensor_table(result: Mapping[str, Any]) -> Table:
    """Return which sensors each party owns, a dot for each."""
    parties = result["parties"]
    every = list(dict.fromkeys(s for p in parties.values() for s in p.get("sensors") or ()))
    every.sort(key=_by_trailing_number)
    rows = tuple(
        Row(
            name,
            tuple(Cell("", dot=sensor in (parties[name].get("sensors") or ())) for sensor in every),
            note,
        )
        for name, note in shown_parties(result).items()
    )
    return Table(
        name="sensors",
        caption="Sensors: a filled dot where the party owns the sensor." + many_note(result),
        corner="Party",
        heads=tuple(every),
        rows=rows,
        upright=any(len(sensor) > 4 for sensor in every),
    )


_ERROR_GROUPS = (
    ("All-cycle, filtered", 2),
    ("All-cycle, raw", 2),
    ("Last-cycle, filtered", 3),
    ("Last-cycle, raw", 3),
)

_OUTCOMES: Mapping[str, tuple[str, str, Callable[[Mapping[str, Any]], float | None]]] = {
    "rul": (
        "not failed",
        " Not failed: assets that were not seen until they failed.",
        lambda party: figure_at(party, "censored_assets"),
    ),
    "failure": (
        "failed rows",
        "",
        lambda party: sum(count for failed, count in party.get("labels") or () if failed),
    ),
}
"""What became of a party's assets, by task: the heading, the end of the caption, the figure."""


def marked_cells(
    columns: Sequence[Sequence[float | None]],
    names: Sequence[str],
    by: Yardstick,
    judged: Sequence[bool] = (),
) -> list[tuple[Cell, ...]]:
    """Return one row of cells per name from columns of figures; ties at the digits shown are all marked.

    judged: whether the best of a column is marked; empty: of every one.
    """
    rivals, digits = [i for i, name in enumerate(names) if name != REFERENCE], by.task.digits
    marked = []
    for column, marks in zip(columns, judged or [True] * len(columns), strict=True):
        found = [round(v, digits) for i in rivals if (v := column[i]) is not None]
        best = by.best(found) if marks and len(found) > 1 else None
        marked.append(
            [
                Cell(number(v, digits), best=i in rivals and v is not None and round(v, digits) == best)
                for i, v in enumerate(column)
            ]
        )
    return [tuple(line) for line in zip(*marked, strict=True)]


def _error_paths() -> tuple[tuple[str, ...], ...]:
    all_cycle = tuple(("all_cycle", *raw, m) for raw in ((), ("raw",)) for m in ("rmse", "mae"))
    last_cycle = tuple(("last_cycle", *raw, m) for raw in ((), ("raw",)) for m in ("rmse", "mae", "nasa"))
    return all_cycle + last_cycle


def _figure_paths(by: Yardstick) -> tuple[tuple[str, ...], ...]:
    names = (*by.task.measures, *(("threshold",) if by.task.classes else ()))
    return tuple((protocol, name) for protocol in by.protocols for name in names)


def _figures_caption(by: Yardstick) -> str:
    if by.filters:
        return f"Error of each scenario's own figure, in {by.unit} (NASA score: no unit, a sum over engines)."
    return "Each scenario's own figures on the test."


def _in_bold(by: Yardstick, group: str = "column") -> str:
    return f"{by.extreme.capitalize()} of each {group} in bold, the pooled reference left out."


def _measure_head(by: Yardstick, measure: str) -> str:
    if by.filters or measure not in by.task.measures:
        return measure.upper() if by.filters else measure
    unit = by.units[measure]
    return by.task.measures[measure].title + (f", {unit}" if unit else "")


def _with_parties(result: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(n for n in ordered(result["scenarios"]) if result["scenarios"][n].get("parties"))


def _reading(result: Mapping[str, Any], name: str) -> str:
    reading = result["scenarios"][name].get("reading", "")
    presumed = presumes(name, result["partition"])
    return f"{reading}; presumes {presumed}" if presumed else reading


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def shade_shares(values: Sequence[float]) -> tuple[Cell, ...]:
    """Return percentages with nine shades; a share of a quarter or more has the darkest."""
    total = sum(values)
    shares = [value / total if total else 0.0 for value in values]
    return tuple(Cell(_percent(s), shade=min(8, round((s / 0.25) ** 0.75 * 8))) for s in shares)


def _percent(share: float) -> str:
    if share == 0:
        return "0"
    return "<1" if share < 0.01 else f"{share * 100:.0f}"


def _by_trailing_number(sensor: str) -> tuple[str, float, str]:
    stem = sensor.rstrip("0123456789")
    return (stem, float(sensor[len(stem) :] or 0), sensor)
