"""Who is waited for, said in words once for each change."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from hansa.core.steps import Step, step_of


class Waiting:
    """What a coordinator says of who has not answered, however often they are asked again."""

    def __init__(self, rounds: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the rounds of the run; clock: in seconds."""
        self._rounds, self._clock = rounds, clock
        self._since: dict[str, float] = {}  # when somebody was first missing, by what for
        self._said: dict[str, tuple[str, ...]] = {}

    def line(self, step: str, missing: Sequence[str]) -> str:
        """Return what to say of who is missing in a step; empty: that was said."""
        what, names, now = self._words(step_of(step)), tuple(missing), self._clock()
        since = self._since.setdefault(what, now)
        if self._said.get(what) == names:
            return ""
        self._said[what] = names
        lasts = f", for {now - since:.0f} s so far" if now - since >= 1.0 else ""
        return f"waiting for {', '.join(names)} {what}{lasts}"

    def _words(self, step: Step) -> str:
        if step.round == 0:
            return "to join" if step.kind == "join" else "before the first round"
        return f"in round {step.round}" if step.round <= self._rounds else "after the last round"
