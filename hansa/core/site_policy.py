"""What one site allows beside the charter that it signed: a policy only narrows, it never widens.

Each check raises RefusedError naming the key of policy.toml that forbids. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from hansa.core.charter import Charter
from hansa.core.errors import RefusedError
from hansa.core.methods import BROUGHT

DAY_S = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class SitePolicy:
    """One site's policy, as its operator wrote it."""

    charters: tuple[str, ...] = ()  # digests; none: the charter that was joined
    algorithms: tuple[str, ...] = ()  # none: any
    own_code: tuple[str, ...] = ()  # digests of the members' own code that may run; none: no such code
    epsilon: float | None = None  # the most that this site would spend; no charter adds noise yet
    hours: tuple[str, ...] = ()  # HH:MM-HH:MM, when it answers; none: always
    bytes_per_day: int | None = None  # that may leave in one run
    threads: int | None = None  # that may compute
    amendments: str = "ask"  # ask, or countersign: who signs for a lawful change of members

    def check_charter(self, charter: Charter, joined: str) -> None:
        """Pass if this site may take part; joined: the digest of the charter that it signed."""
        if self.charters and joined not in self.charters:
            raise _forbidden("charters", f"does not list the charter that was joined, {joined}")
        name = charter.algorithm.name
        if self.algorithms and name not in self.algorithms:
            raise _forbidden("algorithms", f"does not list {name}")
        codes = {charter.network.model: charter.network.digest}
        if name in BROUGHT:
            codes[charter.algorithm.own] = charter.algorithm.digest
        for reference, digest in codes.items():
            if reference and digest not in self.own_code:
                raise _forbidden("own_code", f"does not list the code of {reference}, {digest}")

    def check_bytes(self, left_today: int, more: int) -> None:
        """Pass if so many more bytes may leave, after those that left today."""
        if self.bytes_per_day is not None and left_today + more > self.bytes_per_day:
            raise _forbidden(
                "bytes_per_day",
                f"is {self.bytes_per_day}; {left_today} bytes left today, and {more} more would",
            )

    def opens_in(self, now: datetime) -> float:
        """Return how many seconds it takes until this site answers; 0: it does now."""
        utc = now.astimezone(UTC)
        at = utc.hour * 3600 + utc.minute * 60 + utc.second + utc.microsecond / 1e6
        spans = [span_of(text) for text in self.hours]
        if not spans or any((at - first) % DAY_S < length for first, length in spans):
            return 0.0
        return min((first - at) % DAY_S for first, _ in spans)

    def words(self) -> Iterator[str]:
        """Yield what this site allows, as people read it."""
        yield f"Charters: {', '.join(self.charters) or 'the one that was joined'}."
        yield f"Algorithms: {', '.join(self.algorithms) or 'any that a signed charter names'}."
        yield f"Code of the members' own: {', '.join(self.own_code) or 'none'}."
        ceiling = "no ceiling" if self.epsilon is None else f"at most {self.epsilon:g}"
        yield f"Privacy budget (epsilon): {ceiling}; charters add no noise yet."
        yield f"Answers: {', '.join(self.hours) + ' UTC' if self.hours else 'at any hour'}."
        most = "as many as there are" if self.bytes_per_day is None else f"at most {self.bytes_per_day:,}"
        yield f"Bytes that leave in a day: {most}."
        yield f"Threads: {'as many as the machine has' if self.threads is None else self.threads}."
        who = "signs by itself" if self.amendments == "countersign" else "asks a person"
        yield f"A lawful change of members: the node {who}."


def span_of(text: str) -> tuple[int, int]:
    """Return when a span of HH:MM-HH:MM begins, in seconds of the day, and how long it is.

    A span may go over midnight, and end at 24:00. Raises ValueError for what is none.
    """
    first, last = (_seconds(part) for part in text.split("-"))
    if first in (DAY_S, last):
        raise ValueError("no span")
    return first, (last - first) % DAY_S or DAY_S


def _seconds(text: str) -> int:
    hour, minute = text.split(":")
    if not (len(text) == 5 and len(hour) == 2 and (hour + minute).isascii() and (hour + minute).isdigit()):
        raise ValueError("no time")
    found = int(hour) * 3600 + int(minute) * 60
    if int(minute) > 59 or found > DAY_S:
        raise ValueError("no time")
    return found


def _forbidden(key: str, what: str) -> RefusedError:
    return RefusedError(
        f"{key} {what}", do=f"change {key} if this site agrees, and start again", where="policy.toml"
    )
