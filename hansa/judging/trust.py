"""Rules that look at the directions of updates: towards a trusted one, too much alike, or with the majority.

Each returns (parties,) weights w >= 0 of sum 1 at most: what lacks counts for no change.
"""

from __future__ import annotations

import numpy as np

from hansa.judging.centres import shrunk
from hansa.judging.table import Floats, Table

_SURE = 0.99  # the most that FoolsGold's logit takes
_SAME = 1e-6  # differences of cosines that are rounding of float32


def fltrust(table: Table, trusted: int) -> Floats:
    """Return the mean of the others' updates by cosine to the trusted one's, none longer than that is.

    Whose cosine is below 0 counts for nothing; where all do, nothing changes. Unlike the paper's, shorter
    updates are not lengthened: weights sum to 1 at most. Source: Cao et al., NDSS 2021, section IV.
    """
    trust = np.maximum(cosines(table)[trusted], 0.0)  # (parties,)
    trust[trusted] = 0.0
    total = float(trust.sum())
    if total == 0.0:
        return trust
    norms = np.sqrt(table.lengths)  # (parties,)
    return trust / total * shrunk(norms, float(norms[trusted]))  # (parties,)


def foolsgold(cumulated: Table) -> Floats:
    """Return the mean of updates in which parties count the less, the more another resembles them over time.

    cumulated: the table of each party's updates added up over the rounds. Parties that work for one aim come
    alike; one alone is not seen. Source: Fung et al., RAID 2020, section 5; a mean in place of its sum.
    """
    alike = np.maximum(cosines(cumulated), 0.0)  # (parties, parties)
    np.fill_diagonal(alike, 0.0)
    most = alike.max(axis=1)  # (parties,)
    with np.errstate(divide="ignore", invalid="ignore"):
        pardoned = np.where(most[None, :] > most[:, None], most[:, None] / most[None, :], 1.0)
    counts = np.clip(1 - (alike * pardoned).max(axis=1), 0.0, 1.0)  # (parties,)
    if counts.max() < _SAME:
        return np.zeros(cumulated.parties)  # (parties,)
    counts = np.minimum(counts / counts.max(), _SURE)  # (parties,)
    with np.errstate(divide="ignore"):  # the logit of 0
        logits = np.log(counts / (1 - counts)) + 0.5  # (parties,)
    return np.clip(logits, 0.0, 1.0) / cumulated.parties  # (parties,)


def cosine_clusters(table: Table, bad: int) -> Floats:
    """Return the mean of the first cluster of parties - bad directions, none longer than the median of all.

    Clusters are merged by mean cosine distance until one has that many. Source: Nguyen et al. (FLAME), USENIX
    Security 2022, section 4, which lets HDBSCAN look for more than half; its noise is not added here.
    """
    norms = np.sqrt(table.lengths)  # (parties,)
    inside = _cluster(1 - cosines(table), table.parties - bad)  # (parties,)
    return inside / inside.sum() * shrunk(norms, float(np.median(norms)))  # (parties,)


def cosines(table: Table) -> Floats:
    """Return (parties, parties) cosines; an update that changes nothing has 0 to all."""
    norms = np.sqrt(table.lengths)  # (parties,)
    both = np.outer(norms, norms)  # (parties, parties)
    return np.clip(np.divide(table.products, both, out=np.zeros_like(both), where=both > 0), -1.0, 1.0)


def _cluster(apart: Floats, size: int) -> Floats:
    """Return (parties,) 1 for whom the first cluster of at least so many holds, else 0."""
    if len(apart) == 1:
        return np.ones(1)
    from scipy.cluster.hierarchy import fcluster, linkage  # type: ignore[import-untyped]  # heavy
    from scipy.spatial.distance import squareform  # type: ignore[import-untyped]

    even = np.maximum((apart + apart.T) / 2, 0.0)  # (parties, parties)
    np.fill_diagonal(even, 0.0)
    merges = linkage(squareform(even, checks=False), "average")  # (parties - 1, 4): whom, height, size
    height = merges[np.argmax(merges[:, 3] >= size), 2]
    names = fcluster(merges, height, "distance")  # (parties,)
    return (names == np.bincount(names).argmax()).astype(np.float64)  # (parties,)
