"""A body that has arrived with its message."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Inside:
    """A seam's body whose bytes are at hand."""

    content: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """Return how many bytes it has."""
        return len(self.content)

    def read(self) -> bytes:
        """Return its bytes."""
        return self.content
