"""Who rides free: copies, old changes sent again, noise and nothing, by angles between updates over rounds.

No angle is suspicious by itself: how alike honest parties are depends on their records, on the network and on
how far the training is. Each test measures parties by the other parties of the same rounds, and its yardstick
holds as long as most of them are honest in its sense.

- nothing: the update is 0, in the median round.
- stale: its gap (1 - cosine) to the last change, to its own update of the round before, or to the nearest of
  the others', is a tenth of the median party's, or less, in the median round.
- noise: its root mean square cosine with the other parties, over rounds, is a quarter of the median party's,
  or less.
- copies: parties whose gap, in the median round, is a tenth, or less, of the median step by which the parties
  join when the nearest join first (single linkage). Clusters of parties with like records lengthen one step,
  and shorten none so much.
- apart, a warning and no accusation: in the median round it agrees with the mean of the others a tenth as
  much as the median party, or less. Shuffled labels look so, and so do honest records of a rare kind.

What a rider adds to hide costs it nothing: a copy with a fifth of noise is missed in three fleets of ten, and
with half nobody is told by angles. Who sends a copy, and who is copied, angles do not tell: sealing every
update before any is opened does. Limits lie between what riders and what honest skewed parties reached in
simulated fleets, and not near either: `benchmarks/judge_shares.py` measures both, and how often an honest
party is accused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hansa.core.errors import CharterError
from hansa.judging.table import Table

Floats = NDArray[np.float64]

Kind = Literal["nothing", "stale", "noise", "copies", "apart"]

FEWEST_ROUNDS = 3
_FEWEST_PARTIES = 3  # of which one can be measured by the others
_TINY = 1e-12
_SAME = 1e-5  # shortest yardstick of copies: where most parties are copies, theirs is rounding
_LIMITS: Mapping[Kind, float] = {  # in units of the yardsticks
    "nothing": 0.0,
    "stale": 0.1,
    "noise": 0.25,
    "copies": 0.1,
    "apart": 0.1,
}

_SAYS = {
    "nothing": "sent no change: the length of its median update is {figure:.3g}",
    "stale": "sent again what was known before: the gap to it is {figure:.2g} of the median party's",
    "noise": "sent what has nothing to do with other updates: its cosines with them are {figure:.2g} of the"
    " median party's",
    "copies": "sent one and the same update: the gap between them is {figure:.2g} of the usual one",
    "apart": "agrees little with the others, {figure:.2g} of what the median party does: its records may be"
    " faulty, or of a rare kind",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What some parties did, and by which figures."""

    kind: Kind
    parties: tuple[str, ...]
    figure: float  # in units of the yardstick; of kind `nothing`: a length
    limit: float  # at or below which the figure is named
    rounds: int  # that were judged
    accuses: bool  # False: a warning that an honest party may get

    def value(self) -> dict[str, Any]:
        """Return the plain value, with the sentence."""
        return {
            "kind": self.kind,
            "parties": list(self.parties),
            "figure": self.figure,
            "limit": self.limit,
            "rounds": self.rounds,
            "accuses": self.accuses,
            "sentence": self.sentence,
        }

    @property
    def sentence(self) -> str:
        """Return the finding in words."""
        opening = "Warning: " if not self.accuses else ""
        said = _SAYS[self.kind].format(figure=self.figure)
        limit = f" (limit {self.limit:g})" if self.limit else ""
        return f"{opening}{', '.join(self.parties)} {said}{limit}, over {self.rounds} rounds."


def findings(tables: Sequence[Table], names: Sequence[str]) -> tuple[Finding, ...]:
    """Return what is found over rounds; who is accused of one thing is not measured by the next test.

    tables: of each round, the parties' updates in the order of the names and, behind them, what was known
    before and could be sent again: the common model's last change and, under open secrecy, each party's
    update of the round before; as many rows in every round, without length where there is nothing yet. What
    is not given is not told: who sends an earlier update again looks honest where the table lacks it.
    Raises CharterError for fewer than 3 rounds.
    """
    if len(tables) < FEWEST_ROUNDS:
        raise CharterError(
            f"{len(tables)} rounds tell nothing about riders", do=f"judge {FEWEST_ROUNDS} rounds or more"
        )
    gaps = np.stack([_gaps(table) for table in tables])  # (rounds, points, points)
    lengths = np.median([table.lengths[: len(names)] for table in tables], axis=0)  # (parties,), squared
    found = [_found("nothing", [names[party]], 0.0, gaps) for party in np.flatnonzero(lengths == 0).tolist()]
    left = np.flatnonzero(lengths > 0)  # (parties not accused,)
    for kind, figures_of in _ALONE.items():
        if len(left) < _FEWEST_PARTIES:
            return tuple(found)
        figures = figures_of(gaps, left, len(names))  # (left,)
        named = figures <= _LIMITS[kind]
        found += [
            _found(kind, [names[party]], figure, gaps)
            for party, figure in zip(left[named].tolist(), figures[named], strict=True)
        ]
        left = left[~named]
    if len(left) >= _FEWEST_PARTIES:
        found += _copies(gaps, left, names) + _apart(gaps, left, names)
    return tuple(found)


def _found(kind: Kind, parties: Sequence[str], figure: float, gaps: Floats) -> Finding:
    return Finding(kind, tuple(parties), float(figure), _LIMITS[kind], len(gaps), kind != "apart")


def _gaps(table: Table) -> Floats:
    """Return (points, points) 1 - cosine, by distances, so that small gaps keep their digits.

    A row without length has the gap 1 to all others.
    """
    norms = np.sqrt(table.lengths)  # (points,)
    area = 2.0 * norms[:, None] * norms[None, :]  # (points, points)
    apart = table.between - (norms[:, None] - norms[None, :]) ** 2  # (points, points)
    found = np.divide(apart, area, out=np.ones_like(area), where=area > 0)
    np.fill_diagonal(found, 0.0)
    return np.clip(found, 0.0, 2.0)


def _staleness(gaps: Floats, parties: NDArray[np.int64], first: int) -> Floats:
    """Return (parties,) the gap to what is older over the median party's, in the median round.

    The last change, a party's own earlier update and the nearest of the others' have yardsticks of their own,
    as honest updates resemble the party's own earlier ones; the least counts. first: of the older rows. Where
    one has no length, all gaps to it are 1, and no party's is short.
    """
    older = gaps[:, parties, first:]  # (rounds, parties, older)
    kinds = [older[:, :, :1].min(axis=2, initial=1.0)]  # (rounds, parties) each
    if older.shape[2] > 1:
        rows = np.arange(len(parties))
        kinds.append(older[:, rows, 1 + parties])
        others = older[:, :, 1:].copy()  # (rounds, parties, all parties)
        others[:, rows, parties] = 1.0
        kinds.append(others.min(axis=2))
    least = [np.median(_over(one, np.median(one, axis=1, keepdims=True)), axis=0) for one in kinds]
    return np.min(least, axis=0)


def _correlation(gaps: Floats, parties: NDArray[np.int64], first: int) -> Floats:
    """Return (parties,) root mean square cosines with the others, over rounds, over the median party's."""
    del first
    squares = ((1.0 - _among(gaps, parties)) ** 2).mean(axis=0)  # (parties, parties), 1 on the diagonal
    size = np.sqrt(np.maximum(squares.sum(axis=1) - 1.0, 0.0) / (len(parties) - 1))  # (parties,)
    return _over(size, np.median(size))


_ALONE: Mapping[Kind, Callable[[Floats, NDArray[np.int64], int], Floats]] = {
    "stale": _staleness,
    "noise": _correlation,
}
"""What is told of a party alone: (rounds, points, points) gaps, parties, first older row -> (parties,)."""


def _copies(gaps: Floats, parties: NDArray[np.int64], names: Sequence[str]) -> list[Finding]:
    """Return groups of copies, each with the longest step that joins it."""
    from scipy.cluster.hierarchy import fcluster, linkage  # type: ignore[import-untyped]  # heavy
    from scipy.spatial.distance import squareform  # type: ignore[import-untyped]

    usual = np.median(_among(gaps, parties), axis=0)  # (parties, parties), in the median round
    joins = linkage(squareform(usual, checks=False), "single")  # (parties - 1, 4)
    yardstick = max(float(np.median(joins[:, 2])), _SAME)
    groups = fcluster(joins, _LIMITS["copies"] * yardstick, "distance")  # (parties,)
    found = []
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)  # (members,)
        if len(members) > 1:
            among = usual[np.ix_(members, members)]  # (members, members)
            longest = linkage(squareform(among, checks=False), "single")[-1, 2]
            who = [names[party] for party in parties[members]]
            found.append(_found("copies", who, longest / yardstick, gaps))
    return found


def _apart(gaps: Floats, parties: NDArray[np.int64], names: Sequence[str]) -> list[Finding]:
    """Return a warning for each party that agrees little with the mean direction of the others."""
    cosines = 1.0 - _among(gaps, parties)  # (rounds, parties, parties)
    with_others = cosines.sum(axis=2) - 1.0  # (rounds, parties)
    length = cosines.sum(axis=(1, 2))[:, None] - 2.0 * with_others - 1.0  # (rounds, parties), squared
    agreement = np.median(with_others / np.sqrt(np.maximum(length, _TINY)), axis=0)  # (parties,)
    usual = np.median(agreement)  # ()
    if usual <= 0:
        return []  # nobody agrees with anybody: there is no yardstick
    figures = agreement / usual  # (parties,)
    places = np.flatnonzero(figures <= _LIMITS["apart"])
    return [_found("apart", [names[parties[place]]], figures[place], gaps) for place in places]


def _among(gaps: Floats, parties: NDArray[np.int64]) -> Floats:
    """Return (rounds, parties, parties) gaps among some."""
    return gaps[:, parties[:, None], parties[None, :]]


def _over(part: Any, whole: Any) -> Any:
    """Return part / whole; 1 where the whole is 0: nobody differs from the usual."""
    return np.divide(part, whole, out=np.ones(np.broadcast(part, whole).shape), where=np.asarray(whole) > 0)
