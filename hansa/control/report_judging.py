"""What was judged of each party: tables and sentences for the report, lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hansa.control.report_fairness import listed
from hansa.control.report_parties import shown_parties
from hansa.control.report_tables import Cell, Row, Table
from hansa.control.report_words import ordered, title_of
from hansa.core.defences import DEFENCES
from hansa.judging.verdicts import ACCEPTED, LESS, REJECTED

_OUTCOMES = (ACCEPTED, LESS, REJECTED)


def judging_tables(result: Mapping[str, Any]) -> list[Table]:
    """Return one table a scenario that was judged: how often each party met each outcome."""
    return [
        _table(result, name, found["parties"])
        for name, found in _judged(result).items()
        if found.get("parties")
    ]


def share_tables(result: Mapping[str, Any]) -> list[Table]:
    """Return one table a scenario whose parties are paid: shares, their intervals and credits."""
    return [
        _shares(result, name, found["shares"]["parties"])
        for name, found in _judged(result).items()
        if found.get("shares", {}).get("parties")
    ]


def judging_words(result: Mapping[str, Any]) -> list[str]:
    """Return what was found, a sentence each: the rule, who was rejected, unchanged rounds, votes."""
    said = list(_rule_words(result))
    for name, found in _judged(result).items():
        said += [f"{title_of(name)}: {one}" for one in _found_words(found)]
    return said


def verdict_lines(result: Mapping[str, Any], party: str) -> Iterator[str]:
    """Yield every verdict on a party, scenario by scenario and round by round."""
    for name, found in _judged(result).items():
        own = [one for one in found.get("verdicts", ()) if one["party"] == party]
        if not own:
            continue
        yield f"{title_of(name)}: what could be checked: {', '.join(found['checks'])}."
        for one in own:
            yield f"round {one['round']}: {one['outcome']}, {one['share']:.1%} of the sum: {one['reason']}"


def _judged(result: Mapping[str, Any]) -> dict[str, Any]:
    found = result["scenarios"]
    return {name: found[name]["judged"] for name in ordered(found) if found[name].get("judged")}


def _rule_words(result: Mapping[str, Any]) -> Iterator[str]:
    choice = result.get("defence")
    if not choice:
        return
    rule = DEFENCES[choice["rule"]]
    first = {
        "none": "",
        "nnm": ", after each update became the mean of its nearest",
        "arc": ", after clipping",
    }
    bears = f", meant to bear {choice['bad']} bad parties" if choice["rule"] != "mean" else ""
    yield f"Updates are weighed by {choice['rule']} ({rule.source}){first[choice['before']]}{bears}."


def _found_words(found: Mapping[str, Any]) -> Iterator[str]:
    yield from _rejections(found)
    yield from _kept(found)
    for one in found.get("findings", ()):
        yield one["sentence"]
    yield from _votes(found)
    yield from _payment(found.get("shares", {}))


def _payment(shares: Mapping[str, Any]) -> Iterator[str]:
    if "unmeasured" in shares:
        yield f"what each party brought is not measured: {shares['unmeasured']}."
        return
    if not shares:
        return
    parties = shares["parties"]
    least = min(parties, key=lambda name: parties[name]["share"])
    most = max(parties, key=lambda name: parties[name]["share"])
    yield (
        f"over {len(shares['rounds'])} rounds {most} brought most, {parties[most]['share']:.1%} of all, and "
        f"{least} least, {parties[least]['share']:.1%}. {shares['why']}"
    )
    if "note" in shares:
        yield shares["note"]


def _rejections(found: Mapping[str, Any]) -> Iterator[str]:
    for party, one in found.get("parties", {}).items():
        if one["rejected_by"]:
            times = ", ".join(f"{count} by {check}" for check, count in one["rejected_by"].items())
            yield f"{party} was rejected {one['outcomes'][REJECTED]} times: {times}."


def _kept(found: Mapping[str, Any]) -> Iterator[str]:
    if found.get("kept"):
        rounds = listed([str(one) for one in found["kept"]])
        yield f"too few parties were left in rounds {rounds}: the last model stayed."


def _votes(found: Mapping[str, Any]) -> Iterator[str]:
    votes = found.get("votes", ())
    if not votes:
        return
    failed = [one for one in votes if not one["promoted"]]
    yield f"parties voted {len(votes)} times, and {len(votes) - len(failed)} models were adopted."
    for one in failed:
        noes = listed(one["noes"]) if one["noes"] else "nobody"
        yield f"the model of round {one['round']} was not adopted: {noes} voted against it."


def _table(result: Mapping[str, Any], scenario: str, parties: Mapping[str, Any]) -> Table:
    shown = [name for name in shown_parties(result) if name in parties]
    return Table(
        name=f"judged-{scenario}",
        caption=f"{title_of(scenario)}: in how many rounds each party's update was accepted, counted for "
        "less than an even part, or was rejected; and its mean share of the sum. Each verdict, with its "
        "reason: hansa verdicts OUT --party NAME.",
        corner="Party",
        heads=("accepted", "down-weighted", "rejected", "share (%)"),
        rows=tuple(Row(name, _cells(parties[name])) for name in shown),
    )


def _shares(result: Mapping[str, Any], scenario: str, parties: Mapping[str, Any]) -> Table:
    shown = [name for name in shown_parties(result) if name in parties]
    most = max(max(one["share"], 0.0) for one in parties.values()) or 1.0
    return Table(
        name=f"shares-{scenario}",
        caption=f"{title_of(scenario)}: each party's share of what all brought (%), by the assets that the "
        "others keep back, its 95 % interval over rounds, and its credits.",
        corner="Party",
        heads=("share (%)", "from", "to", "credits"),
        rows=tuple(Row(name, _share_cells(parties[name], most)) for name in shown),
    )


def _share_cells(one: Mapping[str, Any], most: float) -> tuple[Cell, ...]:
    ends = (f"{100 * one[end]:.1f}" for end in ("lower", "upper"))
    share = Cell(f"{100 * one['share']:.1f}", bar=max(one["share"], 0.0) / most)
    return (share, *(Cell(text) for text in ends), Cell(f"{one['credits']:,}"))


def _cells(one: Mapping[str, Any]) -> tuple[Cell, ...]:
    counts: Sequence[int] = [one["outcomes"].get(outcome, 0) for outcome in _OUTCOMES]
    return (*(Cell(f"{count:,}") for count in counts), Cell(f"{100 * one['share']:.1f}"))
