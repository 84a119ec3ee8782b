"""The charter as frozen records: what is trained, on which schema, by which algorithm, for whom.

Read from TOML by `hansa.core.charter_reader`; nothing here touches a file. The digest of a charter
leaves the roster out, so that a party can join later under an unchanged charter; the roster has a
digest of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hansa.core.methods import BY_ROW, METHODS

PROXIMAL = {"fedprox": 0.01, "ditto": 0.1}
"""How strongly parties are pulled to the common model, unless the charter says otherwise."""

SERVER_RATES = {"fedavgm": 0.1, "fedadam": 0.01, "fedyogi": 0.01, "scaffold": 1.0}
"""The coordinator's step along the mean change, unless the charter says otherwise."""

LEAST_SUMMED, MOST_SUMMED = 3, 50
"""Parties of a protected sum: two would know each other's terms, and pairs grow as squares."""

PASSES = 5
"""How many times FedBCD runs the charter's local epochs between two exchanges."""

UNDAMPED_PARTIES = 8
"""Up to so many parties the exchange is not damped, unless the charter says otherwise."""

STALE_ROUNDS = 4
"""How many rounds late an answer may come, where stale ones count, unless the charter says otherwise."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the schema that all parties agreed on."""

    name: str
    role: str  # asset, time, target, setting, sensor, category or ignore
    unit: str = ""  # empty: no unit stated, none converted
    low: float | None = None  # physical range; a cell outside it is refused
    high: float | None = None
    values: tuple[str, ...] = ()  # category only: the listed values; others become "other"
    group: str = ""  # features pca: the columns whose components are taken together; empty: those without one


@dataclass(frozen=True, slots=True)
class Label:
    """Where the target comes from when the user brings a table."""

    source: str = "target"  # target (its column), failed_at (a column of failure times) or threshold
    column: str = ""  # the column read; for threshold, the sensor that is watched
    below: float | None = None  # threshold: the asset has failed at the first row under this value
    above: float | None = None  # threshold: ... or over this value
    failed: str = "1"  # task failure: the cell that says that an asset failed; all others are of one kind


@dataclass(frozen=True, slots=True)
class Regimes:
    """How rows are assigned to operating regimes before they are normalised."""

    kind: str = "none"  # centres, bins or none
    centres: tuple[tuple[float, ...], ...] = ()  # (regimes, settings), in the order of the settings
    bins: tuple[tuple[str, tuple[float, ...]], ...] = ()  # setting and its inner edges


@dataclass(frozen=True, slots=True)
class Data:
    """What the parties' records look like and where a simulation finds them."""

    task: str = "rul"  # one of hansa.core.tasks.TASKS; a key of the top level
    source: str = "simulated"  # cmapss, simulated or table
    subset: str = ""  # cmapss only: FD001 to FD004
    label_cap: float = 120.0  # labels and truth alike are min(cap, remaining), in time units
    label_bin: float = 1.0  # width of one label key, in time units
    file: str = ""  # table only: a file or folder; parties may name their own instead
    test_file: str = ""  # table only: assets kept for the test; else test_share of them
    test_share: float = 0.2  # table only
    validation_share: float = 0.5  # task failure: of the test's assets, those that choose the threshold
    engines: int = 80  # simulated only: engines that run to failure in training
    test_engines: int = 40  # simulated only
    columns: tuple[Column, ...] = ()
    label: Label = Label()
    regimes: Regimes = Regimes()
    missing: str = "refuse"  # refuse, or hold: last value, else federated mean, plus a flag


@dataclass(frozen=True, slots=True)
class Partition:
    """How a simulation deals one set of assets to the parties."""

    kind: str = "hybrid"  # horizontal, vertical, hybrid, mixed, or given (each party has its file)
    deal: str = "shuffled"  # shuffled, fault_mode, regime, fleet_size or column
    by: str = ""  # deal column: the column of the table that tells whose an asset is
    sensors_per_party: int = 0  # 0: all sensors
    shared_assets: float = 0.0  # mixed only: share of the assets that every party sees


@dataclass(frozen=True, slots=True)
class Preparation:
    """From records to inputs of the network."""

    scaling: str = "regime"  # regime (z-score by federated statistics) or range (charter's low, high)
    clip: float = 0.0  # scaling regime: z-scores beyond it are cut off at it; 0: none are
    features: str = "raw"  # raw, ewma, window or pca
    spans: tuple[float, ...] = ()  # ewma: spans in rows
    window: int = 1  # window: rows stacked, the row itself and those before it
    components: int = 0  # pca: principal components of each group of columns, at most
    lacking: str = "mean"  # aligned: what stands for a sensor that a party lacks: mean or regression
    age: float = 0.0  # time since the asset's first row that counts as 1; 0: age is no input


@dataclass(frozen=True, slots=True)
class Network:
    """What predicts; a party may replace `hidden` by its own."""

    hidden: tuple[int, ...] = (10,)  # fully connected layers; of a convolution, those on top
    activation: str = "sigmoid"  # sigmoid, tanh or relu
    output: str = "linear"  # linear, relu or sigmoid
    kind: str = "perceptron"  # perceptron, or convolution over a window
    channels: tuple[int, ...] = (16, 16)  # convolution only: of each layer along time
    taps: int = 5  # convolution only: places that a unit sees
    stride: int = 2  # convolution only: places between units
    embedding: int = 0  # numbers that each value of a category is looked up as; 0: its indicators are inputs
    ensemble: int = 1  # networks that are trained apart and predict by their mean
    model: str = ""  # a model in the user's own module, MODULE:NAME; replaces all of the above but ensemble
    digest: str = ""  # of that module's source


@dataclass(frozen=True, slots=True)
class Training:
    """The local epochs that every party runs between two exchanges."""

    optimizer: str = "adam"  # adam or sgd
    learning_rate: float = 0.01
    batch_size: int = 128
    local_epochs: int = 1
    momentum: float = 0.0  # sgd only: share of the last step that is kept
    weight_decay: float = 0.0  # a step of rate r also takes r times this share off every weight
    horizon: float = 0.0  # plain squared error only: a row counts 1 + horizon (1 - y) times
    failure_weight: float = 1.0  # task failure: how often a failed row counts
    oversample: str = "none"  # task failure: none, or smote, by each party on its own training rows


@dataclass(frozen=True, slots=True)
class AlgorithmChoice:
    """The algorithm that is trained, and its settings; each means something to some algorithms alone."""

    name: str = "labsync_mean"  # one of hansa.core.methods.TRAINABLE
    loss: str = "mse"  # sum (eq. 7), mse (eq. 8) or cross_entropy (eq. 9)
    gradient: str = "exact"  # exact, or the authors' code: matlab, python
    alpha: float | None = None  # weight of one prediction in the mean; none: 1 / parties at hand
    damping: float | None = None  # none: 0 (the paper) up to 8 parties, 0.5 above
    proximal: float | None = None  # fedprox, ditto: the pull to the common model; none: PROXIMAL
    server_rate: float | None = None  # the coordinator's step; none: SERVER_RATES
    alone_rounds: int = 0  # fine_tuned: how many of the last rounds each party trains alone
    clusters: int = 4  # clustered: how many models there may be, at most
    ridge: float = 10.0  # hyfdca: how strongly the weights are held at 0
    staleness: int = 4  # vafl, fdml, afsgd_vp: how many rounds in a row a party may miss
    cohort: int = 2  # the same: how many parties a sum is over, at least
    own: str = ""  # own, own_personal: an algorithm in the user's own module, MODULE:NAME
    digest: str = ""  # of that module's source
    leaves: str = ""  # own, own_personal: what leaves a party in every round, in the consortium's words

    def pull(self, name: str) -> float:
        """Return how strongly a scenario pulls to the common model; what is compared takes the default."""
        own = self.proximal if name == self.name else None
        return PROXIMAL.get(name, 0.0) if own is None else own

    def rate(self, name: str) -> float:
        """Return the coordinator's step under a scenario; what is compared takes the default."""
        own = self.server_rate if name == self.name else None
        return SERVER_RATES.get(name, 1.0) if own is None else own


@dataclass(frozen=True, slots=True)
class Trees:
    """What `trees` grows, one tree a round."""

    depth: int = 6  # splits from the root of a tree to a leaf, at most
    rate: float = 0.1  # share of each tree's answer that is added


@dataclass(frozen=True, slots=True)
class Protection:
    """What the members accept that others see."""

    secrecy: str | None = None  # masked, shared, encrypted or open; none: masked
    cohort: int = 3  # parties of a sum, and of each of its cells, at least
    most_rows: int = 10_000_000  # what a party may count for; its weight is masked as a share of it
    width: int = 64  # masked: bits of a number, 32 or 64
    norm: float | None = None  # shared, or judged: how long an update may be; shared, none: twice the root


@dataclass(frozen=True, slots=True)
class Lateness:
    """How long the coordinator of separate machines waits; in a simulation nobody is late."""

    rule: str = "wait"  # wait; go_on: without those who are late in a round; stale: they count later
    seconds: float = 3600.0  # that a step waits; then the run ends, or goes on
    quorum: int | None = None  # go_on, stale: parties that a round needs; none: more than half of them
    rounds: int | None = None  # stale: how many rounds late an answer may come; none: STALE_ROUNDS

    @property
    def oldest(self) -> int:
        """Return how many rounds late an answer may come and still count."""
        return self.rounds or STALE_ROUNDS


@dataclass(frozen=True, slots=True)
class DefenceChoice:
    """How updates are weighed where some parties may send bad ones."""

    rule: str = "none"  # none, or one of hansa.core.defences.DEFENCES
    before: str = "none"  # what is done to updates before the rule: none, nnm or arc
    bad: int = 1  # how many bad parties the rule shall bear
    trusted: str = ""  # fltrust, monna: the party whose update the others are held against


@dataclass(frozen=True, slots=True)
class Validation:
    """What parties keep out of training, to test models with and to value what others bring."""

    share: float = 0.0  # of each party's own assets


@dataclass(frozen=True, slots=True)
class Gate:
    """When parties vote on the common model."""

    every: int = 0  # rounds between two votes; 0: nobody votes
    quorum: int | None = None  # votes that a model needs; none: those of more than half of the parties
    tolerance: float = (
        0.05  # how much more a new model may lose on a party's own validation assets, as a share
    )


@dataclass(frozen=True, slots=True)
class Reward:
    """What parties are paid for."""

    measure: str = "none"  # none, shapley (on models), gradient or quadratic (from products of updates)
    every: int = 1  # rounds between two measurements
    credits: int = 1000  # paid out for a run, to all parties together
    pays: str = "lower"  # the end of the interval that is paid: lower, or the mean


@dataclass(frozen=True, slots=True)
class Credits:
    """What credits buy, and how long they last."""

    prices: tuple[tuple[str, int], ...] = ()  # service -> credits for one use of it
    days: int = 0  # after which they expire; 0: never


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How predictions are filtered before they are scored."""

    filter: str = "kalman"  # kalman (Algorithm 4), drift (knows that life runs out) or none


@dataclass(frozen=True, slots=True)
class Party:
    """One member of the roster and what it maps or chooses for itself."""

    name: str
    data: str = ""  # table only: its own file or folder
    columns: tuple[tuple[str, str], ...] = ()  # charter's column name -> name in its file
    units: tuple[tuple[str, str], ...] = ()  # charter's column name -> unit in its file
    sensors: tuple[str, ...] = ()  # the sensors it has; empty: as the partition deals them
    hidden: tuple[int, ...] = ()  # its own hidden layers; empty: the charter's


@dataclass(frozen=True, slots=True)
class Charter:
    """The contract. `roster` is digested apart."""

    name: str
    consortium: str
    seed: int
    rounds: int
    data: Data
    partition: Partition
    preparation: Preparation
    network: Network
    training: Training
    algorithm: AlgorithmChoice
    evaluation: Evaluation
    trees: Trees = Trees()
    protection: Protection = Protection()
    lateness: Lateness = Lateness()
    defence: DefenceChoice = DefenceChoice()
    validation: Validation = Validation()
    gate: Gate = Gate()
    reward: Reward = Reward()
    credits: Credits = Credits()
    compare: tuple[str, ...] = ()
    roster: tuple[Party, ...] = field(default=())

    @property
    def task(self) -> str:
        """Return what is learned."""
        return self.data.task

    @property
    def parties(self) -> int:
        """Return how many parties the roster names."""
        return len(self.roster)

    @property
    def secrecy(self) -> str:
        """Return how sums are protected; nothing is open that no charter says to be."""
        return self.protection.secrecy or "masked"

    @property
    def judges(self) -> bool:
        """Return whether what arrives is checked party by party: for a rule, or for a reward."""
        return self.defence.rule != "none" or self.reward.measure != "none"

    @property
    def quorum(self) -> int:
        """Return how many parties it takes to open a masked sum."""
        return quorum(self.parties)

    @property
    def needed(self) -> int:
        """Return how many parties must answer in a round in time."""
        if self.lateness.rule == "wait":
            return self.parties
        least = self.lateness.quorum or self.parties // 2 + 1
        return least if self.secrecy == "open" else max(least, self.quorum, self.protection.cohort)

    @property
    def changes_members(self) -> bool:
        """Return whether members may come and go within a run of separate machines.

        Masked sums of two cohorts that differ by one party would show what that one adds; predictions are
        shared, votes counted and rewards dealt among those who began together.
        """
        if self.judges or self.gate.every:
            return False
        method = METHODS[self.algorithm.name]
        apart = method.exchanges == "weights" and not (method.framed or method.in_clear)
        return self.secrecy == "open" and apart and self.preparation.features != "pca"

    @property
    def same_sensors(self) -> bool:
        """Return whether all parties list the same sensors; none listed means all."""
        every = frozenset(column.name for column in self.data.columns if column.role == "sensor")
        return len({frozenset(party.sensors) or every for party in self.roster}) == 1

    @property
    def columns_apart(self) -> bool:
        """Return whether parties bring columns of their own of rows that all have, as their trees need it."""
        kind = self.partition.kind
        return kind == "vertical" or (kind == "given" and not self.same_sensors)

    @property
    def same_rows(self) -> bool:
        """Return whether every party needs every row: with files of their own, too, all are judged alike."""
        name = self.algorithm.name
        return name in BY_ROW or (name == "trees" and self.columns_apart)

    def damping(self, scenario: str) -> float:
        """Return the share of the partners' old predictions that is kept in each round, as it is applied."""
        if self.algorithm.damping is not None:
            return self.algorithm.damping
        if (
            METHODS[scenario].loss == "sum"
        ):  # undamped, J parties that each fill the gap overshoot J - 1 times
            return 1.0 - 1.0 / self.parties
        return 0.5 if self.parties > UNDAMPED_PARTIES else 0.0


def quorum(parties: int) -> int:
    """Return the least number above two thirds of all parties.

    Two lists of survivors can then not both be signed unless a third of the parties sign twice.
    """
    return 2 * parties // 3 + 1


def proposed_secrecy(parties: int) -> str:
    """Return what a printed charter proposes: masked wherever so many parties can be."""
    return "masked" if LEAST_SUMMED <= parties <= MOST_SUMMED else "open"
