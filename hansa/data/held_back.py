"""The assets that a party keeps out of its training, to test models with and to value what others bring."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hansa.core.charter import Charter
from hansa.core.errors import PartyError
from hansa.data.partition import Share


def split_share(share: Share, charter: Charter) -> tuple[Share, Share]:
    """Return what a party trains on, and what it keeps back: its share of its assets, at least one.

    The seed and an asset's name choose, so that parties that have the same assets keep back the same; of a
    mixed partition's shared assets and of its own a party keeps back the same share. Raises PartyError where
    a party has but one asset.
    """
    fleet = share.fleet
    if len(fleet.asset_names) < 2:
        raise PartyError(
            "it has one asset, and share in [validation] keeps one back",
            do="give it more assets, or leave it out",
            where=share.party,
        )
    everybodys = np.zeros(len(fleet.asset_names), bool)  # (assets,)
    everybodys[np.unique(fleet.asset[share.shared_row >= 0])] = True
    kept = [
        one
        for group in (np.flatnonzero(everybodys), np.flatnonzero(~everybodys))
        for one in _first(group, fleet.asset_names, charter)
    ]
    rest = np.setdiff1d(np.arange(len(fleet.asset_names)), kept)
    return _of(share, rest), _of(share, np.array(kept))


def _first(group: NDArray[np.int64], names: Sequence[str], charter: Charter) -> list[int]:
    """Return the assets of a group that are kept back, in the order that the seed gives their names."""

    def rank(place: int) -> bytes:
        return hashlib.sha256(f"{charter.seed} held back {names[place]}".encode()).digest()

    count = max(round(charter.validation.share * len(group)), 1) if len(group) > 1 else 0
    return sorted(sorted(group.tolist(), key=rank)[: min(count, max(len(group) - 1, 0))])


def _of(share: Share, assets: NDArray[np.integer]) -> Share:
    rows = share.fleet.rows_of(assets)
    return Share(share.party, share.fleet.take_assets(assets), share.shared_row[rows])
