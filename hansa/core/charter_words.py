"""A charter in plain words: what an operator should know before signing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hansa.core.charter import PASSES, UNDAMPED_PARTIES, Charter, Lateness, Network
from hansa.core.charter_digest import charter_digest, roster_digest
from hansa.core.charter_schema_rules import names_of
from hansa.core.charter_words_judging import how_updates_are_judged
from hansa.core.charter_words_leaves import what_is_not_protected, what_leaves, what_stays
from hansa.core.charter_words_task import (
    averaged_loss,
    how_it_is_judged,
    learned,
    row_weight,
    time_unit,
)
from hansa.core.methods import BROUGHT, LATE, METHODS, exchanging

_LISTED = 8  # names in one sentence before the rest is only counted


def explain(charter: Charter) -> list[str]:
    """Return one paragraph a matter: who, what is learned and how, what stays, what leaves, what is open."""
    return [
        *_who(charter),
        *_what_is_learned(charter),
        *_how_it_is_learned(charter),
        *what_stays(charter),
        *what_leaves(charter),
        *_who_is_waited_for(charter),
        *_how_it_is_judged(charter),
        *how_updates_are_judged(charter),
        *what_is_not_protected(charter),
        f"Charter digest: {charter_digest(charter)}",
        f"Roster digest: {roster_digest(charter)}",
    ]


def _who(charter: Charter) -> Iterator[str]:
    names = _list([party.name for party in charter.roster])
    yield f"Who: {_count(charter.parties, 'party', 'parties')} of {charter.consortium} ({names})."
    yield f'Charter: "{charter.name}", seed {charter.seed}, {_count(charter.rounds, "round")}.'


_SOURCES = {
    "cmapss": "NASA's C-MAPSS turbofan engines, subset {0.subset}",
    "simulated": "a simulated fleet of {0.engines} turbofan engines ({0.test_engines} more for the test)",
    "table": "the parties' own tables",
}

_DEALS = {
    "horizontal": "each party gets other assets and all sensors",
    "vertical": "each party gets all assets and sensors of its own",
    "hybrid": "each party gets other assets and sensors of its own",
    "mixed": "some assets are seen by all parties, the others are dealt; each party has sensors of its own",
    "given": "each party brings its own assets; nothing is dealt",
}

_MATCHED = {
    "vertical": "each party brings columns of its own of the same rows, matched by asset and time",
    "mixed": "each party brings its own rows; those that all have are matched by asset and time",
}


def _what_is_learned(charter: Charter) -> Iterator[str]:
    data, partition = charter.data, charter.partition
    what, label = learned(charter)
    yield f"What is learned: {what}, from {_SOURCES[data.source].format(data)}."
    if data.source == "table":
        yield f"Label: {label}."
        flagged = data.missing == "hold" and charter.preparation.features != "pca"
        yield f"Missing cells: {_MISSING[data.missing]}{_FLAGGED if flagged else ''}."
    sensors = len(names_of(data.columns, "sensor"))
    some = f"; {partition.sensors_per_party} of {sensors} sensors each" if partition.sensors_per_party else ""
    shared = f"; {partition.shared_assets:.0%} of the assets are shared" if partition.kind == "mixed" else ""
    deal = _MATCHED.get(charter.algorithm.name, "") if partition.kind == "given" else ""
    yield f"Partition: {partition.kind}: {deal or _DEALS[partition.kind]}{some}{shared}{_skew(charter)}."


def _skew(charter: Charter) -> str:
    """Return which assets go to whom, where they are dealt and not shuffled."""
    if charter.partition.kind in ("given", "vertical"):
        return ""
    return _SKEWS[charter.partition.deal].format(charter.partition.by)


_SKEWS = {
    "shuffled": "",
    "fault_mode": "; the assets are dealt by fault mode, so that parties differ in it",
    "regime": "; the assets are dealt by operating regime, so that parties differ in it",
    "fleet_size": "; fleets differ in size, the first having eight times as many assets as the last",
    "column": '; party by party gets the assets of one value of column "{0}", the most frequent first, '
    "the last one all that are left",
}

_MISSING = {
    "refuse": "refused, with their line",
    "hold": "held at the asset's last value (before the first one, the mean)",
}
_FLAGGED = ", and flagged to the network"


def _how_it_is_learned(charter: Charter) -> Iterator[str]:
    yield f"Inputs: {_features(charter)}, {_scaling(charter)}{_age(charter)}."
    at_hand = {charter.algorithm.name, *charter.compare}
    if "trees" in at_hand:
        yield (
            f"Trees: {_count(charter.rounds, 'tree')} of depth {charter.trees.depth}, one a round, each "
            f"added {charter.trees.rate:g} times; grown by XGBoost's federated plugin."
        )
    if at_hand != {"trees"}:
        yield from _networks(charter)
    yield from row_weight(charter)
    if exchanging("predictions").isdisjoint(at_hand):
        grown = at_hand == {"trees"}
        yield f"Loss: {averaged_loss(charter, grown)} of the {_OWN_PREDICTIONS[grown]}."
    else:
        yield f"Loss where predictions are shared: {_shared_loss(charter)}."
    yield from _steps(charter)


_OWN_PREDICTIONS = {False: "network's own predictions", True: "trees' predictions"}


def _networks(charter: Charter) -> Iterator[str]:
    training = charter.training
    yield _network(charter)
    momentum = f" with momentum {training.momentum:g}" if training.momentum else ""
    yield (
        f"Training: {training.optimizer}{momentum}, learning rate {training.learning_rate:g}, "
        f"{training.batch_size} rows a step, {_count(training.local_epochs, 'local epoch')} a round."
    )
    if training.weight_decay:
        share = training.weight_decay * training.learning_rate
        yield f"Each step also takes {share:.2g} of every weight away (weight decay)."


def _network(charter: Charter) -> str:
    network = charter.network
    if network.model:
        return f"Network: {_code(network.model, network.digest)}{_members(network)}."
    own = "".join(f"; {_layers(party.hidden)} at {party.name}" for party in charter.roster if party.hidden)
    return (
        f"Network: {_first(network)}{_layers(network.hidden)}{own}; activation {network.activation}; "
        f"one output unit ({network.output}){_members(network)}."
    )


def _code(named: str, digest: str) -> str:
    return f"{named}, code of your own that runs at every party, where its digest is {digest}"


def _steps(charter: Charter) -> Iterator[str]:
    """Yield what the trained algorithm adds to local steps and to the common one, as it is applied."""
    choice = charter.algorithm
    name, pull = choice.name, choice.pull(choice.name)
    near = f"{pull:g} / 2 times the squared distance from the common weights."
    alone = _count(choice.alone_rounds, "round")
    own = {
        "fedprox": f"Added to the loss: {near}",
        "ditto": f"Each party trains a personal model beside the common one; added to its loss: {near}",
        "fedrep": "Each round trains the last layer first, then the others, a round's local epochs each.",
        "scaffold": "Each step is corrected by how the party's mean gradient differs from everybody's.",
        "fsvrg": "Each step goes along everybody's gradient, corrected by how the batch's has changed since.",
        "fedbcd": f"Each party runs {PASSES} times its local epochs between two exchanges.",
        "clustered": f"Parties whose changes pull apart are parted, into {choice.clusters} clusters at most.",
        "hyfdca": (
            "Its model is linear, whatever the network; a step solves for one row's dual number. Added to "
            f"all losses together: {choice.ridge:g} / 2 times the squared length of the weights."
        ),
        "fine_tuned": f"The last {alone} each party trains alone, from the common model.",
    }
    if name in BROUGHT:
        yield f"Algorithm: {_code(choice.own, choice.digest)}."
    if name in own:
        yield own[name]
    if "server_rate" in METHODS[name].settings:
        yield f"The coordinator's step along the parties' mean change: {choice.rate(name):g}."
    if name in LATE:
        yield (
            f"Nobody is waited for: a round goes on with {choice.cohort} parties or more, and a party may "
            f"miss {_count(choice.staleness, 'round')} in a row. In a simulation the seed draws who arrives."
        )


def _features(charter: Charter) -> str:
    preparation = charter.preparation
    if preparation.features == "pca":
        named = sorted({column.group for column in charter.data.columns if column.group})
        of = f"each group of columns ({', '.join(named)})" if named else "all of a party's sensors"
        return f"the {preparation.components} principal components of {of}"
    if preparation.features == "ewma":
        spans = ", ".join(f"{span:g}" for span in preparation.spans)
        return f"each sensor's running means over {spans} rows"
    return (
        f"each sensor's last {preparation.window} rows"
        if preparation.features == "window"
        else "the readings"
    )


def _scaling(charter: Charter) -> str:
    if charter.preparation.scaling == "range":
        return "scaled by the charter's ranges"
    whose = "a party's own" if charter.algorithm.name == "isolated" else "the parties' common"
    where = "" if charter.data.regimes.kind == "none" else " in each operating regime"
    cut = f", cut off {charter.preparation.clip:g} deviations away" if charter.preparation.clip else ""
    return f"scaled by {whose} mean and deviation{where}{cut}"


def _age(charter: Charter) -> str:
    age = charter.preparation.age
    return f"; and the asset's age, in units of {age:g} {time_unit(charter)}" if age else ""


def _first(network: Network) -> str:
    """Return what comes before the hidden layers."""
    if network.embedding:
        return f"each value of a category looked up as {_count(network.embedding, 'number')}, then "
    if network.kind == "perceptron":
        return ""
    channels = ", ".join(map(str, network.channels))
    return f"convolution of {channels} channels ({network.taps} taps, stride {network.stride}), then "


def _members(network: Network) -> str:
    return f"; the mean of {network.ensemble} such networks" if network.ensemble > 1 else ""


def _layers(hidden: Sequence[int]) -> str:
    if not hidden:
        return "no hidden layer"
    return f"hidden layer{'s' if len(hidden) > 1 else ''} of {', '.join(map(str, hidden))} units"


_LOSSES = {
    "sum": "sum (eq. 7: the parties' outputs add up to the label)",
    "mse": "mse (eq. 8: own and partners' predictions against the label)",
    "cross_entropy": "cross_entropy (eq. 9: as eq. 8, the label taken as a probability)",
}


def _shared_loss(charter: Charter) -> str:
    choice, name = charter.algorithm, METHODS[charter.algorithm.name].loss or charter.algorithm.loss
    weight = "1 / parties at hand" if choice.alpha is None else f"{choice.alpha:g}"
    alpha = "" if name == "sum" else f", alpha {weight}"
    gradient = "" if choice.gradient == "exact" else f", gradient as in the authors' {choice.gradient} code"
    side = "above" if charter.parties > UNDAMPED_PARTIES else "up to"
    of = f"{side} {UNDAMPED_PARTIES} parties" if name == choice.loss else "where outputs add up"
    default = f" (the default {of})" if choice.damping is None else ""
    own = [one for one in charter.compare if METHODS[one].loss]
    summed = f"; of {', '.join(own)}, {_LOSSES['sum']}" if own and name != "sum" else ""
    return f"{_LOSSES[name]}{alpha}, damping {charter.damping(choice.name):g}{default}{gradient}{summed}"


def _who_is_waited_for(charter: Charter) -> Iterator[str]:
    late = charter.lateness
    if late.rule == "go_on":
        yield (
            f"Lateness: a round goes on after {late.seconds:g} s with those who answered, "
            f"{charter.needed} of {charter.parties} at least. In a simulation nobody is late."
        )
    elif late.rule == "stale":
        yield (
            f"Lateness: a round goes on once {charter.needed} of {charter.parties} have answered and half as "
            "long again has passed. A late answer counts in a later round, divided by the root of 1 + its "
            f"age in rounds, up to an age of {late.oldest}. After {late.seconds:g} s without enough answers "
            "the run ends. In a simulation nobody is late."
        )
    elif late != Lateness():
        yield f"Lateness: after {late.seconds:g} s without an answer a run of separate machines ends."


def _how_it_is_judged(charter: Charter) -> Iterator[str]:
    if charter.compare:
        compared = "; ".join(f"{name} ({METHODS[name].compared})" for name in charter.compare)
        yield f"Compared with: {compared}."
    else:
        yield "Compared with: nothing; add baselines to compare to learn whether federating was worth it."
    yield f"How it is judged: {how_it_is_judged(charter)}."
    if METHODS[charter.algorithm.name].reading == "joined":
        yield (
            "A joint prediction is the mean of all parties' predictions and needs all their sensors on "
            "the row; alone, a party predicts from its own sensors."
        )


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_LISTED])
    return shown if len(names) <= _LISTED else f"{shown} and {len(names) - _LISTED} more"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
