"""What was judged of a scenario, as plain values: what results, reports and each party's own file show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest, roster_digest
from hansa.judging.gate import Vote
from hansa.judging.verdicts import Verdict
from hansa.registry.folders import write_json, write_text
from hansa.runtime.earnings import Earnings
from hansa.runtime.judged import JudgedRounds


def judged_value(
    names: Sequence[str],
    rounds: JudgedRounds | None,
    earnings: Earnings | None,
    votes: Sequence[Vote] | None,
) -> dict[str, Any]:
    """Return verdicts, their sums by party, the rounds that changed nothing, shares, votes; what there is."""
    found: dict[str, Any] = {}
    if rounds is not None:
        memory = rounds.memory
        found["parties"] = {
            name: _summary([one for one in memory.verdicts if one.party == name]) for name in names
        }
        found["kept"] = list(memory.kept)
        found["checks"] = list(rounds.checks)
        found["verdicts"] = [_without_checks(one) for one in memory.verdicts]
        found["findings"] = [one.value() for one in memory.findings()]
    if earnings is not None:
        verdicts = rounds.memory.verdicts if rounds is not None else ()
        found["shares"] = earnings.found(found["findings"], verdicts)
    if votes is not None:
        found["votes"] = [one.value() for one in votes]
    return found


def value_of(found: Mapping[str, Any], party: str) -> dict[str, Any]:
    """Return what of a judged value is one party's own; votes are everybody's."""
    own: dict[str, Any] = {}
    if "parties" in found:
        own |= {name: found[name] for name in ("checks", "kept")}
        own["party"] = found["parties"].get(party, {})
        own["verdicts"] = [one for one in found["verdicts"] if one["party"] == party]
        own["findings"] = [one["sentence"] for one in found["findings"] if party in one["parties"]]
    if "shares" in found:
        shares = found["shares"]
        own["shares"] = shares.get("parties", {}).get(party, {})
        own["why"] = shares.get("why") or shares.get("unmeasured", "")
    return own | {name: found[name] for name in ("votes",) if name in found}


def judged_result(charter: Charter, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a coordinator's result.json holds of a run that was judged, beside how it ended."""
    more: dict[str, Any] = {}
    if charter.defence.rule != "none":
        more["defence"] = {key: getattr(charter.defence, key) for key in ("rule", "before", "bad")}
    if charter.task == "rul":
        more["label_cap"] = charter.data.label_cap
    name = charter.algorithm.name
    about = {"task": charter.task, "algorithm": name, "rounds_done": charter.rounds, "complete": True}
    return more | about | {"scenarios": {name: {"judged": dict(found)}}}


def keep_as_run(folder: Path, charter: Charter, text: str, run: str) -> None:
    """Keep what `hansa verdicts` and `hansa credits earn` know a run's folder by; nobody knows its data."""
    digests = {"charter_digest": charter_digest(charter), "roster_digest": roster_digest(charter)}
    write_text(folder / "charter.toml", text)
    write_json(folder / "run.json", {**digests, "run": run})


def _without_checks(verdict: Verdict) -> dict[str, Any]:
    value = verdict.value()
    del value["checks"]  # the same for all
    return value


def _summary(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return how often a party met each outcome, its mean share, and what it was rejected by."""
    outcomes = Counter(one.outcome for one in verdicts)
    reasons = Counter(one.by for one in verdicts if one.outcome == "rejected")
    share = float(np.mean([one.share for one in verdicts])) if verdicts else 0.0
    return {"outcomes": dict(outcomes), "share": share, "rejected_by": dict(reasons)}
