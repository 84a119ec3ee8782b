"""The commented charters that `hansa charter init` prints."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hansa.core.charter import Column, Data, proposed_secrecy
from hansa.core.charter_choices import word_faults
from hansa.core.charter_schema_rules import names_of
from hansa.core.charter_template_words import LIVES, TEMPLATE_WORDS, TemplateWords
from hansa.core.charter_writer import render_columns, render_label, render_regimes, toml_value
from hansa.core.errors import CharterError

TEMPLATES = ("cmapss", "simulated")


def template(kind: str) -> str:
    """Return a commented charter; kind: `cmapss` (C-MAPSS FD004) or `simulated`.

    Raises CharterError for another kind.
    """
    for fault in word_faults("", "kind of charter", kind, TEMPLATES):
        raise CharterError(fault.what, do=fault.do, where="charter init")
    name, data = ("fd004", _CMAPSS) if kind == "cmapss" else ("simulated", _SIMULATED)
    cap = _cap(120, 1, "cycles", " (125 is usual, too)")
    return _HEAD.format(name=name, parties=4, own=LIVES) + data.format(cap=cap) + _tail(LIVES, 13, 100, 4)


def table_template(found: Data, parties: int = 4, failure_weight: float = 1.0) -> str:
    """Return a commented charter for the user's own table, with the schema that was found in it.

    found: its task, columns, label, regimes, cap and bin; its file as the charter shall name it, relative
    to the data folder. failure_weight: of failures, how often a failed row counts.
    """
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", re.split(r"[/\\]", found.file)[-1].split(".")[0])
    own = TEMPLATE_WORDS[found.task]
    data = _TABLE.format(
        file=toml_value(found.file),
        missing=toml_value(found.missing),
        judged=_judged(found),
        own=own,
        columns=render_columns(found.columns),
        label=_label(found),
        regimes=render_regimes(found.regimes),
    )
    head = _HEAD.format(name=stem.strip("-_")[:64] or "own-table", parties=parties, own=own)
    sensors = _most_sensors(found.columns) if own.kind == "hybrid" else 0
    age = found.label_cap if found.task == "rul" else 0  # half of a typical life
    return head + data + _tail(own, sensors, age, parties, failure_weight)


def _judged(found: Data) -> str:
    """Return what of [data] belongs to the task alone."""
    if found.task == "failure":
        return _THRESHOLD
    if found.task == "price":
        return ""
    units = [column.unit for column in found.columns if column.role == "time"]
    return "\n" + _cap(found.label_cap, found.label_bin, (units and units[0]) or "time units", "")


def _label(found: Data) -> str:
    if found.task == "failure":
        return f"[label]\n{_FAILED}failed = {toml_value(found.label.failed)}"
    return render_label(found.label)


def _tail(own: TemplateWords, sensors: int, age: float, parties: int, failure_weight: float = 1.0) -> str:
    weighed = own.weighed.format(weight=toml_value(failure_weight))
    secrecy = proposed_secrecy(parties)
    return _TAIL.format(own=own, sensors=sensors, age=toml_value(age), weighed=weighed, secrecy=secrecy)


def _cap(cap: float, width: float, unit: str, also: str) -> str:
    return _CAP.format(cap=toml_value(float(cap)), bin=toml_value(float(width)), unit=unit, also=also)


def _most_sensors(columns: Sequence[Column]) -> int:
    """Return about 13 in 16 of the sensors, at least one fewer than all; 0, meaning all, of one or two."""
    sensors = len(names_of(columns, "sensor"))
    return sensors - max(1, round(sensors * 3 / 16)) if sensors > 2 else 0


_HEAD = """\
# A Hansa charter: what the parties agree to learn together, and how.
# `hansa charter check` explains it in plain words; `hansa run` carries it out.

# A short name; the output folder is named after it.
name = "{name}"

# Who agrees to this charter.
consortium = "Example consortium"

# What is learned: {own.task}, {own.learned}.
task = "{own.task}"

# How many parties take part. To name them, remove this line and write a table
# [party.NAME] for each, as at the end of this file.
parties = {parties}

# Every draw of chance follows from this number: same seed, same models.
seed = 7

# How often the parties train and exchange.
rounds = 100

# For comparison, on the same assets: centralised, isolated, isolated_mean, or any other name that [algorithm]
# may have. What is trained is left out.
compare = {own.compare}

[data]
"""

_CAP = """\
# Remaining life is counted up to this number of {unit}; more than that is all the same{also}.
label_cap = {cap}

# Labels this close, in {unit}, count as one label.
label_bin = {bin}
"""

_FAILED = "# The cell of the target that says that an asset failed; any other says that it did not.\n"

_THRESHOLD = """
# Share of the test's assets, of each class, that choose from which chance on one is said to fail.
validation_share = 0.5
"""

_CMAPSS = """\
# Where the records come from: cmapss, simulated or table.
source = "cmapss"

# FD001, FD002, FD003 or FD004. FD004 has six operating regimes and two fault modes.
subset = "FD004"

{cap}
# The columns and the six operating regimes of C-MAPSS are known; to change them,
# write [columns.NAME] and [regimes].
"""

_SIMULATED = """\
# Where the records come from: cmapss, simulated or table.
source = "simulated"

# Engines that run to failure, to learn from.
engines = 200

# Engines that stop before they fail, to be judged on.
test_engines = 80

{cap}
# The simulated turbofans have the columns and the six operating regimes of C-MAPSS; to change
# them, write [columns.NAME] and [regimes].
"""

_TABLE = """\
# Where the records come from: cmapss, simulated or table.
source = "table"

# The file or folder with the records of all assets, CSV or Parquet. If each party has its own,
# remove this line, write kind = "given" in [partition] and data = "FILE" in each [party.NAME].
file = {file}

# Share of the assets that are kept for the test.
test_share = 0.2

# Empty cells: refuse, or hold (the asset's last value, plus a flag that it was missing).
missing = {missing}
{judged}
# The columns that all parties agree on. Each has a role: asset (which machine), time, target
# ({own.target}), setting (how it is operated), sensor, category (with its values) or ignore.
# A unit allows conversion; a range = [low, high] refuses readings outside it.
{columns}

{own.label}{label}

# Operating regimes, within which readings are compared: none, bins (edges for each setting) or
# centres (one number a setting).
{regimes}
"""

_TAIL = """\

[partition]
# How the assets and sensors are dealt: horizontal (other assets, all sensors), vertical (all assets,
# other sensors), hybrid (other assets, other sensors), mixed, or given (each party has its file).
kind = "{own.kind}"

# Which assets go to whom: shuffled, or uneven by fault_mode, regime or fleet_size; column, for a table whose
# column by = "NAME" tells whose an asset is.
deal = "shuffled"

# How many sensors each party has, drawn by the seed; 0 means all.
sensors_per_party = {sensors}

# Share of the assets that every party sees; only for kind = "mixed", or with "mixed" in compare,
# and a third without this line.
# shared_assets = 0.33

[preparation]
# Scaling of the readings: regime (by the parties' common mean and spread in each operating regime) or
# range (by each column's range).
scaling = "regime"

# What the network sees of a sensor: raw (the reading), ewma (smoothed, add spans) or window (the last
# readings, add window = 10).
features = "{own.features}"
{own.spans}
# The asset's age, too: the time since its first row, in units of this; 0 leaves it out.
age = {age}

# With aligned, what stands for a sensor that a party lacks: its mean, or what the party's own sensors say of
# it, by a federated regression.
lacking = "{own.lacking}"

[network]
# perceptron (fully connected layers) or convolution (along time; it needs features = "window" and
# window = 30, say, and takes channels = [16, 16], taps = 5 and stride = 2 unless they are given).
kind = "perceptron"

# Units of each hidden layer.
hidden = [{own.hidden}]

# What a hidden unit computes: sigmoid, tanh or relu.
activation = "{own.activation}"

# What the last unit computes: linear, relu or sigmoid.
output = "{own.output}"

# Numbers that each value of a category is looked up as; 0 takes its indicators as they are.
embedding = 0

# How many such networks, each from first weights of its own, predict by their mean. 4 err less, and take
# four times as long.
ensemble = 1

[training]
# How each party trains between two exchanges: adam or sgd.
optimizer = "adam"

# Size of a training step.
learning_rate = {own.rate}

# Rows in a training step.
batch_size = 128

# Passes over a party's own rows in each round.
local_epochs = 1

# With sgd: share of the last step that is kept.
momentum = 0
{weighed}
[algorithm]
# How the parties learn together. By predictions: labsync_mean (means by label), labsync (row by row,
# labels seen by the coordinator), vertical (by row), fedbcd (by row, seldom), vafl, fdml, afsgd_vp (by row,
# nobody waited for), mixed. By weights: fedavg, fedprox, fedavgm, fedadam, fedyogi, fednova, scaffold, fsvrg,
# and where parties differ in their sensors aligned and hyfdca (a linear model). By weights, with a model of
# each party's own: fedper, fedrep, own_scaling, ditto, fine_tuned; of each cluster's, with changes seen by
# the coordinator: clustered. By nothing: isolated. Boosted trees instead of networks: trees, which shows
# gradients. What shows more than sums needs secrecy = "open" in [protection].
name = "{own.algorithm}"

# How own and partners' predictions are held against the label: mse, sum or cross_entropy.
loss = "{own.loss}"

# exact, or as the authors of the paper coded it: matlab or python.
gradient = "exact"

# Weight of one prediction in the parties' mean; without this line 1 / parties.
# alpha = 0.25

# Share of the partners' old predictions that is kept in each round, against oscillation;
# without this line 0 up to 8 parties and 0.5 above.
# damping = 0.5

# Only for fedprox and ditto: how strongly a party's model is pulled to the common one; without this line
# 0.01 and 0.1.
# proximal = 0.01

# Only for fedavgm, fedadam, fedyogi and scaffold: the coordinator's step along the parties' mean change;
# without this line 0.1, 0.01, 0.01 and 1.
# server_rate = 0.1

# Only for fine_tuned: how many of the last rounds each party trains alone.
# alone_rounds = 10

# Only for clustered: how many models there may be, at most.
# clusters = 4

# Only for hyfdca: how strongly the weights are held at 0.
# ridge = 10

# Only for vafl, fdml and afsgd_vp: how many rounds in a row a party may miss, and how many parties a sum is
# over, at least.
# staleness = 4
# cohort = 2

[protection]
# Who sees what a party sends. masked: nobody; the coordinator learns sums over 3 to 50 parties. shared: three
# servers, of which no one sees it; they learn how long updates are and the angles between them. encrypted: a
# custodian of the key, who must be trusted to open sums alone. open: the coordinator sees each party's terms.
secrecy = "{secrecy}"

# How many parties a sum, and each of its cells (a sensor, a label), is over, at least.
# cohort = 3

# The most rows that a party may count for; how many it has is masked as a share of it.
# most_rows = 10000000

# How long the coordinator of separate machines waits in each step; then the run ends. go_on: a round goes on
# without those who are late, where weights are averaged. stale: their answers count in a later round.
# [lateness]
# rule = "wait"
# seconds = 3600

# How updates are weighed where some parties may send bad ones, and how many bad ones that shall bear.
# [defence]
# rule = "geometric_median"
# before = "nnm"                    # each update first becomes the mean of those nearest to it
# bad = 1

# A vote on the model, by assets that each party keeps out of its training.
# [validation]
# share = 0.2
# [gate]
# every = 10

[evaluation]
# What smooths the predictions before they are judged: kalman, drift (knows that life runs out) or none.
filter = "{own.filter}"

# A named party, and what it may choose or map for itself:
# [party.north]
# sensors = ["s2", "s3"]            # the sensors that it has
# hidden = [20]                     # its own hidden layers; not where weights are averaged
# data = "north.csv"                # table only: its own file
# columns = {{ s2 = "T24" }}          # table only: the name of a column in its file
# units = {{ s2 = "degC" }}           # table only: the unit of a column in its file
"""
