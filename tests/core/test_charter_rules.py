"""What cannot hold together in a charter is refused before data is read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hansa.core.charter import Charter, Preparation
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_rules import check_charter
from hansa.core.errors import CharterError

HEAD = 'name = "fleet"\nconsortium = "Four"\n'
COLUMNS = """
[columns.pump]
role = "asset"
[columns.hour]
role = "time"
[columns.left]
role = "target"
[columns.heat]
role = "sensor"
[columns.noise]
role = "sensor"
"""
GIVEN = '[data]\nsource = "table"\n' + COLUMNS + '[partition]\nkind = "given"\n'
OWN_FILES = '[party.a]\ndata = "a.csv"\n[party.b]\ndata = "b.csv"\n'


def charter(text: str) -> Charter:
    """Return a charter that is open, unless the text speaks of protection."""
    return parse_charter(HEAD + text + ("" if "[protection]" in text else f"\n{OPEN}"))


def refuses(text: str, *words: str) -> None:
    with pytest.raises(CharterError) as caught:
        charter(text)
    sentence = str(caught.value)
    assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize(
    ("data", "engines"),
    [
        ('source = "cmapss"\nsubset = "FD001"', 100),
        ('source = "cmapss"\nsubset = "FD002"', 260),
        ('source = "cmapss"\nsubset = "FD003"', 100),
        ('source = "cmapss"\nsubset = "FD004"', 249),
        ('source = "simulated"\nengines = 5', 5),
    ],
)
def test_there_are_no_more_parties_than_engines(data: str, engines: int) -> None:
    refuses(
        f"parties = {engines + 1}\n[data]\n{data}", f"{engines + 1} parties cannot share {engines} engines"
    )
    assert charter(f"parties = {engines}\n[data]\n{data}").parties == engines


def test_no_party_has_more_sensors_than_there_are() -> None:
    refuses("[partition]\nsensors_per_party = 17", "sensors_per_party is 17 and there are 16 sensors")
    assert charter("[partition]\nsensors_per_party = 16")


@pytest.mark.parametrize(
    ("party", "words"),
    [
        ('sensors = ["s99"]', 'sensors name "s99", which is no sensor'),
        ('sensors = ["setting_1"]', 'sensors name "setting_1", which is no sensor'),
        ('sensors = ["s1"]', 'sensors name "s1", which is no sensor'),
        ('sensors = ["s2", "s2"]', "sensors name one sensor twice"),
    ],
)
def test_a_party_has_sensors_of_the_charter_alone(party: str, words: str) -> None:
    refuses(f"[party.a]\n{party}", "[party.a]", words)


@pytest.mark.parametrize("key", ["columns", "units"])
def test_a_party_maps_columns_of_the_charter_alone(key: str) -> None:
    refuses(f'{GIVEN}{OWN_FILES}{key} = {{ cold = "x" }}', "[party.b]", f'{key} name "cold"')


def test_a_sensor_that_no_party_has_is_refused() -> None:
    columns = "".join(f'[columns.s{n}]\nrole = "ignore"\n' for n in range(5, 22))
    refuses(
        f'{columns}[party.a]\nsensors = ["s2"]\n[party.b]\nsensors = ["s3"]',
        "[columns.s4]: no party has this sensor",
    )
    assert charter(f'{columns}[party.a]\nsensors = ["s2"]\n[party.b]')


def test_a_horizontal_partition_gives_every_party_all_sensors() -> None:
    assert charter('[partition]\nkind = "horizontal"\nsensors_per_party = 13')  # for what is compared
    refuses(
        '[partition]\nkind = "horizontal"\n[party.a]\nsensors = ["s2"]\n[party.b]',
        'kind is "horizontal" but the parties list different sensors',
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[partition]\nshared_assets = 0.3", 'shared_assets means nothing when kind is "hybrid"'),
    ],
)
def test_shared_assets_belong_to_the_mixed_partition(text: str, words: str) -> None:
    refuses(text, "[partition]", words)


@pytest.mark.parametrize(
    "text", ['[partition]\nkind = "mixed"\n[algorithm]\nname = "mixed"', 'compare = ["mixed"]']
)
def test_a_mixed_partition_shares_a_third_unless_the_charter_says_otherwise(text: str) -> None:
    assert charter(text).partition.shared_assets == 1 / 3


def test_shared_assets_may_serve_the_comparison_alone() -> None:
    assert charter('compare = ["mixed"]\n[partition]\nshared_assets = 0.3').partition.kind == "hybrid"


LAWFUL = {
    ("fedavg", "horizontal"),
    ("fedavg", "given"),
    *(("vertical", kind) for kind in ("vertical", "given")),
    *(("mixed", kind) for kind in ("mixed", "given")),
    *(("labsync", kind) for kind in ("horizontal", "hybrid", "given")),
    *(("labsync_mean", kind) for kind in ("horizontal", "hybrid", "given")),
    *(("isolated", kind) for kind in ("horizontal", "vertical", "hybrid", "mixed", "given")),
}


@pytest.mark.parametrize("kind", ["horizontal", "vertical", "hybrid", "mixed", "given"])
@pytest.mark.parametrize("name", ["fedavg", "vertical", "labsync", "labsync_mean", "mixed", "isolated"])
def test_an_algorithm_runs_on_its_own_partitions_alone(name: str, kind: str) -> None:
    if kind == "given":
        text = f'{GIVEN}{OWN_FILES}[algorithm]\nname = "{name}"'
    else:
        shared = "shared_assets = 0.3" if kind == "mixed" else ""
        text = f'[partition]\nkind = "{kind}"\n{shared}\n[algorithm]\nname = "{name}"'
    if (name, kind) in LAWFUL:
        assert charter(text).algorithm.name == name
    else:
        refuses(text, "[algorithm]", f"{name} needs a partition of kind", f'not "{kind}"; write name = "')


@pytest.mark.parametrize(
    ("name", "kind", "way_out"),
    [
        ("fedavg", "hybrid", "labsync_mean"),
        ("vertical", "hybrid", "labsync_mean"),
        ("labsync", "vertical", "vertical"),
        ("labsync_mean", "mixed", "mixed"),
    ],
)
def test_the_way_out_is_the_algorithm_of_that_partition(name: str, kind: str, way_out: str) -> None:
    shared = "shared_assets = 0.3" if kind == "mixed" else ""
    text = f'[partition]\nkind = "{kind}"\n{shared}\n[algorithm]\n'
    refuses(f'{text}name = "{name}"', f'write name = "{way_out}"')
    assert charter(f'{text}name = "{way_out}"')


def test_fedavg_needs_the_same_sensors_at_every_party() -> None:
    refuses(
        f'{GIVEN}{OWN_FILES}sensors = ["heat"]\n[algorithm]\nname = "fedavg"',
        "fedavg needs the same sensors at every party",
        "aligned",
    )
    assert charter(f'{GIVEN}{OWN_FILES}sensors = ["noise", "heat"]\n[algorithm]\nname = "fedavg"')


@pytest.mark.parametrize(
    "text",
    [
        '[partition]\nkind = "horizontal"\n[algorithm]\nname = "fedavg"\n',
        'compare = ["fedavg"]\n',
    ],
)
def test_fedavg_needs_the_same_hidden_layers_at_every_party(text: str) -> None:
    refuses(f"{text}[party.a]\n[party.b]\nhidden = [20]", "[party.b]", "fedavg averages weights")
    assert charter(f"{text}[party.a]\n[party.b]\nhidden = [10]")


def test_party_models_may_differ_where_predictions_are_shared() -> None:
    assert charter("[party.a]\n[party.b]\nhidden = [20, 5]").roster[1].hidden == (20, 5)


@pytest.mark.parametrize("line", ['loss = "sum"', 'gradient = "matlab"', "alpha = 0.5", "damping = 0.5"])
@pytest.mark.parametrize("name", ["fedavg", "isolated"])
def test_settings_of_prediction_sharing_mean_nothing_elsewhere(name: str, line: str) -> None:
    text = f'[partition]\nkind = "horizontal"\n[algorithm]\nname = "{name}"\n{line}'
    refuses(text, f"{line.split(' ')[0]} means nothing to {name}")
    assert charter('compare = ["labsync_mean"]\n' + text)


@pytest.mark.parametrize("gradient", ["matlab", "python"])
@pytest.mark.parametrize("loss", ["sum", "cross_entropy"])
def test_the_authors_gradients_belong_to_the_squared_error(gradient: str, loss: str) -> None:
    refuses(
        f'[algorithm]\nloss = "{loss}"\ngradient = "{gradient}"',
        f'gradient "{gradient}" is written for loss "mse", not "{loss}"',
    )
    assert charter(f'[algorithm]\ngradient = "{gradient}"')
    assert charter(f'[algorithm]\nloss = "{loss}"')


def test_what_is_trained_is_not_compared_again() -> None:
    read = charter('compare = ["isolated", "labsync_mean"]')
    assert read.compare == ("isolated",)
    with pytest.raises(CharterError, match="which is trained anyway"):
        check_charter(replace(read, compare=("isolated", "labsync_mean")))


def test_a_baseline_is_compared_once() -> None:
    refuses('compare = ["isolated", "isolated"]', 'compare names "isolated" twice')


@pytest.mark.parametrize("name", ["centralised", "fedavg", "vertical", "labsync"])
def test_data_that_parties_bring_is_not_dealt_anew(name: str) -> None:
    refuses(f'compare = ["isolated", "{name}"]\n{GIVEN}{OWN_FILES}', f'"{name}" cannot be compared')


def test_a_given_partition_may_be_compared_with_isolated_parties() -> None:
    assert charter(f'compare = ["isolated"]\n{GIVEN}{OWN_FILES}').parties == 2


def test_a_mean_of_predictions_is_compared_only_where_parties_are_judged_on_the_same_rows() -> None:
    compared = 'compare = ["isolated_mean", "isolated"]\n'
    refuses(
        f"{compared}{GIVEN}{OWN_FILES}",
        '"isolated_mean" cannot be compared when each party is judged on assets of its own; '
        'remove it, and compare with "isolated".',
    )
    refuses(f'compare = ["fedavg"]\n{GIVEN}{OWN_FILES}', 'keep "isolated" alone in compare')
    aligned = f'{GIVEN}{OWN_FILES}\n[algorithm]\nname = "vertical"\n'
    assert charter(compared + aligned).same_rows
    refuses(f'compare = ["fedavg"]\n{aligned}', 'keep "isolated" and "isolated_mean" alone in compare')
    mixed = aligned.replace('"vertical"', '"mixed"')
    refuses(compared + mixed, '"isolated_mean" cannot be compared')


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[partition]\nkind = "given"', 'kind is "given" but source is "simulated"'),
        (GIVEN + '[party.a]\ndata = "a.csv"\n[party.b]', "[party.b]: names no data"),
        (GIVEN, "[party.party-1]: names no data"),
        (
            GIVEN.replace("[data]", '[data]\nfile = "all.csv"') + OWN_FILES,
            "each party names its own data, but [data] names a file",
        ),
        (GIVEN.replace("given", "hybrid"), "no file is named"),
        (
            GIVEN.replace("given", "hybrid").replace("[data]", '[data]\nfile = "all.csv"') + OWN_FILES,
            '[party.a]: names its own data, but the partition is "hybrid"',
        ),
    ],
)
def test_either_the_charter_or_each_party_names_the_table(text: str, words: str) -> None:
    refuses(text, words)


def test_the_first_contradiction_is_told_in_one_sentence() -> None:
    with pytest.raises(CharterError) as caught:
        charter("rounds = 0\n[data]\nlabel_cap = 0")
    assert str(caught.value) == "charter.toml: rounds is 0; write a whole number of at least 1."


def test_a_test_file_is_refused_where_each_party_brings_its_own() -> None:
    text = (
        'name = "own"\nconsortium = "Two"\n[data]\nsource = "table"\ntest_file = "t.csv"\n'
        '[columns.a]\nrole = "asset"\n[columns.t]\nrole = "time"\n[columns.r]\nrole = "target"\n'
        '[columns.s]\nrole = "sensor"\n[partition]\nkind = "given"\n'
        '[party.x]\ndata = "x.csv"\n[party.y]\ndata = "y.csv"\n' + OPEN
    )
    with pytest.raises(CharterError, match="names a test_file"):
        parse_charter(text)
    parse_charter(text.replace('test_file = "t.csv"\n', ""))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("fedavg", "proximal = 0.1"),
        ("fedavg", "server_rate = 0.1"),
        ("ditto", "server_rate = 0.1"),
        ("fedprox", "alone_rounds = 2"),
    ],
)
def test_a_setting_that_no_algorithm_of_the_charter_knows_is_refused(name: str, line: str) -> None:
    key = line.split(" ")[0]
    refuses(
        f'[partition]\nkind = "horizontal"\n[algorithm]\nname = "{name}"\n{line}',
        f"{key} means nothing to {name}",
        f"remove {key}",
    )


def test_scaffold_needs_plain_steps() -> None:
    text = '[partition]\nkind = "horizontal"\n[algorithm]\nname = "scaffold"\n[training]\noptimizer = '
    refuses(f'{text}"adam"', "[training]", "plain SGD")
    refuses(f'{text}"sgd"\nweight_decay = 1', "[training]", "plain SGD")
    assert charter(f'{text}"sgd"')


@pytest.mark.parametrize("name", ["fsvrg", "afsgd_vp"])
def test_methods_of_plain_steps_refuse_others(name: str) -> None:
    kind = "vertical" if name == "afsgd_vp" else "horizontal"
    text = f'[partition]\nkind = "{kind}"\n[algorithm]\nname = "{name}"\n[training]\noptimizer = '
    refuses(f'{text}"adam"', "[training]", f"the steps of {name} are those of plain SGD alone")
    refuses(f'{text}"sgd"\nmomentum = 0.9', "[training]", "plain SGD")
    assert charter(f'{text}"sgd"')


@pytest.mark.parametrize("name", ["aligned", "hyfdca"])
def test_who_fills_sensors_with_0_needs_scaling_by_statistics(name: str) -> None:
    read = charter(f'[algorithm]\nname = "{name}"')
    columns = tuple(replace(one, low=0.0, high=1.0) for one in read.data.columns)
    ranged = replace(read, data=replace(read.data, columns=columns), preparation=Preparation("range"))
    with pytest.raises(
        CharterError, match=f"{name} would fill the sensors that a party lacks with 0, the low"
    ):
        check_charter(ranged)


def test_hyfdca_is_linear_whatever_the_network_and_holds_its_weights_somehow() -> None:
    text = '[algorithm]\nname = "hyfdca"\n'
    assert charter(f"{text}[network]\nhidden = [20, 10]")
    refuses(f"{text}ridge = 0", "ridge is 0", "write a number over 0")
    refuses('[algorithm]\nname = "aligned"\nridge = 2', "ridge means nothing to aligned")


LATE = '[partition]\nkind = "vertical"\n[algorithm]\nname = "vafl"\n'


def test_a_cohort_is_two_parties_at_least_and_all_of_them_at_most() -> None:
    refuses(f"{LATE}cohort = 1", "cohort is 1", "at least 2: a sum over one party is that party's value")
    refuses(f"parties = 4\n{LATE}cohort = 5", "cohort is 5 and there are 4 parties", "write 4 or fewer")
    assert charter(f"parties = 4\n{LATE}cohort = 4\nstaleness = 0")
    assert charter(f"parties = 1\n{LATE}")


def test_lateness_means_nothing_where_everybody_is_waited_for() -> None:
    refuses(f"{LATE}staleness = -1", "staleness is -1", "0 waits for everybody")
    refuses(
        '[partition]\nkind = "vertical"\n[algorithm]\nname = "vertical"\nstaleness = 2', "staleness means"
    )
    assert charter(
        'compare = ["vafl"]\n[partition]\nkind = "vertical"\n[algorithm]\nname = "vertical"\nstaleness = 2'
    )


def test_a_method_with_a_loss_of_its_own_takes_no_other() -> None:
    text = '[partition]\nkind = "vertical"\n[algorithm]\nname = "fdml"\n'
    refuses(f'{text}loss = "cross_entropy"', "loss means nothing to fdml")
    assert charter(text)


@pytest.mark.parametrize("rounds", [0, 10, 12])
def test_fine_tuning_needs_common_rounds_and_rounds_alone(rounds: int) -> None:
    text = '[partition]\nkind = "horizontal"\n[algorithm]\nname = "fine_tuned"\n'
    refuses(f"rounds = 10\n{text}alone_rounds = {rounds}", "alone_rounds from 1 to 9")
    assert charter(f"rounds = 10\n{text}alone_rounds = 9")


def test_aligned_lets_sensors_differ_and_not_hidden_layers() -> None:
    text = '[partition]\nkind = "hybrid"\n[algorithm]\nname = "aligned"\n'
    assert charter(f'{GIVEN}{OWN_FILES}sensors = ["heat"]\n[algorithm]\nname = "aligned"')
    refuses(f"{text}[party.a]\n[party.b]\nhidden = [20]", "aligned averages weights")


HORIZON = "[training]\nhorizon = 2\n"


def test_a_horizon_needs_somebody_who_shares_no_predictions() -> None:
    refuses(
        HORIZON, "[training]: horizon means nothing to labsync_mean, whose loss", 'add "isolated" to compare'
    )
    assert charter(f'compare = ["isolated"]\n{HORIZON}')
    assert charter(f'{HORIZON}[algorithm]\nname = "isolated"')


OPEN = '[protection]\nsecrecy = "open"\n'
TREES = '[partition]\nkind = "horizontal"\n[algorithm]\nname = "trees"\n'


def test_trees_need_open_secrecy_wherever_they_are_named() -> None:
    assert charter(TREES + OPEN).algorithm.name == "trees"
    shown = "trees show gradients and histograms in clear"
    refuses(TREES + "[protection]", "[protection]", f'{shown}, but secrecy is "masked", as none is written')
    refuses(TREES + OPEN.replace("open", "masked"), "[protection]", f'{shown}, but secrecy is "masked"')
    assert charter('compare = ["trees"]\n' + OPEN).compare == ("trees",)
    refuses('compare = ["trees"]\n[protection]', "[protection]", 'write secrecy = "open"')
    refuses(TREES + '[protection]\nsecrecy = "none"\n', "[protection]", 'secrecy cannot be "none"')


def test_a_table_of_trees_that_nothing_reads_is_refused() -> None:
    refuses("[trees]\ndepth = 3", "[trees]", "nothing grows trees here: labsync_mean is trained")
    refuses(f"{TREES}{OPEN}[trees]\ndepth = 0", "[trees]", "depth is 0; write a number from 1 to 16")
    refuses(f"{TREES}{OPEN}[trees]\nrate = 1.5", "[trees]", "rate is 1.5")


def test_trees_take_a_process_for_each_party() -> None:
    assert charter(f"parties = 64\n{TREES}{OPEN}").parties == 64
    refuses(f"parties = 65\n{TREES}{OPEN}", "trees take a process for each party, and there are 65 parties")


def test_trees_take_the_same_sensors_or_the_same_rows() -> None:
    refuses(TREES.replace("horizontal", "hybrid") + OPEN, "[algorithm]", "trees needs a partition of kind")
    assert charter(TREES.replace("horizontal", "vertical") + OPEN).columns_apart
    assert not charter(TREES + OPEN).columns_apart
    assert not charter(f'{GIVEN}{OWN_FILES}[algorithm]\nname = "trees"\n{OPEN}').columns_apart


OWNED = '[data]\nsource = "table"\nfile = "pumps.csv"\n' + COLUMNS


def test_a_table_may_be_dealt_by_a_column_of_it() -> None:
    found = charter(f'{OWNED}[partition]\ndeal = "column"\nby = "owner"\n')
    assert (found.partition.deal, found.partition.by) == ("column", "owner")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (OWNED + '[partition]\ndeal = "column"\n', "by is not given; write by ="),
        (OWNED + '[partition]\ndeal = "column"\nby = "left"\n', 'by is "left", the target'),
        (OWNED + '[partition]\nby = "owner"\n', 'by means nothing when deal is "shuffled"; remove it'),
        ('[partition]\ndeal = "column"\nby = "owner"\n', 'source is "simulated", which has no such column'),
    ],
)
def test_a_deal_by_column_that_cannot_be_is_refused(text: str, words: str) -> None:
    refuses(text, "[partition]", words)
