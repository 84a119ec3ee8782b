"""The steps of one protected sum that all parties are asked, as its exchanges ask them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hansa.core import codec
from hansa.core.errors import MessageError
from hansa.nodes.asking import Asking

Take = Callable[[str, bytes], None]
"""Takes a party's message; raises MessageError for one that is none."""


class PartyQuestions:
    """What is asked of parties in one sum."""

    def __init__(self, asking: Asking, why: Mapping[str, Any], first: bytes) -> None:
        """Take what the sum is for; first: what each party is asked to add."""
        self._asking, self._why, self._first = asking, why, first

    def begin(self, stage: str, take: Take, beside: Mapping[str, bytes] | None = None) -> None:
        """Ask for the first stage; beside: what each party gets beside what it is asked to add."""
        told = {"of": self._first}
        if beside is None:
            questions = dict.fromkeys(self._asking.names, codec.encode(told))
        else:
            questions = {name: codec.encode(told | {"beside": one}) for name, one in beside.items()}
        self.ask(stage, questions, take)

    def ask(self, stage: str, questions: Mapping[str, bytes], take: Take) -> None:
        """Ask each party its question in a stage, and have the answers that arrive taken.

        Raises what `take` raises, of a party that no round goes on without, and what asking raises.
        """
        kind, counted = f"{self._why['kind']}/{stage}", []
        for name, body in self._asking.ask(kind, questions, all_of_them=not self._why["model"]):
            try:
                take(name, body)
            except MessageError as fault:
                if self._asking.drops(name, fault):
                    continue
                raise
            counted.append(name)
        self._asking.settle(counted)
