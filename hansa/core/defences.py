"""What each robust rule of aggregation is, said once: what it looks at, whom it needs, what it shows.

The charter's rules and words look here; how a rule weighs parties is in `hansa.judging`. `bad` is the number
of parties that may send anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


def _one(bad: int) -> int:
    return 1


def _majority(bad: int) -> int:
    return 2 * bad + 1


def _near_majority(bad: int) -> int:
    return 2 * bad + 3


def _three_quarters(bad: int) -> int:
    return 4 * bad + 3


@dataclass(frozen=True, slots=True)
class Defence:
    """One rule of aggregation."""

    title: str  # as reports call it
    source: str  # the paper and its section
    needs: str = "table"  # table: distances alone, as shared sums have them; updates: only where all is open
    least: Callable[[int], int] = _majority  # parties needed against so many bad ones
    one: bool = False  # whether the aggregate is one party's update, which it would publish
    trusted: bool = False  # whether it needs a party that all trust
    remembers: bool = False  # whether its table is of updates added up over the rounds


DEFENCES: Mapping[str, Defence] = {
    "mean": Defence("Mean", "McMahan et al., AISTATS 2017, section 2", least=_one),
    "clipped": Defence("Norm clipping", "Sun et al., arXiv 1911.07963, section 5.2"),
    "krum": Defence("Krum", "Blanchard et al., NeurIPS 2017, section 4", least=_near_majority, one=True),
    "multi_krum": Defence("Multi-Krum", "Blanchard et al., NeurIPS 2017, section 5", least=_near_majority),
    "mda": Defence("Minimum diameter averaging", "El Mhamdi et al., ICML 2018, section 2"),
    "geometric_median": Defence("Geometric median", "Pillutla et al., IEEE TSP 2022, section III"),
    "centered_clipping": Defence("Centered clipping", "Karimireddy et al., ICML 2021, section 4"),
    "bulyan": Defence(
        "Bulyan", "El Mhamdi et al., ICML 2018, section 4", needs="updates", least=_three_quarters
    ),
    "monna": Defence("MoNNA", "Farhadkhani et al., ICML 2023, section 3", trusted=True),
    "fltrust": Defence("FLTrust", "Cao et al., NDSS 2021, section IV", trusted=True),
    "foolsgold": Defence("FoolsGold", "Fung et al., RAID 2020, section 5", remembers=True),
    "cosine_clusters": Defence("Cosine clusters", "Nguyen et al., USENIX Security 2022 (FLAME), section 4"),
    "median": Defence("Median", "Yin et al., ICML 2018, section 3", needs="updates"),
    "trimmed_mean": Defence("Trimmed mean", "Yin et al., ICML 2018, section 3", needs="updates"),
    "meamed": Defence("Mean around median", "Xie et al., arXiv 1802.10116, section 4", needs="updates"),
}

BEFORE = ("none", "nnm", "arc")
"""What is done to updates before a rule: nothing, the mean of nearest neighbours, the largest clipped."""
