"""Which parties a report shows one by one: all while they are few, else both ends and the middle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hansa.control.report_words import figure_at, title_of
from hansa.control.yardstick import yardstick

MOST_SHOWN = 40
_OF_EACH = 5  # parties of each group, where they are more than can be read
_BY_ERROR = ("worst", "middle", "best")
_BY_ROWS = ("fewest rows", "middle", "most rows")


def shown_parties(result: Mapping[str, Any]) -> dict[str, str]:
    """Return the parties that tables show, and what each stands for: nothing while all are shown.

    Parties are ranked by their solo figure under the trained scenario, ties by how few rows they have; one
    without a figure has no rank. Where the errors are equal or too few, all are ranked by their rows.
    """
    if not are_many(result):
        return dict.fromkeys(result["parties"], "")
    errors, rows = _errors(result), _rows(result)
    first, between, last = _BY_ERROR if errors else _BY_ROWS
    sign = 1.0 if yardstick(result).measure.higher else -1.0
    ranked = sorted(errors or rows, key=lambda name: (sign * errors.get(name, 0.0), rows[name]))
    middle = (len(ranked) - _OF_EACH) // 2
    return (
        dict.fromkeys(ranked[:_OF_EACH], first)
        | dict.fromkeys(ranked[middle : middle + _OF_EACH], between)
        | dict.fromkeys(ranked[-_OF_EACH:], last)
    )


def are_many(result: Mapping[str, Any]) -> bool:
    """Return whether the parties are more than a page can show one by one."""
    return len(result["parties"]) > MOST_SHOWN


def many_note(result: Mapping[str, Any]) -> str:
    """Return which of many parties a table shows, as the end of its caption; nothing while all are shown."""
    if not are_many(result):
        return ""
    count, trained = f"{len(result['parties']):,}", title_of(result["algorithm"])
    if _errors(result):
        by = yardstick(result)
        what = "error" if by.filters else by.title
        shown = f"{_OF_EACH} worst, middle and best are shown, by {what} alone under {trained}, ties by rows"
    else:
        shown = (
            f"{_OF_EACH} with the fewest, middling and most rows are shown, as their figures alone under"
            f" {trained} are equal or not known"
        )
    return f" Of {count} parties the {shown}; result.json holds all."


def _errors(result: Mapping[str, Any]) -> dict[str, float]:
    """Return the solo figure of the parties that have one; nothing where it cannot rank them."""
    solos = (result["scenarios"].get(result["algorithm"]) or {}).get("parties") or {}
    if not solos:  # of a run on machines apart, each party has its own
        return {}
    by = yardstick(result)
    found = {name: figure_at(solos, name, by.headline, by.key) for name in result["parties"]}
    errors = {name: error for name, error in found.items() if error is not None}
    return errors if len(errors) >= 3 * _OF_EACH and len(set(errors.values())) > 1 else {}


def _rows(result: Mapping[str, Any]) -> dict[str, float]:
    parties = result["parties"]
    told = parties if isinstance(parties, Mapping) else dict.fromkeys(parties)  # machines apart tell names
    return {name: figure_at(one, "rows") or 0.0 for name, one in told.items()}
