"""What cannot hold together in a charter, refused before data is read, with the way out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from hansa.core.charter import AlgorithmChoice, Charter, Party, Trees
from hansa.core.charter_choices import Fault, key_faults
from hansa.core.charter_defence_rules import defence_faults
from hansa.core.charter_lateness_rules import lateness_faults
from hansa.core.charter_schema_rules import names_of, schema_faults
from hansa.core.charter_secrecy_rules import secrecy_faults
from hansa.core.charter_task_rules import task_faults
from hansa.core.charter_turbofan import TRAIN_ENGINES
from hansa.core.errors import CharterError
from hansa.core.methods import BROUGHT, METHODS, TRAINABLE, exchanging

MOST_TREE_PARTIES = 64


def check_charter(charter: Charter, where: str = "charter.toml") -> None:
    """Raise CharterError for the first thing in the charter that cannot hold; return None otherwise."""
    for rules in (
        key_faults,
        schema_faults,
        task_faults,
        _roster_faults,
        _partition_faults,
        _algorithm_faults,
        secrecy_faults,
        lateness_faults,
        defence_faults,
    ):
        for fault in rules(charter):
            place = f"{where} [{fault.table}]" if fault.table else where
            raise CharterError(fault.what, do=fault.do, where=place)
    for fault in _compare_faults(charter):
        raise CharterError(fault.what, do=fault.do, where=where)


def _roster_faults(charter: Charter) -> Iterator[Fault]:
    data = charter.data
    engines = {"cmapss": TRAIN_ENGINES.get(data.subset), "simulated": data.engines}.get(data.source)
    if engines is not None and charter.parties > engines:
        what = f"{charter.parties} parties cannot share {engines} engines"
        yield Fault("", what, f"write parties = {engines} or fewer")
    for party in charter.roster:
        yield from _named_columns_faults(charter, party)
        if party.hidden and charter.network.model:
            what = "hidden means nothing where model in [network] names a network of your own"
            yield Fault(f"party.{party.name}", what, "remove one of the two")
    if all(party.sensors for party in charter.roster):
        had = {name for party in charter.roster for name in party.sensors}
        for name in sorted(_sensors(charter) - had):
            do = 'add it to a party\'s sensors, or write role = "ignore"'
            yield Fault(f"columns.{name}", "no party has this sensor", do)


def _named_columns_faults(charter: Charter, party: Party) -> Iterator[Fault]:
    table, sensors = f"party.{party.name}", names_of(charter.data.columns, "sensor")
    columns = tuple(column.name for column in charter.data.columns)
    for name in party.sensors:
        if name not in sensors:
            what = f'sensors name "{name}", which is no sensor of [columns.*]'
            yield Fault(table, what, f"choose among {', '.join(sensors)}")
    if len(set(party.sensors)) != len(party.sensors):
        yield Fault(table, "sensors name one sensor twice", "keep one of the two")
    for key, pairs in (("columns", party.columns), ("units", party.units)):
        for name, _ in pairs:
            if name not in columns:
                what = f'{key} name "{name}", which is no column of the charter'
                yield Fault(table, what, f"choose among {', '.join(columns)}")


def _partition_faults(charter: Charter) -> Iterator[Fault]:
    partition, sensors = charter.partition, _sensors(charter)
    if partition.sensors_per_party > len(sensors):
        what = f"sensors_per_party is {partition.sensors_per_party} and there are {len(sensors)} sensors"
        yield Fault("partition", what, f"write {len(sensors)} or fewer; 0 deals all")
    if partition.kind == "given" and partition.sensors_per_party not in (0, len(sensors)):
        what = 'kind "given" deals no sensors, but sensors_per_party is given'
        yield Fault("partition", what, 'remove sensors_per_party, or write kind = "hybrid"')
    if partition.kind == "horizontal" and not charter.same_sensors:
        what = 'kind is "horizontal" but the parties list different sensors'
        yield Fault("partition", what, 'write kind = "hybrid"')
    yield from _shared_assets_faults(charter)
    yield from _dealt_by_faults(charter)
    if charter.data.source == "table" or partition.kind == "given":
        yield from _own_data_faults(charter)


def _shared_assets_faults(charter: Charter) -> Iterator[Fault]:
    partition = charter.partition
    mixed = partition.kind == "mixed" or "mixed" in charter.compare
    if mixed and partition.shared_assets == 0:
        what = "a mixed partition needs assets that every party sees"
        yield Fault("partition", what, "write shared_assets between 0 and 1, for instance 0.33")
    if not mixed and partition.shared_assets > 0:
        what = f'shared_assets means nothing when kind is "{partition.kind}"'
        yield Fault("partition", what, 'remove it, write kind = "mixed", or add "mixed" to compare')


def _dealt_by_faults(charter: Charter) -> Iterator[Fault]:
    partition, targets = charter.partition, names_of(charter.data.columns, "target")
    if partition.by and partition.deal != "column":
        what = f'by means nothing when deal is "{partition.deal}"'
        yield Fault("partition", what, 'remove it, or write deal = "column"')
    if partition.deal != "column":
        return
    if charter.data.source != "table":
        what = f'deal is "column" but source is "{charter.data.source}", which has no such column'
        yield Fault("partition", what, 'write source = "table" in [data], or another deal')
    if not partition.by or partition.by in targets:
        what = (
            f'by is "{partition.by}", the target' if partition.by else 'deal is "column" but by is not given'
        )
        yield Fault(
            "partition", what, 'write by = "NAME", a column of the table that tells whose an asset is'
        )


def _own_data_faults(charter: Charter) -> Iterator[Fault]:
    data, given = charter.data, charter.partition.kind == "given"
    if given and data.source != "table":
        do = 'write source = "table" in [data], or let the simulation deal: kind = "hybrid"'
        yield Fault("partition", f'kind is "given" but source is "{data.source}"', do)
    if given and data.file:
        what = 'kind is "given", so each party names its own data, but [data] names a file'
        yield Fault("partition", what, 'remove file from [data], or write kind = "hybrid"')
    if given and data.test_file:
        what = 'kind is "given", so each party is judged on its own assets, but [data] names a test_file'
        yield Fault("partition", what, "remove test_file; test_share of each party's assets are kept")
    if not given and not data.file:
        do = 'add file = "...", or write kind = "given" in [partition] and data in each [party.NAME]'
        yield Fault("data", 'source is "table" but no file is named', do)
    for party in charter.roster:
        if given and not party.data:
            what = 'names no data, and the partition is "given"'
            yield Fault(f"party.{party.name}", what, 'add data = "FILE OR FOLDER"')
        if not given and party.data:
            what = f'names its own data, but the partition is "{charter.partition.kind}"'
            do = 'write kind = "given" in [partition], or remove the party\'s data'
            yield Fault(f"party.{party.name}", what, do)


def _algorithm_faults(charter: Charter) -> Iterator[Fault]:
    name, kind = charter.algorithm.name, charter.partition.kind
    method = METHODS[name]
    if kind not in method.partitions:
        lawful = " or ".join(f'"{one}"' for one in method.partitions)
        fitting = {"vertical": "vertical", "mixed": "mixed"}.get(kind, "labsync_mean")
        what = f'{name} needs a partition of kind {lawful}, not "{kind}"'
        yield Fault("algorithm", what, f'write name = "{fitting}", or another kind in [partition]')
    if method.alike and not charter.same_sensors:
        what = f"{name} needs the same sensors at every party"
        yield Fault("algorithm", what, 'write name = "aligned", or give all parties the same sensors')
    averaged = [one for one in (name, *charter.compare) if METHODS[one].exchanges == "weights"]
    if averaged:
        yield from _averaged_network_faults(charter, averaged)
    yield from _setting_faults(charter)
    yield from _tree_faults(charter)
    yield from _step_faults(charter)
    if charter.training.horizon and exchanging("predictions").issuperset((name, *charter.compare)):
        what = f"horizon means nothing to {name}, whose loss is that of shared predictions"
        yield Fault("training", what, 'remove it, or add "isolated" to compare')


def _averaged_network_faults(charter: Charter, averaged: Sequence[str]) -> Iterator[Fault]:
    names = ", ".join(averaged)
    average = "averages" if len(averaged) == 1 else "average"
    for party in charter.roster:
        if party.hidden and party.hidden != charter.network.hidden:
            what = f"{names} {average} weights, so every party needs the charter's hidden layers"
            do = f"remove hidden, or share predictions and leave {names} out of the charter"
            yield Fault(f"party.{party.name}", what, do)
    headless = [name for name in averaged if name in ("fedper", "fedrep")]
    plain = not charter.network.hidden and not charter.network.model
    if headless and plain and charter.network.kind == "perceptron":
        what = f"{' and '.join(headless)} would share nothing: without hidden layers all is the last layer"
        yield Fault("network", what, "write hidden = [10], or another name in [algorithm]")
    framed = " and ".join(name for name in averaged if METHODS[name].framed)
    if framed and charter.preparation.scaling == "range":
        what = f"{framed} would fill the sensors that a party lacks with 0, the low end of a range"
        yield Fault("preparation", what, f'write scaling = "regime", or leave {framed} out')


def _setting_faults(charter: Charter) -> Iterator[Fault]:
    choice = charter.algorithm
    default = AlgorithmChoice(loss="cross_entropy" if charter.task == "failure" else "mse")
    at_hand = (choice.name, *charter.compare)
    trained_alone = ("proximal", "server_rate")  # what is compared takes its own default
    for key in (field.name for field in fields(choice) if field.name != "name"):
        if getattr(choice, key) == getattr(default, key):
            continue
        knows = [name for name in TRAINABLE if key in METHODS[name].settings]
        readers = (choice.name,) if key in trained_alone else at_hand
        if not any(key in METHODS[name].settings for name in readers):
            what = f"{key} means nothing to {choice.name}"
            yield Fault("algorithm", what, f"remove {key}, or write one of these as name: {', '.join(knows)}")
    if choice.cohort > max(charter.parties, default.cohort):
        what = f"cohort is {choice.cohort} and there are {charter.parties} parties"
        yield Fault("algorithm", what, f"write {charter.parties} or fewer")
    if choice.gradient != "exact" and choice.loss != "mse":
        what = f'gradient "{choice.gradient}" is written for loss "mse", not "{choice.loss}"'
        yield Fault("algorithm", what, 'write gradient = "exact", or loss = "mse"')
    if choice.gradient == "matlab" and charter.network.model:
        what = 'gradient "matlab" needs the output before its last function, which no model of your own gives'
        yield Fault("algorithm", what, 'write gradient = "exact", or remove model from [network]')
    yield from _own_algorithm_faults(choice, at_hand)


def _own_algorithm_faults(choice: AlgorithmChoice, at_hand: Sequence[str]) -> Iterator[Fault]:
    for key, means in (("own", "the module and the name in it"), ("leaves", "what leaves a party, in words")):
        if not getattr(choice, key) and not set(BROUGHT).isdisjoint(at_hand):
            used = next(name for name in BROUGHT if name in at_hand)
            yield Fault("algorithm", f"{used} needs {key}", f'write {key} = "...", {means}')


def _tree_faults(charter: Charter) -> Iterator[Fault]:
    at_hand = {charter.algorithm.name, *charter.compare}
    if charter.trees != Trees() and "trees" not in at_hand:
        what = f"nothing grows trees here: {charter.algorithm.name} is trained"
        yield Fault("trees", what, 'remove the table, or write name = "trees" in [algorithm]')
    if "trees" in at_hand and charter.parties > MOST_TREE_PARTIES:
        what = f"trees take a process for each party, and there are {charter.parties} parties"
        yield Fault("", what, f"write parties = {MOST_TREE_PARTIES} or fewer, or leave trees out")


def _step_faults(charter: Charter) -> Iterator[Fault]:
    choice, at_hand = charter.algorithm, (charter.algorithm.name, *charter.compare)
    training, plain = charter.training, " and ".join(name for name in at_hand if METHODS[name].plain)
    if plain and (training.optimizer != "sgd" or training.momentum or training.weight_decay):
        what, do = f"the steps of {plain} are those of plain SGD alone", 'write optimizer = "sgd"'
        yield Fault("training", what, f"{do} without momentum and weight_decay, or leave {plain} out")
    if "fine_tuned" in at_hand and not 0 < choice.alone_rounds < charter.rounds:
        what = f"fine_tuned needs some last rounds that each party trains alone, of {charter.rounds}"
        few = "write rounds = 2 or more, or leave fine_tuned out"
        most = charter.rounds - 1
        yield Fault("algorithm", what, f"write alone_rounds from 1 to {most}" if most else few)


def _compare_faults(charter: Charter) -> Iterator[Fault]:
    trained, compare = charter.algorithm.name, charter.compare
    if trained in compare:
        yield Fault("", f'compare names "{trained}", which is trained anyway', "remove it from compare")
    for name in compare:
        if compare.count(name) > 1:
            yield Fault("", f'compare names "{name}" twice', "keep one of the two")
        if charter.partition.kind == "given" and name not in ("isolated", "isolated_mean"):
            what = f'"{name}" cannot be compared when each party has its own data, which nobody deals anew'
            lawful = '"isolated" and "isolated_mean"' if charter.same_rows else '"isolated"'
            yield Fault("", what, f"keep {lawful} alone in compare")
    if "isolated_mean" in compare and charter.partition.kind == "given" and not charter.same_rows:
        what = '"isolated_mean" cannot be compared when each party is judged on assets of its own'
        yield Fault("", what, 'remove it, and compare with "isolated"')


def _sensors(charter: Charter) -> frozenset[str]:
    return frozenset(names_of(charter.data.columns, "sensor"))
