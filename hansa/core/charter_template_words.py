"""What the commented charters say and set for each task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class TemplateWords:
    """Words and settings of one task's template."""

    task: str
    learned: str  # after the task's name, in a comment
    target: str  # what the target column holds
    label: str  # the comment above [label], with its line end
    weighed: str  # which rows count more
    compare: str = '["centralised", "isolated", "isolated_mean"]'
    kind: str = "horizontal"
    features: str = "raw"
    spans: str = ""  # with its comment
    hidden: str = "10"
    activation: str = "sigmoid"
    output: str = "linear"
    rate: str = "0.01"
    lacking: str = "mean"
    algorithm: str = "fedavg"
    loss: str = "mse"
    filter: str = "none"


LIVES = TemplateWords(
    task="rul",
    learned="the remaining useful life",
    target="the remaining life",
    label="""\
# Where the label comes from: target (a column of remaining life), failed_at (a column with the time of
# failure) or threshold (a sensor falls below, or rises above, a number).
""",
    weighed="""
# How much more a row at failure counts than one at the cap, where predictions are not shared.
horizon = 0
""",
    # What did best on validation engines (benchmarks/results/accuracy-search.json). The paper's network, with
    # raw readings, 10 sigmoid units and a Kalman filter behind it, is what a charter has without these lines.
    features="ewma",
    spans="""
# How many rows the smoothing reaches back, once for each number.
spans = [3, 10, 30, 90]
""",
    compare='["centralised", "isolated", "isolated_mean", "fedavg", "vertical", "labsync_mean"]',
    kind="hybrid",
    hidden="32, 16",
    activation="tanh",
    rate="0.001",
    lacking="regression",
    algorithm="aligned",
)
PRICES = TemplateWords(
    task="price",
    learned="what an asset is sold for",
    target="the price, with a range",
    label="# Where the label comes from: the column whose role is target.\n",
    weighed="",
    hidden="16",
)
FAILURES = replace(
    PRICES,
    task="failure",
    learned="whether an asset fails",
    target="how it came out",
    label="",
    weighed="""
# How often a failed row counts; good rows / failed rows balances the two.
failure_weight = {weight}
""",
    output="sigmoid",
    rate="0.01",
    loss="cross_entropy",
)
TEMPLATE_WORDS: Mapping[str, TemplateWords] = {one.task: one for one in (LIVES, FAILURES, PRICES)}
