"""What may leave a party in a run: the kinds that its charter names, and how long one of each can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hansa.core import arrays
from hansa.core.charter import Charter
from hansa.core.messages import Terms
from hansa.crypto.lattice import PIECE_BYTES, pieces_of
from hansa.crypto.sealing import SEAL_BYTES
from hansa.data.prepare import regime_count
from hansa.judging.arrival import SALT_BYTES
from hansa.nodes.preparing import sensors_of
from hansa.nodes.rehearsal import Exchange
from hansa.nodes.schedule import ADOPT, COMMIT, MARK, REVEAL, VERDICTS, VOTE, sums_products
from hansa.nodes.stages import PARTY_STAGES
from hansa.protection import packing
from hansa.protection.fixed_point import FixedPoint
from hansa.protection.masked_messages import SHARE_BYTES
from hansa.protection.shared_components import SERVERS
from hansa.runtime.learning import algorithm_of
from hansa.runtime.sums import ROWS, Sums

_WORDS_BYTES = 1024  # of an answer that tells nothing but counts and signatures
_FRAME_BYTES = 256  # of a message around its arrays
_ARRAY_BYTES = 64  # of an array around its numbers, its name apart


def before_rounds(charter: Charter) -> dict[str, int]:
    """Return the most bytes of each kind that leaves before, after and beside an algorithm's own messages."""
    sensors = len(sensors_of(charter))
    known = ["join", "meet", "amend", "rekey", "scale", "start", "finish", "bye"]
    known += ["turn"] * sums_products(charter)
    found = dict.fromkeys(known, _WORDS_BYTES)
    found |= {kind: _WORDS_BYTES + charter.parties * 8 for kind in _judged_kinds(charter)}
    found["start"] += sensors * _ARRAY_BYTES  # it tells what is looked up, and where
    cells = {"statistics": regime_count(charter.data.regimes) * sensors}
    if sums_products(charter):
        cells["products"] = sensors * (sensors + 1) // 2
    sums = Sums(charter, charter.algorithm.name, charter.parties)
    for kind, count in cells.items():
        if charter.secrecy == "open":
            found[kind] = _FRAME_BYTES + 8 * ROWS[kind] * count
        else:
            found |= _stages(charter, f"support of {kind}", count, sums.statistic_form)
            found |= _stages(charter, kind, ROWS[kind] * count, sums.statistic_form)
    return found


def _judged_kinds(charter: Charter) -> Iterator[str]:
    """Yield what leaves for those who judge, beside updates."""
    if charter.gate.every:
        yield from (VOTE, ADOPT)
    if charter.reward.measure != "none":
        yield MARK
    if charter.judges or charter.gate.every:
        yield VERDICTS


def own_kinds(charter: Charter) -> frozenset[str]:
    """Return the kinds of an algorithm's own messages: its openings, its preludes, and training."""
    algorithm = algorithm_of(charter, charter.algorithm.name, 1, protected=charter.secrecy != "open")
    kinds = (*algorithm.openings, *algorithm.preludes, "training")
    if charter.judges:
        return frozenset(f"{kind}/{stage}" for kind in kinds for stage in (COMMIT, REVEAL))
    if charter.secrecy == "open":
        return frozenset(kinds)
    return frozenset(f"{kind}/{stage}" for kind in kinds for stage in PARTY_STAGES[charter.secrecy])


def in_rounds(charter: Charter, due: Mapping[str, Exchange]) -> dict[str, int]:
    """Return the most bytes of each kind of an algorithm's own messages; due: as rehearsed."""
    sums, found = Sums(charter, charter.algorithm.name, charter.parties), dict[str, int]()
    for opening, exchange in due.items():
        kind, terms = opening or "training", exchange.terms[0]
        if charter.judges:
            found |= {f"{kind}/{COMMIT}": _WORDS_BYTES, f"{kind}/{REVEAL}": _framed(terms) + SALT_BYTES}
        elif charter.secrecy == "open":
            found[kind] = _framed(terms)
        else:
            found |= _stages(charter, kind, 1 + packing.size(terms), sums.form)
    return found


def _framed(terms: Terms) -> int:
    leaves = arrays.flatten(terms)
    return _FRAME_BYTES + sum(_ARRAY_BYTES + len(name) + leaf.nbytes for name, leaf in leaves.items())


def _stages(charter: Charter, kind: str, numbers: int, form: FixedPoint) -> dict[str, int]:
    """Return the most bytes of each message of a protected sum of so many numbers."""
    few = _WORDS_BYTES + charter.parties * 2 * SHARE_BYTES  # keys and shares: some of each party
    words = numbers * form.words
    whole = form.dtype.itemsize * words
    most = {
        "masked": SEAL_BYTES + whole,
        "share": 2 * whole + SERVERS * _WORDS_BYTES,  # two servers get what is not the seed of a stream
        "encrypted": _WORDS_BYTES + pieces_of(words) * (PIECE_BYTES + _ARRAY_BYTES),
    }
    return {f"{kind}/{stage}": most.get(stage, few) for stage in PARTY_STAGES[charter.secrecy]}
