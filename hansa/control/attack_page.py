"""What a red team found as one HTML page that opens offline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hansa.control import attack_words
from hansa.control.attack_words import NONE, Tree, aim_text, loss, loss_text, outcome
from hansa.control.page import render_page
from hansa.control.report_tables import Cell, Row, Table
from hansa.control.report_words import figure_at
from hansa.control.yardstick import yardstick

_DARKEST = 100.0  # percent of loss


def render_attacks(found: Tree) -> str:
    """Return the page; found: the tree of attack.json."""
    by = yardstick(found)
    shown = {
        "found": found,
        "words": attack_words,
        "by": by,
        "heat": heat_table(found),
        "rules": [(title, rule_table(found, rule)) for rule, title in found["rules"].items()],
    }
    return render_page("attacks.html.j2", [], shown)


def heat_table(found: Tree) -> Table:
    """Return the loss of every attack under every rule, the darker the worse."""
    rules = list(found["rules"])
    rows = []
    for name, title in _named(found).items():
        losses = [loss(found, rule, name) for rule in rules]
        note = found["attacks"][name]["kind"] if name != NONE else ""
        rows.append(Row(title, tuple(Cell(loss_text(one), shade=_shade(one)) for one in losses), note))
    return Table(
        name="losses",
        caption=f"Loss in percent: {attack_words.measured(found)}. Broke: the model left the finite numbers.",
        corner="Attack",
        heads=tuple(found["rules"][rule] for rule in rules),
        rows=tuple(rows),
        upright=len(rules) > 6,
    )


def rule_table(found: Tree, rule: str) -> Table:
    """Return what came of every attack under one rule, with the verdicts on parties."""
    rows = []
    for name, title in _named(found).items():
        one = outcome(found, rule, name)
        if one is None:
            continue
        value = loss(found, rule, name)
        verdicts = [figure_at(one[side] or {}, kind) for side in ("bad", "others") for kind in _KINDS]
        told = [Cell("–" if share is None else f"{100 * share:.0f} %") for share in verdicts]
        round_ = f"broke in round {one['broke']}" if one["broke"] else ""
        cells = (Cell(loss_text(value), shade=_shade(value)), *told, *_accused(one))
        rows.append(Row(title, (*cells, Cell(str(one["stayed"])), Cell(aim_text(found, one))), round_))
    return Table(
        name=f"rule-{rule.replace('+', '-')}",
        caption=f"{found['rules'][rule]}: loss; the share of updates that a verdict rejected or counted below"
        " an even part; how many parties the angles of all rounds accuse of riding free or of faulty records."
        " Kept: rounds in which too few updates were left, so that the last model stayed.",
        corner="Attack",
        heads=("loss, %", "rejected", "less", "rejected", "less", "bad", "others", "kept", "own aim"),
        rows=tuple(rows),
        groups=(("", 1), ("Of bad parties", 2), ("Of the others", 2), ("Accused", 2), ("", 2)),
        starts=(0, 1, 3, 5, 7),
    )


_KINDS = ("rejected", "less")


def _accused(one: Tree) -> tuple[Cell, Cell]:
    """Return how many parties touched are accused, and how many of the others."""
    touched = sum(name in one["touched"] for name in one["accused"])
    return Cell(str(touched)), Cell(str(len(one["accused"]) - touched))


def _named(found: Tree) -> Mapping[str, Any]:
    """Return the titles of no attack and of every attack."""
    return {NONE: "No attack"} | {name: one["title"] for name, one in found["attacks"].items()}


def _shade(value: float | None) -> int:
    """Return how dark a loss is, 0 to 8, by its logarithm from 1 % on; -1 where there is none."""
    if value is None:
        return -1
    if value < 1.0:
        return 0
    return min(8, 1 + round(7.0 * math.log(min(value, _DARKEST)) / math.log(_DARKEST)))
