"""What one key of a charter may say, whatever the other keys say: allowed words and bounds."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from hansa.core.charter import Charter
from hansa.core.charter_turbofan import TRAIN_ENGINES
from hansa.core.defences import BEFORE, DEFENCES
from hansa.core.methods import SCENARIOS, TRAINABLE
from hansa.core.tasks import TASKS

ROLES = ("asset", "time", "target", "setting", "sensor", "category", "ignore")

PARTY_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
PARTY_NAME_WORDS = "up to 64 letters, digits, - and _"

_CHARTER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_CODE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One contradiction: the table it stands in, what is wrong, what to do."""

    table: str  # without brackets; empty: the top level
    what: str
    do: str


def key_faults(charter: Charter) -> Iterator[Fault]:
    """Yield every key whose value is not allowed, whatever the other keys say."""
    yield from _name_faults(charter)
    yield from _top_level_faults(charter)
    for table, key, allowed in _WORDS:
        word = getattr(_table(charter, table), key)
        yield from word_faults(table, key, word, allowed) if word is not None else ()
    for column in charter.data.columns:
        yield from word_faults(f"columns.{column.name}", "role", column.role, ROLES)
    for name in charter.compare:
        yield from word_faults("", "compare", name, SCENARIOS)
    for table, key, holds, due in _BOUNDS:
        number = getattr(_table(charter, table), key)
        if number is not None and not (math.isfinite(number) and holds(number)):
            yield Fault(table, f"{key} is {_shown(number)}", f"write a number {due}")
    yield from _infinite_faults(charter, "")
    yield from _width_faults(charter)
    yield from _code_faults("network", "model", charter.network.model, charter.network.digest)
    yield from _code_faults("algorithm", "own", charter.algorithm.own, charter.algorithm.digest)


def word_faults(table: str, key: str, word: str, allowed: Sequence[str]) -> Iterator[Fault]:
    """Yield a fault that names the allowed words and the nearest one, when `word` is none of them."""
    if word not in allowed:
        near = difflib.get_close_matches(word, allowed, 1, cutoff=0.0)[0]
        listed = ", ".join(f'"{one}"' for one in allowed)
        do = f"choose among {listed}"
        yield Fault(table, f'{key} cannot be "{word}"', f'{do} ("{near}" is nearest)' if word else do)


_WORDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("data", "source", ("cmapss", "simulated", "table")),
    ("data", "missing", ("refuse", "hold")),
    ("lateness", "rule", ("wait", "go_on", "stale")),
    ("label", "source", ("target", "failed_at", "threshold")),
    ("regimes", "kind", ("centres", "bins", "none")),
    ("partition", "kind", ("horizontal", "vertical", "hybrid", "mixed", "given")),
    ("partition", "deal", ("shuffled", "fault_mode", "regime", "fleet_size", "column")),
    ("preparation", "scaling", ("regime", "range")),
    ("preparation", "features", ("raw", "ewma", "window", "pca")),
    ("preparation", "lacking", ("mean", "regression")),
    ("network", "kind", ("perceptron", "convolution")),
    ("network", "activation", ("sigmoid", "tanh", "relu")),
    ("network", "output", ("linear", "relu", "sigmoid")),
    ("training", "optimizer", ("adam", "sgd")),
    ("training", "oversample", ("none", "smote")),
    ("algorithm", "loss", ("sum", "mse", "cross_entropy")),
    ("algorithm", "gradient", ("exact", "matlab", "python")),
    ("evaluation", "filter", ("kalman", "drift", "none")),
    ("protection", "secrecy", ("masked", "shared", "encrypted", "open")),
    ("defence", "rule", ("none", *DEFENCES)),
    ("defence", "before", BEFORE),
    ("reward", "measure", ("none", "shapley", "gradient", "quadratic")),
    ("reward", "pays", ("lower", "mean")),
)

_BOUNDS: tuple[tuple[str, str, Callable[[float], bool], str], ...] = (
    ("data", "label_cap", lambda x: x > 0, "over 0"),
    ("data", "label_bin", lambda x: x > 0, "over 0"),
    ("data", "test_share", lambda x: 0 < x < 1, "between 0 and 1"),
    ("data", "validation_share", lambda x: 0 < x < 1, "between 0 and 1"),
    ("data", "engines", lambda x: x >= 1, "of at least 1"),
    ("data", "test_engines", lambda x: x >= 1, "of at least 1"),
    ("partition", "sensors_per_party", lambda x: x >= 0, "of at least 0 (0 deals all sensors)"),
    ("partition", "shared_assets", lambda x: 0 <= x < 1, "from 0 to below 1"),
    ("preparation", "clip", lambda x: x >= 0, "of at least 0 (0 cuts nothing off)"),
    ("preparation", "window", lambda x: x >= 1, "of at least 1"),
    ("preparation", "components", lambda x: x >= 0, "of at least 0"),
    ("preparation", "age", lambda x: x >= 0, "of at least 0 (0 leaves the age out)"),
    ("network", "taps", lambda x: x >= 1, "of at least 1"),
    ("network", "stride", lambda x: x >= 1, "of at least 1"),
    ("network", "embedding", lambda x: x >= 0, "of at least 0 (0 looks nothing up)"),
    ("network", "ensemble", lambda x: x >= 1, "of at least 1"),
    ("training", "learning_rate", lambda x: x > 0, "over 0"),
    ("training", "batch_size", lambda x: x >= 1, "of at least 1"),
    ("training", "local_epochs", lambda x: x >= 1, "of at least 1"),
    ("training", "momentum", lambda x: 0 <= x < 1, "from 0 to below 1"),
    ("training", "weight_decay", lambda x: x >= 0, "of at least 0 (0 lets weights grow)"),
    ("training", "horizon", lambda x: x >= 0, "of at least 0 (0 counts all rows alike)"),
    ("training", "failure_weight", lambda x: x > 0, "over 0 (1 counts all rows alike)"),
    ("algorithm", "alpha", lambda x: 0 < x <= 1, "over 0 and at most 1, or leave it out for 1 / parties"),
    ("algorithm", "damping", lambda x: 0 <= x < 1, "from 0 to below 1"),
    ("algorithm", "proximal", lambda x: x >= 0, "of at least 0"),
    ("algorithm", "server_rate", lambda x: x > 0, "over 0"),
    ("algorithm", "alone_rounds", lambda x: x >= 0, "of at least 0"),
    ("algorithm", "clusters", lambda x: x >= 2, "of at least 2"),
    ("algorithm", "ridge", lambda x: x > 0, "over 0"),
    ("algorithm", "staleness", lambda x: x >= 0, "of at least 0 (0 waits for everybody)"),
    ("algorithm", "cohort", lambda x: x >= 2, "of at least 2: a sum over one party is that party's value"),
    ("protection", "cohort", lambda x: x >= 3, "of at least 3: two know each other's from the sum"),
    ("protection", "most_rows", lambda x: 1 <= x <= 1 << 30, "from 1 to 1073741824"),
    ("protection", "width", lambda x: x in (32, 64), "of bits, 32 or 64"),
    ("protection", "norm", lambda x: x > 0, "over 0"),
    ("lateness", "seconds", lambda x: 1 <= x <= 604_800, "from 1 to 604800, a week"),
    ("lateness", "quorum", lambda x: x >= 1, "of at least 1, or leave it out for more than half"),
    ("lateness", "rounds", lambda x: 1 <= x <= 10, "from 1 to 10"),
    ("defence", "bad", lambda x: x >= 0, "of at least 0"),
    ("validation", "share", lambda x: 0 <= x < 1, "from 0 to below 1"),
    ("gate", "every", lambda x: x >= 0, "of at least 0 (0 lets nobody vote)"),
    ("gate", "quorum", lambda x: x >= 1, "of at least 1, or leave it out for more than half"),
    ("gate", "tolerance", lambda x: x >= 0, "of at least 0"),
    ("reward", "every", lambda x: x >= 1, "of at least 1"),
    ("reward", "credits", lambda x: x >= 1, "of at least 1"),
    ("credits", "days", lambda x: 0 <= x <= 36_500, "from 0 (they never expire) to 36500"),
    ("trees", "depth", lambda x: 1 <= x <= 16, "from 1 to 16"),
    ("trees", "rate", lambda x: 0 < x <= 1, "over 0 and at most 1"),
)


def _table(charter: Charter, table: str) -> Any:
    inside_data = {"label": charter.data.label, "regimes": charter.data.regimes}
    return inside_data[table] if table in inside_data else getattr(charter, table)


def _name_faults(charter: Charter) -> Iterator[Fault]:
    if not _CHARTER_NAME.fullmatch(charter.name):
        do = "write up to 64 letters, digits, spaces, . _ and -, a letter or digit first"
        yield Fault("", f'name cannot be "{charter.name}", for it names the output folder', do)
    if not charter.roster:
        yield Fault("", "the roster names no party", "write parties = 4, or a table [party.NAME] for each")
    seen: dict[str, str] = {}
    for party in charter.roster:
        if not PARTY_NAME.fullmatch(party.name):
            do = f"rename it with {PARTY_NAME_WORDS}"
            yield Fault("", f'party "{party.name}" cannot be the name of a folder', do)
        twin = seen.get(party.name.lower())  # some file systems do not tell a from A
        if twin is not None:
            what = f'parties "{twin}" and "{party.name}" would share one folder'
            yield Fault("", what, "rename one of them")
        seen[party.name.lower()] = party.name


def _top_level_faults(charter: Charter) -> Iterator[Fault]:
    yield from word_faults("", "task", charter.task, tuple(TASKS))
    if not 0 <= charter.seed <= _MOST_SEED:
        yield Fault("", f"seed is {charter.seed}", f"write a whole number from 0 to {_MOST_SEED}")
    if charter.rounds < 1:
        yield Fault("", f"rounds is {charter.rounds}", "write a whole number of at least 1")
    if charter.data.source == "cmapss":
        yield from word_faults("data", "subset", charter.data.subset, tuple(TRAIN_ENGINES))
    name = charter.algorithm.name
    if name in SCENARIOS and name not in TRAINABLE:
        do = f"put it into compare and train one of {', '.join(TRAINABLE)}"
        yield Fault("algorithm", f'name "{name}" is a baseline, not a way to federate', do)
    yield from word_faults("algorithm", "name", name, TRAINABLE)


def _infinite_faults(record: Any, table: str) -> Iterator[Fault]:
    for field in fields(record):
        value = getattr(record, field.name)
        if is_dataclass(value):
            yield from _infinite_faults(value, field.name)
        elif any(not math.isfinite(number) for number in _numbers(value)):
            named = f"columns.{record.name}" if field.name in ("low", "high") else table
            key = "range" if field.name in ("low", "high") else field.name
            yield Fault(named, f"{key} holds a number that is not finite", "write a finite number")
        elif isinstance(value, tuple):
            for entry in value:
                if is_dataclass(entry):
                    yield from _infinite_faults(entry, "")


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, tuple):
        for entry in value:
            yield from _numbers(entry)


def _width_faults(charter: Charter) -> Iterator[Fault]:
    own = [(f"party.{party.name}", party.hidden) for party in charter.roster]
    for table, hidden in [("network", charter.network.hidden), *own]:
        for width in hidden:
            if width < 1:
                yield Fault(table, f"hidden has a layer of {width} units", "write layers of at least 1 unit")
    for width in charter.network.channels:
        if width < 1:
            do = "write layers of at least 1 channel"
            yield Fault("network", f"channels have a layer of {width} channels", do)


def _code_faults(table: str, key: str, named: str, digest: str) -> Iterator[Fault]:
    if not named:
        if digest:
            yield Fault(table, f"digest means nothing without {key}", f"remove it, or name the code in {key}")
        return
    if not _CODE.fullmatch(named):
        do = f'write the module and the name in it, {key} = "package.module:Name"'
        yield Fault(table, f'{key} cannot be "{named}"', do)
    if not _DIGEST.fullmatch(digest):
        what = (
            f"{key} runs code on every party's machine, and digest is {'no SHA-256' if digest else 'missing'}"
        )
        yield Fault(table, what, f"write what hansa charter digest {named} prints")


def _shown(number: float) -> str:
    return str(number).removesuffix(".0")
