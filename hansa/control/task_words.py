"""What a report says of each task: how it is judged, what its figures mean, and what stands in its charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hansa.control.report_words import cap_note, figure_at, filter_name, number, plain, title_of
from hansa.control.yardstick import yardstick
from hansa.core.tasks import UNCHOSEN

Terms = tuple[tuple[str, str], ...]

_JOINED: Terms = (
    ("joined", "The mean of all parties' predictions for a row. It needs all parties' sensors on that row."),
    ("solo", "One party's model alone: what it really has when assets are not shared."),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """How a result was judged, for the page and the terminal."""

    title: str
    opening: str
    terms: Terms  # words and what they mean
    closing: str
    short: str  # one line of it


def judged(result: Mapping[str, Any]) -> Judged:
    """Return how the result's figures were taken."""
    return {"rul": _lives, "failure": _failures, "price": _prices}[yardstick(result).name](result)


def facts(result: Mapping[str, Any]) -> Terms:
    """Return what the task adds to a run's facts."""
    by = yardstick(result)
    if by.filters:
        cap = f"{plain(result['label_cap'])} {result['time_unit']}"
        return (("Label cap", cap), ("Filter", filter_name(result)))
    learned = (("Task", by.task.title),)
    threshold = figure_at(result["scenarios"], result["algorithm"], by.headline, "threshold")
    if threshold is None:
        return learned
    chosen = "" if threshold != UNCHOSEN else ", as too few assets failed or did not to choose it by"
    said = f"{number(threshold, by.task.digits)}{chosen}"
    return (*learned, (f"Threshold of {title_of(result['algorithm'])}", said))


def rounds_caption(result: Mapping[str, Any]) -> str:
    """Return what the chart of rounds shows."""
    by = yardstick(result)
    losses = "Losses of different scenarios have different formulas: compare their course, not their height."
    if by.filters:
        return (
            f"All-cycle filtered RMSE of each scenario's own figure after each round, in {by.unit} (the"
            f" paper's Figs. 7 and 9). {losses}"
        )
    better = "higher" if by.measure.higher else "lower"
    return f"{by.title} of each scenario's own figure after each round; {better} is better. {losses}"


def parties_caption(result: Mapping[str, Any], *, many: bool) -> str:
    """Return what the chart of parties shows; many: whether it is a histogram."""
    by = yardstick(result)
    if not by.filters:
        opening = "How many parties have which" if many else "The"
        return f"{opening} {by.title} {'with' if many else 'of'} each party's model alone."
    if many:
        return f"How many parties have which error with their model alone, filtered, in {by.unit}."
    return f"Error of each party's model alone, filtered, in {by.unit} (as in the paper's Table 10)."


def _lives(result: Mapping[str, Any]) -> Judged:
    terms = (
        (
            "(a) all-cycle",
            "Every row of every test engine; RMSE and MAE. Published figures come from cap-120 runs.",
        ),
        (
            "(b) last-cycle",
            "The last row of each test engine; RMSE, MAE and the NASA score, which punishes late warnings"
            " more than early ones. Published figures come from cap-125 runs.",
        ),
    )
    return Judged(
        "How errors are counted",
        "Every party is scored on all test engines, with its own sensors. Each figure is given raw and"
        f" filtered; filter: {filter_name(result)}.",
        terms + _JOINED,
        f"A run has one cap, for label and truth alike. {cap_note(result)}",
        "all-cycle: every test cycle. last-cycle: the last cycle of each test engine. "
        f"Filter: {filter_name(result)}.\n{cap_note(result)}",
    )


def _failures(_result: Mapping[str, Any]) -> Judged:
    terms = (
        (
            "AUPRC",
            "Area under precision over recall, when rows are ranked by their chance of failure. A perfect"
            " ranking has 1, a random one the share of rows that failed. No threshold enters it.",
        ),
        (
            "threshold",
            "The chance of failure from which on a row is said to fail. It is where MCC is largest on the"
            " validation assets, which are no part of the figures; each scenario and each party has its own.",
        ),
        ("MCC", "Matthews correlation of verdict and truth: 1 is always right, 0 no better than a guess."),
        (
            "F, failed and F, good",
            "The harmonic mean of precision and recall of the failed rows, and of the good ones; macro-F is"
            " the mean of both.",
        ),
        (
            "accuracy",
            "The share of verdicts that are right. Where failures are rare, never to warn has a high one.",
        ),
    )
    return Judged(
        "How failures are judged",
        "Every party is judged on all test assets but those that choose the threshold, with its own sensors."
        " In all figures higher is better, and 1 is the most.",
        terms + _JOINED,
        "",
        "AUPRC ranks rows by their chance of failure, and a random ranking has the share that failed. The"
        " other figures\nare of verdicts: a row is said to fail from the threshold on, which validation"
        " assets chose by MCC. Higher is better.",
    )


def _prices(result: Mapping[str, Any]) -> Judged:
    unit = f", in {result['price_unit']}" if result.get("price_unit") else ""
    terms = (
        (
            "RMSLE",
            "Root mean square of the difference in log(1 + price): a miss counts by its ratio, and 0.1 is"
            " about 10 % of a price.",
        ),
        ("MAE", f"Mean absolute error{unit}. Dear assets weigh most in it."),
        ("median miss", "Half of the predictions are nearer to the price than this share of it."),
    )
    return Judged(
        "How prices are judged",
        "Every party is judged on all test assets, with its own sensors. In all figures lower is better.",
        terms + _JOINED,
        "",
        "RMSLE: root mean square of the difference in log(1 + price), so that a miss counts by its ratio."
        "\nMedian miss: half of the predictions are nearer to the price. Lower is better.",
    )
