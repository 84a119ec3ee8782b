"""The parties of a scenario before it starts: dealt as the scenario says, scaled by sums, keyed, refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.algorithms.fedavg import FedAvg
from hansa.algorithms.isolated import Isolated
from hansa.algorithms.labsync import FedLabSync
from hansa.algorithms.prediction_sharing import PredictionSharing
from hansa.core.charter import Party
from hansa.core.errors import DataError, PartyError
from hansa.data.fleet import Dataset, Fleet
from hansa.data.prepare import regime_of
from hansa.runtime.world import World
from hansa.simulation.cohort import Cohort, dealt, gather, partition_of
from tests.simulation.small_world import LENGTHS, SENSORS, small, world

WORLD = world()


def _gathered(scenario: str, **changes: Any) -> Cohort:
    return gather(small(**changes), scenario, WORLD)


def _shares(cohort: Cohort) -> list[Any]:
    return [own.share for own in dealt(cohort.charter, cohort.scenario, WORLD)[1]]


def _readings(cohort: Cohort) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Return, by sensor, each owner's readings and regimes."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for share in _shares(cohort):
        regime = regime_of(share.fleet, small().data.regimes)
        for column, name in enumerate(share.fleet.sensor_names):
            found.setdefault(name, []).append((share.fleet.sensors[:, column], regime))
    return found


# --- who holds what --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("centralised", "horizontal"),
        ("isolated", "hybrid"),
        ("isolated_mean", "hybrid"),
        ("fedavg", "horizontal"),
        ("vertical", "vertical"),
        ("labsync", "hybrid"),
        ("labsync_mean", "hybrid"),
        ("mixed", "mixed"),
    ],
)
def test_a_baseline_is_dealt_as_it_must_be_and_the_charters_algorithm_as_it_says(
    scenario: str, kind: str
) -> None:
    assert partition_of(small(), scenario) == kind
    own = small(algorithm={"name": scenario}, partition={"kind": "given"})
    assert partition_of(own, scenario) == "given"
    other = small(partition={"kind": "vertical"})
    assert partition_of(other, "isolated") == "vertical"
    assert partition_of(other, "labsync") == "hybrid"


def test_centralised_is_one_party_with_everything() -> None:
    cohort = _gathered("centralised")
    assert [member.name for member in cohort.members] == ["centralised"]
    assert cohort.members[0].rows.x.shape == (sum(LENGTHS), SENSORS)


def test_fedavg_parties_have_all_sensors_and_other_assets() -> None:
    cohort = _gathered("fedavg")
    assert [member.rows.x.shape[1] for member in cohort.members] == [SENSORS] * 3
    assert sum(member.rows.x.shape[0] for member in cohort.members) == sum(LENGTHS)


def test_vertical_parties_have_all_rows_under_one_number_and_other_sensors() -> None:
    cohort = _gathered("vertical")
    assert len({inputs.sensors for inputs in cohort.inputs}) > 1
    for member in cohort.members:
        assert member.rows.x.shape == (sum(LENGTHS), 3)
        assert_array_equal(member.rows.key, np.arange(sum(LENGTHS)))
    assert cohort.algorithm.keys == sum(LENGTHS)


def test_labels_are_the_keys_where_parties_share_nothing_else() -> None:
    for scenario in ("labsync", "labsync_mean"):
        for member in _gathered(scenario).members:
            assert_allclose(member.rows.key, np.asarray(member.rows.y) * 12, atol=1e-4)
    assert _gathered("labsync_mean").algorithm.keys == 13


def test_a_mixed_partition_keys_shared_rows_by_number_and_the_others_by_label() -> None:
    cohort = _gathered("mixed")
    shared = {int(key) for key in np.asarray(cohort.members[0].rows.key) if key >= 13}
    for member, share in zip(cohort.members, _shares(cohort), strict=True):
        key = np.asarray(member.rows.key)
        assert set(key[key >= 13]) == shared
        assert_array_equal(key >= 13, share.shared_row >= 0)
        own = key < 13
        assert_allclose(key[own], np.asarray(member.rows.y)[own] * 12, atol=1e-4)
    assert cohort.algorithm.keys == 13 + len(shared)


def test_rows_without_a_known_label_are_not_learnt_from() -> None:
    train = replace(WORLD.train, remaining=np.where(WORLD.train.asset == 0, np.nan, WORLD.train.remaining))
    cohort = gather(small(), "centralised", World("x", train, WORLD.test))
    rows = cohort.members[0].rows
    kept = (train.asset != 0) | (train.seen_for() >= 12)
    assert kept.sum() == sum(LENGTHS) - 12  # 8 of 20 rows were seen for the cap
    assert_allclose(rows.x, cohort.inputs[0].of(train)[kept], rtol=1e-6)
    assert_allclose(rows.y, np.minimum(np.nan_to_num(train.remaining, nan=12.0), 12)[kept] / 12, rtol=1e-6)
    assert_array_equal(rows.weight, np.ones(kept.sum()))


# --- statistics and inputs --------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", ["labsync_mean", "fedavg", "vertical", "mixed"])
def test_inputs_are_scaled_by_the_sums_over_all_owners_of_a_sensor(scenario: str) -> None:
    cohort = _gathered(scenario)
    for name, owned in _readings(cohort).items():
        values, regime = (np.concatenate(part) for part in zip(*owned, strict=True))
        for inputs in cohort.inputs:
            if name in inputs.sensors:
                place = inputs.sensors.index(name)
                for where in range(3):
                    assert_allclose(inputs.mean[where, place], values[regime == where].mean(), rtol=1e-9)
                    assert_allclose(inputs.deviation[where, place], values[regime == where].std(), rtol=1e-6)
    assert cohort.statistics is not None


@pytest.mark.parametrize("scenario", ["isolated", "centralised"])
def test_who_shares_nothing_is_scaled_by_its_own_rows(scenario: str) -> None:
    cohort = _gathered(scenario)
    assert cohort.statistics is None
    for inputs, share in zip(cohort.inputs, _shares(cohort), strict=True):
        regime = regime_of(share.fleet, small().data.regimes)
        assert_allclose(inputs.mean[1], share.fleet.sensors[regime == 1].mean(axis=0), rtol=1e-9)
        assert_allclose(inputs.deviation[2], share.fleet.sensors[regime == 2].std(axis=0), rtol=1e-6)


def test_scaling_by_range_uses_the_charters_ends_and_no_sums() -> None:
    cohort = _gathered("labsync_mean", preparation={"scaling": "range"})
    share, inputs = _shares(cohort)[0], cohort.inputs[0]
    assert_allclose(inputs.of(share.fleet), share.fleet.sensors / 100.0, rtol=1e-5)
    assert cohort.statistics is None


def test_isolated_and_federated_parties_start_from_the_same_network_and_stream() -> None:
    for one, other in zip(_gathered("isolated").members, _gathered("labsync_mean").members, strict=True):
        assert_array_equal(one.network.weights[0], other.network.weights[0])
        assert one.key == other.key


def test_another_seed_deals_other_assets_and_draws_other_networks_and_streams() -> None:
    one, other = _gathered("labsync_mean"), _gathered("labsync_mean", seed=8)
    assert [s.fleet.asset_names for s in _shares(one)] != [s.fleet.asset_names for s in _shares(other)]
    for a, b in zip(one.members, other.members, strict=True):
        assert not np.array_equal(a.network.weights[0], b.network.weights[0])
        assert a.key != b.key


def test_parties_start_from_networks_of_their_own() -> None:
    first, second, third = (np.asarray(m.network.weights[0]) for m in _gathered("labsync_mean").members)
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)


def test_a_party_may_have_a_network_of_its_own() -> None:
    roster = (Party("a", hidden=(6, 5)), Party("b"), Party("c"))
    widths = [[len(b) for b in m.network.biases] for m in _gathered("labsync", roster=roster).members]
    assert widths == [[6, 5, 1], [4, 1], [4, 1]]


# --- algorithms ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("centralised", Isolated),
        ("isolated", Isolated),
        ("fedavg", FedAvg),
        ("vertical", PredictionSharing),
        ("mixed", PredictionSharing),
        ("labsync_mean", PredictionSharing),
        ("labsync", FedLabSync),
    ],
)
def test_a_scenario_has_its_algorithm_and_the_charters_recipe(scenario: str, kind: type) -> None:
    algorithm = _gathered(scenario, training={"local_epochs": 2, "batch_size": 5}).algorithm
    assert type(algorithm) is kind
    assert (algorithm.recipe.local_epochs, algorithm.recipe.batch_size) == (2, 5)


@pytest.mark.parametrize("scenario", ["labsync", "labsync_mean"])
def test_the_exchange_is_damped_above_8_parties_unless_the_charter_says_otherwise(scenario: str) -> None:
    def damping(parties: int, **choice: Any) -> float:
        roster = tuple(Party(f"p{number}") for number in range(parties))
        assets = WORLD.train.take_assets(np.arange(7))
        many = World("x", _repeated(assets, 2), WORLD.test)
        return gather(small(roster=roster, algorithm=choice), scenario, many).algorithm.damping

    assert (damping(8), damping(9)) == (0.0, 0.5)
    assert (damping(9, damping=0.0), damping(2, damping=0.3)) == (0.0, 0.3)


def test_loss_gradient_and_alpha_reach_the_algorithm() -> None:
    choice = {"loss": "mse", "gradient": "matlab", "alpha": 0.25}
    for scenario in ("labsync", "labsync_mean", "vertical"):
        loss = _gathered(scenario, algorithm=choice).algorithm.loss
        assert (loss.name, loss.gradient, loss.alpha) == ("mse", "matlab", 0.25)


# --- refusals ------------------------------------------------------------------------------------


def _own(*censored: bool) -> World:
    """Return parties with data of their own; those named have no asset that was seen for the cap."""
    short = WORLD.train.take_assets([0])
    early = short.time <= 5
    unknown = Fleet(
        short.asset_names,
        short.asset[early],
        short.time[early],
        short.settings[early],
        short.sensors[early],
        np.full(int(early.sum()), np.nan),
        short.setting_names,
        short.sensor_names,
    )
    trains = [unknown if hidden else WORLD.train for hidden in censored]
    return World("own", None, None, tuple(Dataset("x", train, WORLD.test) for train in trains))


@pytest.mark.parametrize("scenario", ["isolated", "labsync_mean"])
def test_a_party_without_a_labelled_row_is_refused_by_name(scenario: str) -> None:
    contract = small(partition={"kind": "given"}, algorithm={"name": scenario})
    with pytest.raises(PartyError, match=r"^party-2: none of its rows has a known remaining life; give it"):
        dealt(contract, scenario, _own(False, True, False))
    with pytest.raises(PartyError, match=r"^party-2: "):
        gather(contract, scenario, _own(False, True, False))


@pytest.mark.parametrize("scenario", ["labsync", "labsync_mean", "mixed"])
def test_labels_that_nobody_has_are_refused_where_labels_are_keys(scenario: str) -> None:
    train = replace(WORLD.train, remaining=np.where(WORLD.train.remaining == 4, 5.0, WORLD.train.remaining))
    with pytest.raises(DataError, match="charter small: no party has a row with label 4;"):
        dealt(small(), scenario, World("x", train, WORLD.test))
    for other in ("fedavg", "vertical", "isolated", "centralised"):
        dealt(small(), other, World("x", train, WORLD.test))


def test_readings_whose_squares_have_no_sum_are_refused_by_party_and_sensor() -> None:
    sensors = WORLD.train.sensors.copy()
    sensors[0, 2] = 1e200
    huge = World("x", replace(WORLD.train, sensors=sensors), WORLD.test)
    with pytest.raises(PartyError, match=r"^centralised: readings of s3 are too large to be summed; give"):
        gather(small(), "centralised", huge)


def _repeated(own: Fleet, times: int) -> Fleet:
    assets = len(own.asset_names)
    return replace(
        own,
        asset_names=tuple(f"{name}-{turn}" for turn in range(times) for name in own.asset_names),
        asset=np.concatenate([own.asset + turn * assets for turn in range(times)]).astype(np.int32),
        **{
            name: np.concatenate([getattr(own, name)] * times)
            for name in ("time", "settings", "sensors", "remaining")
        },
    )
