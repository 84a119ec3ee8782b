"""Runs whose terms are added up by protected sums learn what open runs learn, and no cell is one party's."""

import os
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from hansa.algorithms.components import pairs_of
from hansa.core.charter import Charter, Party, Protection
from hansa.core.charter_reader import generated_roster
from hansa.core.errors import AbortedError, PartyError
from hansa.core.messages import Ask, Terms
from hansa.protection.fixed_point import FixedPoint
from hansa.protection.shared_form import SharedForm
from hansa.runtime.exams import exam_of
from hansa.runtime.result import ScenarioFigures
from hansa.runtime.sums import CLIP
from hansa.simulation.cohort import Cohort, gather
from hansa.simulation.federation import Federation
from hansa.simulation.protected import ProtectedSums
from hansa.simulation.session import Session
from tests.simulation.small_world import small, world

WORLD = world()
MASKED = Protection("masked")


def contract(name: str, kind: str, protection: Protection, **changes: Any) -> Charter:
    algorithm = {"name": name, "cohort": 3} if name == "vafl" else {"name": name}
    whole = {"algorithm": algorithm, "partition": {"kind": kind, "sensors_per_party": 0}, "compare": ()}
    if kind == "mixed":
        whole["partition"] = {"kind": kind, "sensors_per_party": 0, "shared_assets": 0.3}
    if name in ("fsvrg", "scaffold"):
        whole["training"] = {"optimizer": "sgd", "learning_rate": 0.02}
    return small(protection=protection, **(whole | changes))


def _need(level: str) -> None:
    if level == "encrypted":
        pytest.importorskip("tenseal", reason="needs TenSEAL: pip install 'hansa[encrypted]'")


def found(charter: Charter) -> ScenarioFigures:
    federation = Federation(charter, world=WORLD)
    assert list(federation.train(lambda _: None, lambda: False)) == [charter.algorithm.name]
    return federation.result().scenarios[charter.algorithm.name]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fedavg", "horizontal"),
        ("labsync_mean", "hybrid"),
        pytest.param("vafl", "vertical", marks=pytest.mark.slow),
        pytest.param("fsvrg", "horizontal", marks=pytest.mark.slow),  # two exchanges in a round
        pytest.param("aligned", "hybrid", marks=pytest.mark.slow),
        pytest.param("scaffold", "horizontal", marks=pytest.mark.slow),
        pytest.param("fednova", "horizontal", marks=pytest.mark.slow),
        pytest.param("fedper", "horizontal", marks=pytest.mark.slow),
        pytest.param("hyfdca", "hybrid", marks=pytest.mark.slow),
        pytest.param("mixed", "mixed", marks=pytest.mark.slow),
        pytest.param("vertical", "vertical", marks=pytest.mark.slow),
    ],
)
def test_a_masked_run_learns_what_an_open_one_learns(name: str, kind: str) -> None:
    plain, masked = (found(contract(name, kind, one)) for one in (Protection("open"), MASKED))
    assert masked.history["rmse"] == pytest.approx(plain.history["rmse"], rel=2e-5)
    assert masked.history["train_loss"] == pytest.approx(plain.history["train_loss"], rel=1e-4)


# Updates of more than 512 numbers, which go with products; of five parties none has a third of the rows.
LARGE: dict[str, Any] = {"network": {"hidden": (128,)}, "roster": generated_roster(5)}


@pytest.mark.parametrize(
    ("level", "name", "kind"),
    [
        ("shared", "fedavg", "horizontal"),
        pytest.param("encrypted", "labsync_mean", "hybrid", marks=pytest.mark.slow),
        pytest.param("shared", "aligned", "hybrid", marks=pytest.mark.slow),
        pytest.param("shared", "labsync_mean", "hybrid", marks=pytest.mark.slow),
        pytest.param("encrypted", "aligned", "hybrid", marks=pytest.mark.slow),
        pytest.param("encrypted", "fedavg", "horizontal", marks=pytest.mark.slow),
    ],
)
def test_so_do_the_other_levels(level: str, name: str, kind: str) -> None:
    _need(level)
    plain, hidden = (found(contract(name, kind, Protection(one), **LARGE)) for one in ("open", level))
    assert hidden.history["rmse"] == pytest.approx(plain.history["rmse"], rel=1e-4)


@pytest.mark.parametrize("level", ["masked", "shared", "encrypted"])
def test_totals_are_those_of_the_terms_to_the_stated_error(level: str) -> None:
    _need(level)
    names, charter = ("a", "b", "c", "d"), contract("fedavg", "horizontal", Protection(level))
    sums = ProtectedSums(replace(charter, roster=tuple(map(Party, names))), "fedavg", names, os.urandom)
    rng = np.random.default_rng(3)
    values = {name: rng.normal(size=700).astype(np.float32) for name in names}
    weights = {"a": 1000.0, "b": 900.0, "c": 1100.0, "d": 950.0}
    ask = Ask(jnp.int32(1), {"w": jnp.zeros(700)})
    terms = {name: Terms({"w": jnp.asarray(own)}, jnp.float32(weights[name])) for name, own in values.items()}
    found = sums.totals(ask, terms)
    exact = sum(weights[name] * values[name].astype(np.float64) for name in names)
    assert float(found.weight) == pytest.approx(sum(weights.values()), rel=1e-6)
    error = np.abs(np.asarray(found.values["w"], np.float64) - exact).max()
    form = SharedForm(4, 2 * np.sqrt(700))
    bound = {
        "masked": 1e7 * FixedPoint(4, CLIP[64], 64).error,
        "shared": sum(weights.values()) * 2.0 ** -(form.bits + 1),
        "encrypted": 1e7 * FixedPoint(4, CLIP[56], 56).error,
    }[level]
    assert error <= bound + np.abs(exact).max() * 2.0**-23  # and float32's own


def test_small_updates_are_summed_without_products() -> None:
    small_one = found(contract("fedavg", "horizontal", Protection("shared")))
    plain = found(contract("fedavg", "horizontal", Protection("open")))
    assert small_one.history["rmse"] == pytest.approx(plain.history["rmse"], rel=2e-5)


def test_last_rounds_that_send_nothing_open_nothing() -> None:
    for level in ("masked", "shared"):
        charter = contract("fine_tuned", "horizontal", Protection(level), **LARGE)
        charter = replace(charter, algorithm=replace(charter.algorithm, alone_rounds=2))
        assert np.isfinite(found(charter).history["rmse"]).all()


@pytest.mark.parametrize(
    ("name", "kind", "seen"), [("fedavg", "horizontal", True), ("aligned", "hybrid", False)]
)
def test_one_party_with_most_rows_counts_for_a_third_where_weights_are_seen(
    name: str, kind: str, seen: bool
) -> None:
    """Of aligned updates nobody sees a weight: they say who has what, and no rule may weigh that anew."""
    names = ("a", "b", "c")
    charter = contract(name, kind, Protection("shared"))
    sums = ProtectedSums(replace(charter, roster=tuple(map(Party, names))), name, names, os.urandom)
    assert sums.enough("statistics", [np.ones(2, bool)] * 3).all()
    ask = Ask(jnp.int32(1), {"w": jnp.zeros(600)})
    terms = {
        own: Terms({"w": jnp.full(600, 0.1 * place)}, jnp.float32(weight))
        for place, (own, weight) in enumerate(zip(names, (5.0, 5.0, 990.0), strict=True))
    }
    found = sums.totals(ask, terms)
    weights = (5.0, 5.0, 5.0) if seen else (5.0, 5.0, 990.0)
    assert float(found.weight) == pytest.approx(sum(weights), rel=1e-6)
    total = sum(0.1 * place * weight for place, weight in enumerate(weights))
    assert np.asarray(found.values["w"]) == pytest.approx(np.full(600, total), rel=1e-4)


def test_a_party_without_rows_does_not_count_where_weights_are_seen() -> None:
    names = ("a", "b", "c", "d")
    charter = contract("fedavg", "horizontal", Protection("shared"))
    sums = ProtectedSums(replace(charter, roster=tuple(map(Party, names))), "fedavg", names, os.urandom)
    weights, values = (10.0, 10.0, 10.0, 0.0), (0.1, 0.1, 0.1, 0.9)

    def terms(*counted: float) -> dict[str, Terms]:
        return {
            name: Terms({"w": jnp.full(600, value)}, jnp.float32(weight))
            for name, value, weight in zip(names, values, counted, strict=True)
        }

    ask = Ask(jnp.int32(1), {"w": jnp.zeros(600)})
    found = sums.totals(ask, terms(*weights))
    assert float(found.weight) == 30.0
    assert np.asarray(found.values["w"]) == pytest.approx(np.full(600, 3.0), rel=1e-4)
    with pytest.raises(AbortedError, match="2 parties count for anything, and a sum is over 3"):
        sums.totals(ask, terms(10.0, 10.0, 0.0, 0.0))


def test_a_weight_that_is_not_whole_is_refused_where_shares_are_multiplied() -> None:
    charter = contract("fedavg", "horizontal", Protection("shared"))
    names = tuple(party.name for party in charter.roster)
    sums = ProtectedSums(charter, "fedavg", names, os.urandom)
    half = Terms({"w": jnp.zeros(600)}, jnp.float32(0.5))
    with pytest.raises(PartyError, match="and shares are multiplied by whole numbers"):
        sums.totals(Ask(jnp.int32(1), {"w": jnp.zeros(600)}), dict.fromkeys(names, half))


def test_masks_leave_no_trace_in_the_model() -> None:
    one, other = (found(contract("fedavg", "horizontal", MASKED)) for _ in range(2))
    assert one.history == other.history
    assert one.curves == other.curves


def test_32_bits_do_too() -> None:
    narrow = found(contract("fedavg", "horizontal", replace(MASKED, width=32, most_rows=100)))
    wide = found(contract("fedavg", "horizontal", MASKED))
    assert narrow.history["rmse"] == pytest.approx(wide.history["rmse"], rel=1e-4)
    up = {one: next(iter(run.parties.values())).traffic.bytes_up for one, run in (("n", narrow), ("w", wide))}
    assert up["n"] < up["w"]


def test_an_interrupted_masked_run_goes_on_to_the_same_bits() -> None:
    charter = contract("labsync_mean", "hybrid", MASKED)
    whole, first = Federation(charter, world=WORLD), Federation(charter, world=WORLD)
    assert list(whole.train(lambda _: None, lambda: False))
    seen = iter((False, True))
    assert list(first.train(lambda _: None, lambda: next(seen))) == []
    second = Federation(charter, world=WORLD)
    assert list(second.train(lambda _: None, lambda: False, first.checkpoint()))
    one, other = (run.result().scenarios["labsync_mean"] for run in (whole, second))
    assert one.history == other.history


def test_rows_above_what_the_charter_counts_are_refused() -> None:
    with pytest.raises(PartyError, match="and the charter for 0 to 5 rows; agree on a larger most_rows"):
        found(contract("fedavg", "horizontal", replace(MASKED, most_rows=5)))


# --- cells ------------------------------------------------------------------------------------------


def roster(*sensors: tuple[str, ...]) -> tuple[Party, ...]:
    return tuple(Party(f"party-{place}", sensors=own) for place, own in enumerate(sensors, 1))


ALL = ("s1", "s2", "s3", "s4")
RARE = roster(ALL, ALL, ALL[:3], ALL[:3])  # two have s4


def seated(name: str, kind: str, protection: Protection = MASKED, **changes: Any) -> Cohort:
    charter = contract(name, kind, protection, **({"roster": RARE} | changes))
    return gather(charter, name, WORLD)


def test_a_sensor_that_two_parties_have_is_no_input_of_the_common_model() -> None:
    cohort = seated("aligned", "hybrid")
    assert [one.sensors for one in cohort.inputs] == [ALL[:3]] * 4
    assert cohort.inputs[0].frame == ALL[:3]
    everybody = gather(contract("aligned", "hybrid", Protection("open"), roster=RARE), "aligned", WORLD)
    assert everybody.inputs[0].frame == ALL


def test_its_statistics_are_not_summed() -> None:
    cohort = seated("labsync_mean", "hybrid")
    sums = cohort.statistics
    assert sums is not None
    assert (sums.count[:, :3] > 0).all()
    assert not sums.count[:, 3].any()
    assert not sums.total[:, 3].any()
    assert not sums.square[:, 3].any()
    one, other = cohort.inputs[0], cohort.inputs[1]
    assert np.array_equal(one.mean[:, 0], other.mean[:, 0])
    assert not np.array_equal(one.mean[:, 3], other.mean[:, 3])  # each scales s4 by its own


def test_a_label_that_two_parties_have_is_nobodys() -> None:
    totals = {}
    for secrecy in ("open", "masked"):
        charter = contract(
            "labsync_mean", "hybrid", Protection(secrecy), roster=RARE, data={"label_cap": 25.0}
        )
        exam = exam_of(WORLD.test, charter, "the test")
        session = Session(gather(charter, "labsync_mean", WORLD), [exam] * 4, 2)
        session.open()
        session.step()
        totals[secrecy] = session.ask().shared
    clear, hidden = (np.asarray(totals[one].support) for one in ("open", "masked"))  # (keys,) each
    assert {1, 2} & set(clear.tolist())
    assert np.array_equal(hidden, np.where(clear >= 3, clear, 0))
    assert np.any(totals["open"].prediction[clear < 3])
    assert not np.any(totals["masked"].prediction[clear < 3])
    assert np.any(totals["masked"].prediction[clear >= 3])


def test_pairs_of_sensors_that_few_parties_have_are_not_summed() -> None:
    lacks = roster(ALL, ALL, ALL, ("s2", "s3"), ("s1", "s2"))
    cohort = seated(
        "aligned",
        "hybrid",
        replace(MASKED, cohort=4),
        roster=lacks,
        preparation={"lacking": "regression"},
    )
    assert cohort.products is not None
    pairs = pairs_of(np.zeros(3, np.int64))  # (2, pairs), of s1, s2 and s3: s4 is no input
    have = [
        sum({f"s{one + 1}", f"s{other + 1}"} <= set(own.sensors) for own in lacks) for one, other in pairs.T
    ]
    assert np.array_equal(cohort.products.count > 0, np.array(have) >= 4)
    assert np.array_equal(cohort.products.total != 0, np.array(have) >= 4)


# --- traffic ----------------------------------------------------------------------------------------


def test_the_bytes_of_a_party_are_those_of_its_messages() -> None:
    plain, masked = (found(contract("fedavg", "horizontal", one)) for one in (Protection("open"), MASKED))
    clear, hidden = (next(iter(run.parties.values())).traffic for run in (plain, masked))
    assert hidden.bytes_up > clear.bytes_up
    assert hidden.bytes_down > clear.bytes_down
    assert hidden.array_bytes_up == clear.array_bytes_up


def test_a_result_names_the_sensors_that_too_few_parties_have() -> None:
    assert seated("aligned", "hybrid").unsummed == ("s4",)
    assert found(contract("aligned", "hybrid", MASKED, roster=RARE)).unsummed == ("s4",)
    assert found(contract("aligned", "hybrid", Protection("open"), roster=RARE)).unsummed == ()
