"""What each scenario is, said once: how it may be dealt, what leaves a party, what its figure is of.

A scenario is a method that a charter can train, or a baseline that stands beside it. Rules, words, reports
and the simulation look here; how a method computes is in `hansa.algorithms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

_WEIGHTS = "The change of its network's weights and its number of rows, each round."
_WEIGHTS_TERM = "the change of the network's weights times the party's row count, and its row count"
_ONE_MODEL = ("horizontal", "given")
_ANY = ("horizontal", "vertical", "hybrid", "mixed", "given")
_PREDICTION = ("loss", "gradient", "alpha", "damping")
_LATE = ("staleness", "cohort")
_OWN = ("own", "digest", "leaves")


@dataclass(frozen=True, slots=True)
class Method:
    """One scenario."""

    title: str  # as reports call it
    exchanges: str  # nothing, weights, predictions or histograms
    reading: str  # what its figure is of: one model, joined (the parties' mean), or mean of parties
    presumes: str  # what its figure takes for granted
    leaves: str  # what leaves a party, as the report says it
    compared: str  # what it is, as the charter's list of comparisons says it
    partitions: tuple[str, ...] = ()  # kinds under which it may be trained; none: a baseline
    deal: str = ""  # kind under which it is compared; empty: the charter's own
    term: str = ""  # what leaves in every round, as `hansa charter check` says it; predictions: see there
    settings: tuple[str, ...] = ()  # keys of [algorithm] that mean something to it
    alike: bool = False  # whether all parties need the same sensors
    framed: bool = False  # whether a party fills the inputs of others' sensors with 0
    linear: bool = False  # whether its model is linear, whatever the charter's network
    plain: bool = False  # whether its steps are those of plain SGD alone
    loss: str = ""  # of shared predictions, where it is the method's own and not the charter's
    wide: bool = False  # whether numbers of steps are sent beside weights
    in_clear: str = ""  # what it does that only a charter of open secrecy allows
    unjudged: str = ""  # why no rule can weigh its terms; empty: rules can


_AVERAGED = Method(
    "FedAvg",
    "weights",
    "one model",
    "the same sensors at every party",
    _WEIGHTS,
    "weights averaged; the assets dealt anew, all sensors",
    _ONE_MODEL,
    "horizontal",
    _WEIGHTS_TERM,
    alike=True,
)
_BODY = "The change of the shared weights and its number of rows, each round; its own part never."
_BODY_TERM = "the change of the shared weights times the party's row count, and its row count"
_PERSONAL = replace(_AVERAGED, reading="mean of parties", leaves=_BODY, term=_BODY_TERM)
_ALIGNED = Method(
    "Aligned FedAvg",
    "weights",
    "joined",
    "all parties' sensors on the row",
    "The change of its network's weights, which sensors it has, and its number of rows, each round.",
    "weights averaged over those that have the input; each party has its own sensors",
    ("horizontal", "hybrid", "given"),
    "hybrid",
    "the change of the network's weights and which inputs the party has, both times its row count, and "
    "its row count",
    framed=True,
)
_VERTICAL = Method(
    "Vertical",
    "predictions",
    "joined",
    "all parties' sensors on the row, in training too",
    "One prediction per row, each round.",
    "predictions by row; every party sees all assets",
    ("vertical", "given"),
    "vertical",
    settings=_PREDICTION,
)
_CHANGES = "The change of one prediction per row, in each round in which it arrives."

METHODS: Mapping[str, Method] = {
    "centralised": Method(
        "Centralised",
        "nothing",
        "one model",
        "all records in one place: the reference, not an option",
        "All its records. The scenario exists for comparison only.",
        "all records in one place, as if there were no firewalls",
        deal="horizontal",
    ),
    "isolated": Method(
        "Isolated",
        "nothing",
        "mean of parties",
        "nothing: each party's own model on its own sensors",
        "Nothing in training.",
        "each party alone",
        _ANY,
        term="nothing; each party trains alone",
    ),
    "isolated_mean": Method(
        "Mean of isolated models",
        "nothing",
        "joined",
        "all parties' sensors on the row; no training together",
        "Nothing in training; its prediction for every row that is scored together.",
        "the mean prediction of the parties' own models",
    ),
    "fedavg": _AVERAGED,
    "fedprox": replace(
        _AVERAGED,
        title="FedProx",
        compared="weights averaged, local training held near the common model",
        settings=("proximal",),
    ),
    "fedavgm": replace(
        _AVERAGED,
        title="FedAvgM",
        compared="weights averaged, with momentum at the coordinator",
        settings=("server_rate",),
    ),
    "fedadam": replace(
        _AVERAGED,
        title="FedAdam",
        compared="weights averaged, with Adam at the coordinator",
        settings=("server_rate",),
    ),
    "fedyogi": replace(
        _AVERAGED,
        title="FedYogi",
        compared="weights averaged, with Yogi at the coordinator",
        settings=("server_rate",),
    ),
    "fednova": replace(
        _AVERAGED,
        title="FedNova",
        wide=True,
        compared="weights averaged by direction, whatever a party's number of steps",
        leaves="The change of its network's weights for one step, its numbers of steps and of rows, each"
        " round.",
        term="the change of the network's weights for one step and the number of steps, both times the "
        "party's row count, and its row count",
        unjudged="whose terms hold numbers of steps beside weights",
    ),
    "scaffold": replace(
        _AVERAGED,
        title="SCAFFOLD",
        compared="weights averaged, local steps corrected by everybody's gradient",
        leaves="The changes of its network's weights and of its mean gradient, and its number of rows, each"
        " round.",
        term="the changes of the network's weights and of the party's mean gradient, both times its row "
        "count, and its row count",
        settings=("server_rate",),
        plain=True,
    ),
    "fsvrg": replace(
        _AVERAGED,
        title="FSVRG",
        wide=True,
        compared="weights averaged, local steps along the gradient of all rows, corrected",
        leaves="In each round first the gradient of its rows' loss and its number of steps, then the change"
        " of its network's weights; its number of rows with both.",
        term="first the gradient of the party's loss and its number of steps, then the change of the "
        "network's weights, all times its row count, and its row count with both",
        plain=True,
        unjudged="whose terms hold numbers of steps beside weights",
    ),
    "fedper": replace(_PERSONAL, title="FedPer", compared="all weights but the last layer's averaged"),
    "fedrep": replace(
        _PERSONAL,
        title="FedRep",
        compared="all weights but the last layer's averaged, the last trained first",
    ),
    "own_scaling": replace(
        _PERSONAL, title="Own scaling", compared="weights averaged, each party scales its own inputs"
    ),
    "ditto": replace(
        _AVERAGED,
        title="Ditto",
        reading="mean of parties",
        compared="weights averaged, and a personal model near the common one",
        settings=("proximal",),
    ),
    "fine_tuned": replace(
        _AVERAGED,
        title="Fine-tuned FedAvg",
        reading="mean of parties",
        leaves="The change of its network's weights and its number of rows, each round; in the last rounds"
        " zeros.",
        compared="weights averaged, then each party goes on alone",
        term=f"{_WEIGHTS_TERM}; in the last rounds zeros",
        settings=("alone_rounds",),
    ),
    "clustered": replace(
        _AVERAGED,
        title="Clustered FedAvg",
        reading="mean of parties",
        leaves=f"{_WEIGHTS} The coordinator sees each party's by itself, and compares them.",
        compared="weights averaged within clusters of parties whose changes agree",
        term=f"{_WEIGHTS_TERM}; the coordinator sees each party's by itself",
        settings=("clusters",),
        in_clear="shows the coordinator each party's change by itself",
        unjudged="which compares parties' changes itself",
    ),
    "aligned": _ALIGNED,
    "hyfdca": replace(
        _ALIGNED,
        title="HyFDCA",
        leaves="What its rows change in the weights of a linear model, each round.",
        compared="a linear model found through one dual number a row; each party has its own sensors",
        term="what the party's rows change in the weights of a linear model",
        settings=("ridge",),
        linear=True,
        unjudged="whose terms must all be added up",
    ),
    "own": replace(
        _AVERAGED,
        title="Own algorithm",
        leaves="What the charter says of the parties' own algorithm.",
        compared="the parties' own algorithm, one common model",
        term="what the charter says of the parties' own algorithm",
        settings=_OWN,
        unjudged="whose terms its authors alone know",
    ),
    "own_personal": replace(
        _AVERAGED,
        title="Own algorithm, personal",
        reading="mean of parties",
        leaves="What the charter says of the parties' own algorithm.",
        compared="the parties' own algorithm, a model at each party",
        term="what the charter says of the parties' own algorithm",
        settings=_OWN,
        unjudged="whose terms its authors alone know",
    ),
    "vertical": _VERTICAL,
    "fedbcd": replace(
        _VERTICAL,
        title="FedBCD",
        compared="predictions by row, exchanged after every fifth time through the rows",
    ),
    "vafl": replace(
        _VERTICAL,
        title="VAFL",
        leaves=_CHANGES,
        compared="predictions by row, nobody waited for",
        settings=(*_PREDICTION, *_LATE),
        unjudged="whose terms are changes that add up over rounds",
    ),
    "fdml": replace(
        _VERTICAL,
        title="FDML",
        leaves=_CHANGES,
        compared="predictions by row that add up to the label, nobody waited for",
        settings=("damping", *_LATE),
        loss="sum",
        unjudged="whose terms are changes that add up over rounds",
    ),
    "afsgd_vp": replace(
        _VERTICAL,
        title="AFSGD-VP",
        leaves=_CHANGES,
        compared="predictions by row that add up to the label, plain SGD, nobody waited for",
        settings=("damping", *_LATE),
        plain=True,
        loss="sum",
        unjudged="whose terms are changes that add up over rounds",
    ),
    "labsync": Method(
        "FedLabSync",
        "predictions",
        "joined",
        "all parties' sensors on the row; labels open to the coordinator",
        "Once, the label of each of its rows; each round, one prediction per row. Totals addressed"
        " to one party can be solved for single rows when pairings repeat.",
        "predictions and labels row by row",
        ("horizontal", "hybrid", "given"),
        "hybrid",
        settings=_PREDICTION,
        in_clear="shows labels and predictions row by row",
        unjudged="which pairs rows with rows; labsync_mean learns the same and is judged",
    ),
    "labsync_mean": Method(
        "LabSync-Mean",
        "predictions",
        "joined",
        "all parties' sensors on the row",
        "Each round, per label, the mean of its predictions and whether it has the label.",
        "mean predictions by label",
        ("horizontal", "hybrid", "given"),
        "hybrid",
        settings=_PREDICTION,
    ),
    "mixed": Method(
        "Mixed",
        "predictions",
        "joined",
        "all parties' sensors on the row; the shared assets matched by row in training",
        "Each round, one prediction per row of a shared asset and one mean per label of the others.",
        "predictions by row where assets are shared, else by label",
        ("mixed", "given"),
        "mixed",
        settings=_PREDICTION,
    ),
    "trees": Method(
        "Boosted trees",
        "histograms",
        "one model",
        "the same sensors at every party, or the same rows; all of them on the row that is scored",
        "In clear, each round: sums of gradients by feature and bin; where parties have columns of the same "
        "rows, the gradient of every row, which tells its label, and the best splits.",
        "gradient-boosted trees; the assets dealt anew unless all parties see all",
        ("horizontal", "vertical", "given"),
        "horizontal",
        "in clear, for each node of a tree the sums of gradients and curvatures of the party's rows by "
        "feature and bin; before that, quantiles of each feature",
        in_clear="show gradients and histograms in clear",
        unjudged="whose histograms must all be added up",
    ),
}

SCENARIOS = tuple(METHODS)
"""Names of what a run can train or compare, also the keys of `scenarios` in result.json."""

BROUGHT = ("own", "own_personal")
"""Scenarios whose algorithm is in a module of the user's own, which the charter names."""

TRAINABLE = tuple(name for name, method in METHODS.items() if method.partitions)
"""What a charter's algorithm may be; the others are baselines alone."""

BY_ROW = frozenset(
    name
    for name, method in METHODS.items()
    if method.exchanges == "predictions" and "vertical" in method.partitions
)
"""Scenarios whose parties share predictions by row; every party has every row."""

JUDGED = frozenset(
    name for name, method in METHODS.items() if method.exchanges != "nothing" and not method.unjudged
)
"""Scenarios whose terms a rule can weigh: changes of weights, or predictions."""

PRODUCED = frozenset(
    name
    for name, method in METHODS.items()
    if method.exchanges == "weights" and not (method.framed or method.wide or method.in_clear)
)
"""Scenarios whose terms three servers multiply under shared secrecy."""

STALE = frozenset(name for name, method in METHODS.items() if method.term in (_WEIGHTS_TERM, _BODY_TERM))
"""Scenarios whose terms are changes of weights and nothing else: one that comes late can still be added."""

LATE = frozenset(name for name, method in METHODS.items() if "staleness" in method.settings)
"""Those that wait for nobody: a round goes on without the parties that are late."""


def partition_under(kind: str, trained: str, scenario: str) -> str:
    """Return how a scenario's records are dealt; kind and trained: the charter's partition and algorithm."""
    if kind == "given" or scenario == trained or (scenario == "trees" and kind == "vertical"):
        return kind
    return METHODS[scenario].deal or kind


def exchanging(what: str) -> frozenset[str]:
    """Return the scenarios whose parties exchange weights, predictions or nothing."""
    return frozenset(name for name, method in METHODS.items() if method.exchanges == what)
