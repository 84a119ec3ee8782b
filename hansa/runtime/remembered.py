"""What judging remembers of a scenario from round to round, and what it tells of parties over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.judging.riders import FEWEST_ROUNDS, Finding, findings
from hansa.judging.table import Table, table_of
from hansa.judging.verdicts import REJECTED, Verdict

Numbers = NDArray[np.float32]

_FEW = 50  # parties whose earlier updates are in each round's table: it grows as their square


@dataclass(frozen=True, slots=True)
class Known:
    """How much was remembered at some moment."""

    verdicts: int = 0
    tables: int = 0
    kept: int = 0
    seen: Mapping[str, frozenset[bytes]] = field(default_factory=dict)


@dataclass(slots=True)
class Remembered:
    """Everything that a later round or a later reader asks for."""

    names: tuple[str, ...]  # of all parties
    seen: dict[str, set[bytes]] = field(default_factory=dict)  # digests of each party's messages
    summed: dict[str, Numbers] = field(default_factory=dict)  # (dim,) each party's updates, added over rounds
    older: Numbers | None = None  # (rows, dim) the last change and, of few parties, each one's last update
    tables: list[Table] = field(default_factory=list)  # of each round: all parties, and then what is older
    verdicts: list[Verdict] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)  # rounds in which the last model stayed

    def add_up(self, updates: Mapping[str, Numbers]) -> Table:
        """Return the table of the updates of all rounds together."""
        for name, own in updates.items():
            self.summed[name] = self.summed[name] + own if name in self.summed else own.copy()  # (dim,)
        return table_of([self.summed[name] for name in updates])

    def keep_table(self, updates: Mapping[str, Numbers], weights: Mapping[str, float]) -> None:
        """Note how near updates are to one another, and to what was known before."""
        nothing = np.zeros_like(next(iter(updates.values())))  # (dim,)
        parties = len(self.names)
        rows = 1 + (parties if parties <= _FEW else 0)
        older = [nothing] * rows if self.older is None else self.older  # (rows, dim)
        points = np.stack([*(updates.get(name, nothing) for name in self.names), *older])
        self.tables.append(table_of(points))  # of (parties + rows, dim)
        now = points[:parties]  # (parties, dim)
        counted = np.array([weights.get(name, 0.0) for name in self.names], np.float32)  # (parties,)
        change = counted @ now  # (dim,)
        self.older = np.concatenate([change[None], now])[:rows]  # (rows, dim)

    def findings(self) -> tuple[Finding, ...]:
        """Return who rides free or has faulty records, by the angles of all rounds; nothing of few rounds.

        Who was rejected in half of the rounds is left out: the verdicts say why.
        """
        if len(self.tables) < FEWEST_ROUNDS:
            return ()
        rejected = Counter(one.party for one in self.verdicts if one.outcome == REJECTED)
        out = [place for place, name in enumerate(self.names) if 2 * rejected[name] >= len(self.tables)]
        left = [name for place, name in enumerate(self.names) if place not in out]
        parties, points = len(self.names), self.tables[0].parties
        earlier = [parties + 1 + place for place in out] if points > parties + 1 else []
        return findings([table.without([*out, *earlier]) for table in self.tables], left) if left else ()

    def snapshot(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return arrays and plain values from which `restore` goes on to the same bits."""
        arrays: dict[str, NDArray[Any]] = {f"summed/{name}": one for name, one in self.summed.items()}
        arrays |= {} if self.older is None else {"older/all": self.older}
        for number, table in enumerate(self.tables):
            arrays |= {f"between/{number}": table.between, f"lengths/{number}": table.lengths}
        values = {
            "seen": {name: sorted(one.hex() for one in found) for name, found in self.seen.items()},
            "verdicts": [verdict.value() for verdict in self.verdicts],
            "kept": list(self.kept),
        }
        return arrays, values

    def restore(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Go on where a snapshot was taken."""
        self.summed = dict(_under(arrays, "summed"))
        self.older = arrays.get("older/all")
        rounds = range(len(dict(_under(arrays, "lengths"))))
        self.tables = [Table(arrays[f"between/{one}"], arrays[f"lengths/{one}"]) for one in rounds]
        self.seen = {name: set(map(bytes.fromhex, found)) for name, found in values["seen"].items()}
        self.verdicts = [Verdict.of(one) for one in values["verdicts"]]
        self.kept = list(values["kept"])

    # --- what a node keeps round by round, so that no round writes what all before it found --------------

    def known(self) -> Known:
        """Return how much is remembered now."""
        seen = {name: frozenset(found) for name, found in self.seen.items()}
        return Known(len(self.verdicts), len(self.tables), len(self.kept), seen)

    def since(self, before: Known) -> dict[str, Any]:
        """Return plain values and arrays of what came after a moment, which `add` takes in the same order."""
        forgot = any(found - self.seen.get(name, set()) for name, found in before.seen.items())
        old: Mapping[str, frozenset[bytes]] = {} if forgot else before.seen
        new = {name: sorted(found - old.get(name, frozenset())) for name, found in self.seen.items()}
        return {
            "verdicts": [one.value() for one in self.verdicts[before.verdicts :]],
            "tables": [[one.between, one.lengths] for one in self.tables[before.tables :]],
            "kept": self.kept[before.kept :],
            "forgot": forgot,
            "seen": new,
        }

    def add(self, value: Mapping[str, Any]) -> None:
        """Take what `since` returned."""
        self.verdicts += [Verdict.of(one) for one in value["verdicts"]]
        self.tables += [Table(between, lengths) for between, lengths in value["tables"]]
        self.kept += value["kept"]
        if value["forgot"]:
            self.seen.clear()
        for name, found in value["seen"].items():
            self.seen.setdefault(name, set()).update(found)


def table_of_some(
    names: Sequence[str], some: Sequence[str], products: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (names, names) products of all parties; those who are not among some sent no change."""
    places = [names.index(name) for name in some]
    every = np.zeros((len(names), len(names)))  # (names, names)
    every[np.ix_(places, places)] = products
    return every


def _under(arrays: Mapping[str, NDArray[Any]], place: str) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, one in arrays.items():
        if name.startswith(f"{place}/"):
            yield name.removeprefix(f"{place}/"), one
