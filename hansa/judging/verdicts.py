"""What was found of one party's update in one round, as the party may read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

ACCEPTED, LESS, REJECTED = "accepted", "down-weighted", "rejected"

CHECKS: Mapping[str, tuple[str, ...]] = {
    "open": ("schema", "shape", "finite", "length", "replay", "commitment", "distance"),
    "shared": ("size", "length", "replay", "distance"),
}
"""What can be checked of one party's update under a level of secrecy; of masked sums there is no verdict."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One party's update of one round, judged."""

    round: int
    party: str
    outcome: str  # accepted, down-weighted or rejected
    share: float  # of the aggregate, 0 to 1
    reason: str  # in words
    by: str  # the check or the rule that found it
    checks: tuple[str, ...]  # what could be checked
    figures: Mapping[str, float] = field(default_factory=dict)  # what was measured

    def value(self) -> dict[str, Any]:
        """Return the plain value."""
        return asdict(self) | {"checks": list(self.checks), "figures": dict(self.figures)}

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Verdict:
        """Return the verdict of `value()`."""
        return cls(**{**value, "checks": tuple(value["checks"])})
