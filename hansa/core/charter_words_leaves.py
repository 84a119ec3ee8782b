"""What a charter in plain words says of a party's records: what stays, what leaves, what is not protected."""

from __future__ import annotations

from collections.abc import Iterator

from hansa.core.charter import Charter
from hansa.core.charter_words_task import label_keys, labels_betray
from hansa.core.methods import BROUGHT, BY_ROW, LATE, METHODS, exchanging

_OWN = {
    "fedper": "the last layer of its network",
    "fedrep": "the last layer of its network",
    "own_scaling": "how it scales and shifts its network's inputs",
    "ditto": "its personal model",
    "own_personal": "the model of its own that it predicts with, as the algorithm says",
    "fine_tuned": "the model that it goes on with alone",
}


def what_stays(charter: Charter) -> Iterator[str]:
    """Yield what each party keeps, whichever method is at work."""
    names = _at_hand(charter)
    sent = {METHODS[name].exchanges for name in names}
    kept = ["every record"]
    if "labsync" not in names:
        apart = "trees" in names and charter.columns_apart
        kept.append("the label of every row" + (", the first party's apart" if apart else ""))
    if "weights" in sent and "predictions" not in sent:
        kept.append("every prediction")
    if "weights" not in sent and names != ("trees",):
        kept.append("the weights of its network")
    alone = len(_senders(charter)) == 1
    kept += [_OWN[name] if alone else f"under {name} {_OWN[name]}" for name in names if name in _OWN]
    listed = f"{', '.join(kept[:-1])} and {kept[-1]}" if len(kept) > 1 else kept[0]
    yield f"What each party keeps: {listed}."


def what_leaves(charter: Charter) -> Iterator[str]:
    """Yield what leaves a party: before round 1, at the start, and in every round."""
    yield from _before_rounds(charter)
    if "labsync" in _at_hand(charter):
        yield "What leaves once, at the start (labsync): the label of every row, in the clear."
    names = dict.fromkeys((charter.algorithm.name, *_senders(charter)))
    users: dict[str, list[str]] = {}  # by what leaves
    for name in names:
        users.setdefault(_term(charter, name), []).append(name)
    for term, named in users.items():
        yield f"What leaves in every round ({', '.join(named)}): {term}."


def _at_hand(charter: Charter) -> tuple[str, ...]:
    """Return the method that is trained, and those that `hansa run` trains beside it."""
    return charter.algorithm.name, *charter.compare


def _senders(charter: Charter) -> tuple[str, ...]:
    """Return the methods at hand whose parties exchange anything."""
    return tuple(name for name in _at_hand(charter) if METHODS[name].exchanges != "nothing")


def _before_rounds(charter: Charter) -> Iterator[str]:
    first = "What leaves a party's firewall before round 1"
    if not _senders(charter):
        yield f"{first}: nothing; each party scales its own readings."
    elif charter.preparation.scaling == "regime":
        yield (
            f"{first}: statistics: for each regime and sensor, the count of its readings, their sum and the "
            "sum of their squares; the totals over all parties scale everybody's readings."
        )
        if charter.preparation.features == "pca":
            yield (
                "And then: for each pair of sensors of one group, the sum of the products of their scaled "
                "readings and the count of rows; the totals give everybody's principal components."
            )
        if "aligned" in _at_hand(charter) and charter.preparation.lacking == "regression":
            yield (
                "And then, under aligned: for each pair of sensors, the sum of the products of their scaled "
                "readings and the count of rows; the totals tell each party what its own sensors say of "
                "those that it lacks."
            )
    else:
        yield f"{first}: nothing; the charter's ranges scale the readings."


def _term(charter: Charter, name: str) -> str:
    """Return what leaves a party in every round of a method."""
    label_term = (
        f"for each {label_keys(charter)}, the mean of the party's predictions and whether it has the label"
    )
    row_term = "one prediction for each shared row, known by its row number"
    own = {
        "labsync": "the prediction for every row; the coordinator sees each one, with its label",
        "labsync_mean": label_term,
        "mixed": f"{row_term}; and for the rows of its other assets, {label_term}",
    }
    if name in BROUGHT:
        return f"in the charter's words: {charter.algorithm.leaves}"
    if name in BY_ROW:
        return f"where the party arrives, the change of {row_term}" if name in LATE else row_term
    if name == "trees" and charter.columns_apart:
        return (
            "in clear, from the first party to all others the gradient of every row, which tells its label; "
            "from each party its best split of each node, threshold included, and which rows go to which side"
        )
    return METHODS[name].term or own[name]


SECRECY = {
    "masked": "what a party sends is under masks that cancel in the sum over all; the coordinator learns "
    "sums of at least {cohort} parties, and who took part",
    "shared": "what a party sends is cut into shares for three servers, of which no one can read it; they "
    "learn sums of at least {cohort} parties, how long each update is and the angles between them, and how "
    "many rows a party counts for",
    "encrypted": "what a party sends is encrypted; the coordinator hands on what it cannot read, and the "
    "custodian of the key adds it up and opens sums of at least {cohort} parties; it alone, if it broke the "
    "rules, could read everything",
    "open": "the members accept that the coordinator sees each party's terms, and what shows rows, gradients "
    "or histograms in clear",
}
"""What each level shows to whom, for a cohort of so many parties."""


def what_is_not_protected(charter: Charter) -> Iterator[str]:
    """Yield what may leave by the charter, and what can be read from it."""
    yield f"Secrecy: {charter.secrecy}: {SECRECY[charter.secrecy].format(cohort=charter.protection.cohort)}."
    yield from _shown_in_clear(charter) if charter.secrecy == "open" else _summed(charter)
    yield from _shown_by_methods(charter)
    if charter.network.model or not set(BROUGHT).isdisjoint(_at_hand(charter)):
        yield (
            "Code of your own sees a party's records and may do what Python may; its digest says which code "
            "it is, not what it does: let each party read it."
        )
    if not exchanging("weights").isdisjoint(_at_hand(charter)):
        if charter.secrecy == "open":
            yield "The change of a network's weights can betray rows that it was trained on."
        else:
            yield "The sum of the changes of weights can still betray rows, though not whose they are."


def _shown_in_clear(charter: Charter) -> Iterator[str]:
    yield (
        "Not protected: the sums, and the terms that each party adds to them, are visible to the "
        "coordinator; nothing is masked, encrypted, noised or signed."
    )
    yield (
        "A sum that one party alone feeds (a regime, a sensor or a label that only it has) is that party's "
        "value."
    )
    if charter.parties == 1:
        yield "With one party, every sum is that party's own term."
    if charter.parties == 2:
        yield "With two parties, each can take its own term off a total and is left with the other's."


def _summed(charter: Charter) -> Iterator[str]:
    cohort = charter.protection.cohort
    if any(METHODS[name].framed or name in ("labsync_mean", "mixed") for name in _at_hand(charter)):
        yield (
            f"What fewer than {cohort} parties have is not summed: a sensor is then no input of a common "
            "model, a label has no partners. How many parties have it is seen."
        )
    if charter.secrecy == "masked":
        most = charter.parties - charter.quorum
        gone = f"up to {most} of {charter.parties} parties may drop out" if most else "nobody may drop out"
        yield f"In a round {gone}: it takes {charter.quorum} to open a sum."
    yield "Not protected: what a sum itself tells; nothing is noised."


def _shown_by_methods(charter: Charter) -> Iterator[str]:
    names = _at_hand(charter)
    if "trees" in names:
        yield (
            "Trees are grown over XGBoost's own tracker, which listens on every network "
            "address of its machine without a password while it trains. Whoever reaches it can read the "
            "totals. All parties get the whole model, with every threshold, which is a value of somebody's "
            "readings."
        )
    if "labsync" in names:
        yield (
            f"labsync shows the coordinator {labels_betray(charter)[0]}, and its totals, addressed row by "
            "row, can be solved for single predictions; labsync_mean learns the same from sums."
        )
    if "clustered" in names:
        yield "clustered shows the coordinator each party's change by itself; fedavg learns from their sum."
    if charter.secrecy == "open" and not {"labsync_mean", "mixed"}.isdisjoint(names):
        yield f"Which labels a party has tells the coordinator {labels_betray(charter)[1]}."
