"""The tree of attack.json as a red team writes it, made without training."""

from __future__ import annotations

from typing import Any

from tests.control.made_result import NASTY

RULES = {"none": "No rule", "median": "Median", "nnm+krum": "Krum after NNM"}
ATTACKS = {
    "alie": {"title": "A little is enough", "kind": "updates", "what": "Bad.", "source": "X", "aim": ""},
    "nan": {"title": "Not a number", "kind": "broken numbers", "what": "Bad.", "source": "", "aim": ""},
    "backdoor": {"title": "Backdoor", "kind": "records", "what": "Bad.", "source": "Y", "aim": "backdoor"},
    "undervaluation": {"title": "Low", "kind": "records", "what": "Bad.", "source": "", "aim": "shift"},
}
LOSS = {
    ("none", "none"): 0.0, ("none", "alie"): 25.0, ("none", "nan"): None, ("none", "backdoor"): 1.0,
    ("none", "undervaluation"): 2.0,
    ("median", "none"): 0.5, ("median", "alie"): 12.0, ("median", "nan"): 1.5, ("median", "backdoor"): 1.0,
    ("median", "undervaluation"): -0.04,
    ("nnm+krum", "none"): 3.0, ("nnm+krum", "alie"): 1200.0, ("nnm+krum", "nan"): 3.25,
    ("nnm+krum", "backdoor"): 1.0, ("nnm+krum", "undervaluation"): 2.0,
}  # fmt: skip
AIMS = {
    ("none", "backdoor"): (0.96, 0.1), ("median", "backdoor"): (0.4, 0.1),
    ("nnm+krum", "backdoor"): (0.9, 0.2),
    ("none", "undervaluation"): (-8.0, None), ("median", "undervaluation"): (-0.5, None),
}  # fmt: skip


def made_attack(**changes: Any) -> dict[str, Any]:
    """Return the tree; changes: of its top level."""
    found: dict[str, Any] = {
        "charter": "seven", "dataset": "simulated", "task": "rul", "label_cap": 120.0, "time_unit": "cycles",
        "algorithm": "fedavg", "rounds": 10, "secrecy": "open", "seed": 7, "charter_digest": "ab" * 32,
        "partition": "horizontal", "bad": ["party-3", NASTY], "rules": RULES, "attacks": ATTACKS,
        "rules_left_out": {"bulyan": "bulyan needs 11 parties"}, "attacks_left_out": {}, "complete": True,
        "pattern": ["s2", "s3"], "undervalued": "regime 6",
        "outcomes": [_outcome(rule, attack, loss) for (rule, attack), loss in LOSS.items()],
    }  # fmt: skip
    return found | changes


def _outcome(rule: str, attack: str, loss: float | None) -> dict[str, Any]:
    aim, before = AIMS.get((rule, attack), (None, None))
    told = {} if loss is None else {"all_cycle": loss, "last_cycle": 2 * loss}
    return {
        "rule": rule, "attack": attack, "touched": ["party-3", NASTY],
        "figures": {protocol: 10 * (1 + value / 100) for protocol, value in told.items()}, "loss": told,
        "broke": 0 if told else 4, "why": "" if told else "its training left the finite numbers",
        "bad": None if rule == "none" else {"rejected": 0.75, "less": 0.25},
        "others": None if rule == "none" else {"rejected": 0.0, "less": 0.5},
        "accused": ["party-3", "party-9"] if attack == "alie" else [], "stayed": 2, "aim": aim,
        "aim_before": before,
    }  # fmt: skip
