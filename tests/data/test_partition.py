"""Dealing assets: each exactly once, by the seed, skewed where the charter says so."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from hansa.core import seeds
from hansa.core.charter import Party, Regimes
from hansa.core.errors import CharterError
from hansa.data.fleet import Fleet
from hansa.data.partition import Share, deal, owners, sensor_suites
from hansa.data.prepare import regime_of
from hansa.data.simulated import REGIME_CENTRES, simulate_fleet
from tests.batteries.fleets import CENTRES, charter, fleet

FLEET = fleet([6, 4, 5, 3, 7, 5, 6, 4, 3, 5, 4, 6, 5])
DEALS = ["shuffled", "fleet_size", "fault_mode", "regime"]


def _names(shares: list[Share]) -> list[list[str]]:
    return [list(share.fleet.asset_names) for share in shares]


@settings(max_examples=60)
@given(
    assets=st.integers(1, 20),
    parties=st.integers(1, 20),
    kind=st.sampled_from(["horizontal", "hybrid", "mixed"]),
    how=st.sampled_from(DEALS),
    shared=st.floats(0, 1),
    seed=st.integers(0, 50),
)
@example(assets=12, parties=9, kind="mixed", how="fleet_size", shared=0.8, seed=0)
@example(assets=9, parties=9, kind="hybrid", how="fleet_size", shared=0.0, seed=0)
def test_every_asset_goes_to_one_party_or_to_all(
    assets: int, parties: int, kind: str, how: str, shared: float, seed: int
) -> None:
    own = fleet([3] * assets)
    contract = charter(parties, seed=seed, partition={"deal": how, "shared_assets": shared})
    if parties > assets:
        with pytest.raises(CharterError, match=f"{parties} parties cannot share {assets} assets"):
            deal(own, contract, kind)
        return
    dealt = _names(deal(own, contract, kind))
    holders = [sum(name in held for held in dealt) for name in own.asset_names]
    everywhere = round(shared * assets) if kind == "mixed" else 0
    if parties > 1:
        assert sorted(holders) == [1] * (assets - everywhere) + [parties] * everywhere
    else:
        assert holders == [1] * assets
    if kind != "mixed":
        assert min(len(held) for held in dealt) > 0
    if how in ("shuffled", "fault_mode", "regime"):
        sizes = [len(held) for held in dealt]
        assert max(sizes) - min(sizes) <= 1


def test_party_j_of_the_shuffled_deal_takes_every_jth_asset_of_the_seeds_order() -> None:
    order = seeds.generator(7, "assets").permutation(13)
    for party, share in enumerate(deal(FLEET, charter(4), "hybrid")):
        expected = {f"asset-{i}" for i in order[party::4]}
        assert set(share.fleet.asset_names) == expected


@pytest.mark.parametrize("kind", ["horizontal", "vertical", "hybrid", "mixed"])
def test_the_seed_alone_decides(kind: str) -> None:
    settings = {"sensors_per_party": 2, "shared_assets": 0.3}
    one, same, other = (deal(FLEET, charter(seed=seed, partition=settings), kind) for seed in (7, 7, 8))
    for a, b in zip(one, same, strict=True):
        assert (a.party, a.fleet.asset_names, a.fleet.sensor_names) == (
            b.party,
            b.fleet.asset_names,
            b.fleet.sensor_names,
        )
        assert_array_equal(a.fleet.sensors, b.fleet.sensors)
        assert_array_equal(a.shared_row, b.shared_row)
    if kind != "vertical":
        assert _names(one) != _names(other)


def test_rows_come_with_their_assets() -> None:
    for share in deal(FLEET, charter(partition={"sensors_per_party": 2}), "hybrid"):
        whole = FLEET.take_sensors(share.fleet.sensor_names)
        for asset, name in enumerate(share.fleet.asset_names):
            here, there = share.fleet.asset == asset, whole.asset == whole.asset_names.index(name)
            assert_array_equal(share.fleet.sensors[here], whole.sensors[there])
            assert_array_equal(share.fleet.remaining[here], whole.remaining[there])


def test_a_party_is_dealt_by_its_place_and_its_sensors_by_its_name() -> None:
    two = charter(3, sensors=9, partition={"sensors_per_party": 4})
    wide = fleet([3] * 6, sensors=9)
    turned = replace(two, roster=two.roster[::-1])
    suites = dict(zip([p.name for p in two.roster], sensor_suites(wide, two, "hybrid"), strict=True))
    again = dict(zip([p.name for p in turned.roster], sensor_suites(wide, turned, "hybrid"), strict=True))
    assert suites == again
    assert len(set(suites.values())) > 1


@pytest.mark.parametrize("count", [1, 4, 9])
def test_a_suite_has_as_many_sensors_as_the_charter_says_in_the_fleets_order(count: int) -> None:
    wide = fleet([3] * 6, sensors=9)
    for suite in sensor_suites(
        wide, charter(4, sensors=9, partition={"sensors_per_party": count}), "vertical"
    ):
        assert len(suite) == len(set(suite)) == count
        assert list(suite) == sorted(suite, key=wide.sensor_names.index)


def test_without_a_number_every_party_has_all_sensors() -> None:
    assert sensor_suites(FLEET, charter(2), "hybrid") == [FLEET.sensor_names] * 2


def test_a_party_that_names_its_sensors_gets_them_except_where_all_have_all() -> None:
    contract = charter(2, partition={"sensors_per_party": 1})
    contract = replace(contract, roster=(Party("a", sensors=("s3", "s1")), Party("b")))
    hybrid = sensor_suites(FLEET, contract, "hybrid")
    assert set(hybrid[0]) == {"s1", "s3"}
    assert len(hybrid[1]) == 1
    assert sensor_suites(FLEET, contract, "horizontal") == [FLEET.sensor_names] * 2


def test_a_vertical_partition_gives_every_party_all_rows_numbered_alike() -> None:
    shares = deal(FLEET, charter(4, partition={"sensors_per_party": 2}), "vertical")
    for share in shares:
        assert share.fleet.asset_names == FLEET.asset_names
        assert_array_equal(share.shared_row, np.arange(FLEET.rows))
        assert_array_equal(share.fleet.time, FLEET.time)


def test_more_parties_than_assets_may_share_all_assets() -> None:
    assert len(deal(fleet([3, 3]), charter(5), "vertical")) == 5


@settings(max_examples=20)
@given(st.floats(0, 1), st.integers(0, 20))
def test_shared_rows_of_a_mixed_partition_are_numbered_alike_at_all_parties(share: float, seed: int) -> None:
    shares = deal(FLEET, charter(3, seed=seed, partition={"shared_assets": share}), "mixed")
    seen: dict[int, tuple[str, float]] = {}
    numbers = [one.shared_row[one.shared_row >= 0] for one in shares]
    assert_array_equal(np.sort(numbers[0]), np.arange(len(numbers[0])))
    for one, own in zip(shares, numbers, strict=True):
        assert_array_equal(own, numbers[0])
        for row, number in enumerate(one.shared_row):
            what = (one.fleet.asset_names[one.fleet.asset[row]], float(one.fleet.time[row]))
            if number >= 0:
                assert seen.setdefault(int(number), what) == what
            else:
                assert what not in seen.values()


@pytest.mark.parametrize("kind", ["horizontal", "hybrid"])
def test_rows_of_assets_that_nobody_shares_have_no_number(kind: str) -> None:
    for share in deal(FLEET, charter(partition={"shared_assets": 0.5}), kind):
        assert_array_equal(share.shared_row, -1)


# --- skews ---------------------------------------------------------------------------------------


def _skewed(own: Fleet, how: str, parties: int = 4) -> list[Fleet]:
    regimes = Regimes(
        "centres", CENTRES if own.setting_names[0] == "height" else tuple(map(tuple, REGIME_CENTRES))
    )
    contract = charter(parties, data={"regimes": regimes}, partition={"deal": how})
    return [share.fleet for share in deal(own, contract, "hybrid")]


def _simulated() -> Fleet:
    return simulate_fleet(32, 2, np.random.default_rng(3)).train


def test_fleet_sizes_fall_from_the_first_party_to_the_last_about_eight_to_one() -> None:
    sizes = [len(own.asset_names) for own in _skewed(fleet([3] * 100), "fleet_size")]
    assert sizes == sorted(sizes, reverse=True)
    assert 6 <= sizes[0] / sizes[-1] <= 9


def test_the_smallest_fleet_has_an_asset() -> None:
    assert [len(own.asset_names) for own in _skewed(fleet([3] * 5), "fleet_size", 5)] == [1] * 5


def test_fault_modes_separate() -> None:
    own = _simulated()
    first, *_, last = (set(one.traits["fault_mode"]) for one in _skewed(own, "fault_mode"))
    assert len(set(own.traits["fault_mode"])) == 2
    assert first != last
    assert len(first) == len(last) == 1
    shuffled = [set(one.traits["fault_mode"]) for one in _skewed(own, "shuffled")]
    assert sum(len(one) for one in shuffled) > 6


def test_fault_modes_that_nobody_told_separate_by_how_readings_drift() -> None:
    own = _simulated()
    told = dict(zip(own.asset_names, own.traits["fault_mode"], strict=True))
    thirds = _skewed(replace(own, traits={}), "fault_mode", 3)
    modes = [{told[name] for name in one.asset_names} for one in (thirds[0], thirds[-1])]
    assert modes in ([{"fan"}, {"hpc"}], [{"hpc"}, {"fan"}])


def test_sensors_that_say_nothing_do_not_change_who_is_like_whom() -> None:
    own = replace(_simulated(), traits={})
    informative = own.take_sensors(
        [name for name in own.sensor_names if name not in ("s1", "s5", "s16", "s18", "s19")]
    )
    nothing = np.full((own.rows, 2), np.nan)
    nothing[:, 0] = 491.19
    dull = replace(
        informative,
        sensors=np.c_[informative.sensors, nothing],
        sensor_names=(*informative.sensor_names, "constant", "missing"),
    )
    held = [
        sorted(map(sorted, (one.asset_names for one in _skewed(f, "fault_mode"))))
        for f in (informative, dull)
    ]
    assert held[0] == held[1]


def test_regimes_separate() -> None:
    rng = np.random.default_rng(0)
    own = fleet([30] * 12)
    liked = rng.integers(0, 3, 12)[own.asset]  # the regime in which each asset works four times in five
    regime = np.where(rng.uniform(size=own.rows) < 0.8, liked, rng.integers(0, 3, own.rows))
    own = replace(own, settings=np.array(CENTRES)[regime])
    means = [regime_of(one, Regimes("centres", CENTRES)).mean() for one in _skewed(own, "regime", 3)]
    assert means == sorted(means)
    assert means[-1] - means[0] > 0.8
    shuffled = [regime_of(one, Regimes("centres", CENTRES)).mean() for one in _skewed(own, "shuffled", 3)]
    assert np.ptp(shuffled) < 0.5 * (means[-1] - means[0])


# --- by a column ---------------------------------------------------------------------------------

OWNERS = np.array(["oak", "elm", "ash", "oak", "elm", "oak", "fir", "elm", "oak", "ash", "oak", "yew", "elm"])
OWNED = replace(FLEET, traits={"owner": OWNERS})


@pytest.mark.parametrize(
    ("parties", "owners"),
    [
        (1, [{"oak", "elm", "ash", "fir", "yew"}]),
        (3, [{"oak"}, {"elm"}, {"ash", "fir", "yew"}]),
        (5, [{"oak"}, {"elm"}, {"ash"}, {"fir"}, {"yew"}]),
    ],
)
def test_a_column_deals_its_most_frequent_values_and_the_last_party_has_what_is_left(
    parties: int, owners: list[set[str]]
) -> None:
    shares = deal(OWNED, charter(parties, partition={"deal": "column", "by": "owner"}), "horizontal")
    assert [set(share.fleet.traits["owner"]) for share in shares] == owners
    assert sum(len(share.fleet.asset_names) for share in shares) == len(OWNERS)


@pytest.mark.parametrize(
    ("parties", "by", "words"),
    [(6, "owner", "5 different values and there are 6 parties"), (2, "state", 'have no "state" to deal')],
)
def test_a_column_that_cannot_deal_is_refused(parties: int, by: str, words: str) -> None:
    with pytest.raises(CharterError, match=words):
        deal(OWNED, charter(parties, partition={"deal": "column", "by": by}), "horizontal")


# --- whose kind a test asset is ------------------------------------------------------------------


def test_a_test_asset_is_of_the_party_that_its_column_names_and_strangers_are_of_the_last() -> None:
    test = replace(fleet([4] * 4), traits={"owner": np.array(["elm", "pine", "oak", "ash"])})
    uneven = charter(3, partition={"kind": "horizontal", "deal": "column", "by": "owner"})
    assert owners(test, OWNED, uneven).tolist() == [1, 2, 0, 2]


def test_test_assets_are_ranked_as_the_deal_ranks_and_even_deals_have_no_kinds() -> None:
    rng = np.random.default_rng(0)
    test = fleet([20] * 9)
    liked = rng.permutation(np.repeat([0, 1, 2], 3))  # the regime in which each asset works
    test = replace(test, settings=np.array(CENTRES)[liked[test.asset]])
    found = owners(test, test, charter(3, partition={"kind": "hybrid", "deal": "regime"}))
    assert found.tolist() == liked.tolist()
    for partition in ({"deal": "shuffled"}, {"deal": "fleet_size"}, {"kind": "vertical", "deal": "regime"}):
        assert owners(test, test, charter(3, partition={"kind": "horizontal"} | partition)) is None
