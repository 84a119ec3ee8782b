"""The one seam between a coordinator and its parties: a step's questions out, answers back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

Answer = Callable[[str, bytes], bytes]
"""What a party makes of a step's question. It gives a step's answer again, to the byte, when it is asked
again. What it refuses it raises as a HansaError."""


LARGEST_BODY = 1 << 30
"""Bytes of a question or an answer that a coordinator and its parties carry."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A party's refusal, in its own sentence."""

    why: str


class Body(Protocol):
    """A party's answer, which may still lie where the party put it."""

    @property
    def size(self) -> int:
        """Return how many bytes it has."""

    def read(self) -> bytes:
        """Return its bytes; raises MessageError where they are not those that the party signed for."""


class Questions(Protocol):
    """Questions that are under way, one at a time to each party, of one step or of several."""

    @property
    def missing(self) -> Sequence[str]:
        """Return who has not answered and may yet."""

    def ask(self, step: str, questions: Mapping[str, bytes]) -> None:
        """Ask parties a step's questions; what they were asked before is waited for no more."""

    def heard(self, seconds: float) -> Sequence[tuple[str, Body | Refusal]]:
        """Return what has come, as soon as there is something; seconds: after which it returns anyway."""


class Transport(Protocol):
    """The coordinator's side."""

    def exchange(
        self, step: str, questions: Mapping[str, bytes], seconds: float
    ) -> dict[str, Body | Refusal]:
        """Ask each party its question; return what came back in time, in the order of the questions.

        step: names the exchange within the run; asked again, it brings the same answers. seconds: after
        which who has not answered is left out. Nobody gets another's question or sees another's answer.
        """

    def asking(self, seconds: float) -> AbstractContextManager[Questions]:
        """Open questions of several steps, for so many seconds; a step brings what it brought before."""
