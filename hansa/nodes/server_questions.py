"""The steps of one protected sum that servers beside the coordinator are asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hansa.core import codec
from hansa.nodes.asking import Asking


class ServerQuestions:
    """What is asked of servers in one sum."""

    def __init__(
        self, asking: Asking, round_: int, why: Mapping[str, Any], number: int, numbers: int
    ) -> None:
        """Take what the sum is for; round_: at work. number: of its first step. numbers: of a term."""
        self._asking, self._why = asking, why
        self._first = {"number": number, "numbers": numbers, "round": why["round"], "model": why["model"]}
        if asking.round != round_:
            asking.begin(round_)

    def begin(self, stage: str, beside: Mapping[str, Mapping[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        """Yield each server's answer to the first stage; beside: the sealed messages that each gets."""
        questions = {name: codec.encode(self._first | {"told": dict(one)}) for name, one in beside.items()}
        yield from self._asking.ask(f"{self._why['kind']}/{stage}", questions)

    def ask(self, stage: str, told: Mapping[str, Mapping[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        """Yield each server's answer to a later stage; told: the sealed messages that each gets."""
        questions = {name: codec.encode({"told": dict(one)}) for name, one in told.items()}
        yield from self._asking.ask(f"{self._why['kind']}/{stage}", questions)
