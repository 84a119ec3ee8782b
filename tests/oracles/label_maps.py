"""LabSync as Algorithm 2 of Llasag Rosero et al., 2024, states it: slow, and nothing to get wrong."""

from collections.abc import Sequence
from typing import Any

MISSING = -1


def naive_label_maps(labels: Sequence[Sequence[Any]]) -> list[list[list[int]]]:
    """Return M_syc of every party as nested lists: [party][row][partner]; MISSING where nobody stands."""
    return [
        [[_partner_row(own, row, other) for other in labels] for row in range(len(own))] for own in labels
    ]


def _partner_row(own: Sequence[Any], row: int, other: Sequence[Any]) -> int:
    label = own[row]
    if label < 0:
        return MISSING
    standing = [place for place, one in enumerate(other) if one == label]
    if not standing:
        return MISSING
    counter = 0  # restarts when the partner has no further row of the label
    for earlier in own[:row]:
        if earlier == label:
            counter += 1
            if counter == len(standing):
                counter = 0
    return standing[counter]
