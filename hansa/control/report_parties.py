"""Which parties a report shows one by one: all while they are few, else the worst, the middle, the best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hansa.control.report_words import figure_at, headline_protocol, title_of

MOST_SHOWN = 40
_OF_EACH = 5  # worst, middle and best parties, where they are more than can be read


def shown_parties(result: Mapping[str, Any]) -> dict[str, str]:
    """Return the parties that tables show, and what each stands for: worst, middle, best or nothing.

    Parties are ranked by their solo RMSE under the trained scenario, ties by how few rows they have.
    """
    names = list(result["parties"])
    if not are_many(result):
        return dict.fromkeys(names, "")
    solos = (result["scenarios"].get(result["algorithm"]) or {}).get("parties") or {}
    protocol = headline_protocol(result)

    def rank(name: str) -> tuple[float, float]:
        error = figure_at(solos, name, protocol, "rmse")
        return (-math.inf if error is None else -error, figure_at(result["parties"], name, "rows") or 0.0)

    ranked = sorted(names, key=rank)  # the worst first
    middle = (len(ranked) - _OF_EACH) // 2
    return (
        dict.fromkeys(ranked[:_OF_EACH], "worst")
        | dict.fromkeys(ranked[middle : middle + _OF_EACH], "middle")
        | dict.fromkeys(ranked[-_OF_EACH:], "best")
    )


def are_many(result: Mapping[str, Any]) -> bool:
    """Return whether the parties are more than a page can show one by one."""
    return len(result["parties"]) > MOST_SHOWN


def many_note(result: Mapping[str, Any]) -> str:
    """Return which of many parties a table shows, as the end of its caption; nothing while all are shown."""
    if not are_many(result):
        return ""
    return (
        f" Of {len(result['parties']):,} parties the {_OF_EACH} worst, middle and best are shown, by error"
        f" alone under {title_of(result['algorithm'])}, ties by rows; result.json holds all."
    )
