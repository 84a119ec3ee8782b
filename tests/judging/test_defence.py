"""Every rule through its door, against the battery; and what the door refuses."""

import numpy as np
import pytest

from hansa.core.defences import DEFENCES
from hansa.core.errors import CharterError
from hansa.judging.defence import aggregate, weights
from hansa.judging.table import table_of
from tests.batteries.rule import BAD, RuleBattery, drawn


class TestMean(RuleBattery):
    name, near, long = "mean", 0.0, 0.0


class TestClipped(RuleBattery):
    name, moves, near = "clipped", False, 3.0


class TestKrum(RuleBattery):
    name = "krum"


class TestMultiKrum(RuleBattery):
    name = "multi_krum"


class TestMda(RuleBattery):
    name = "mda"


class TestGeometricMedian(RuleBattery):
    name = "geometric_median"


class TestCenteredClipping(RuleBattery):
    name, moves = "centered_clipping", False


class TestBulyan(RuleBattery):
    name = "bulyan"


class TestMonna(RuleBattery):
    name = "monna"


class TestFlTrust(RuleBattery):
    name, moves, near = "fltrust", False, 3.0


class TestFoolsGold(RuleBattery):
    name, moves, near, long = "foolsgold", False, 0.0, 0.0


class TestCosineClusters(RuleBattery):
    name, moves = "cosine_clusters", False


class TestMedian(RuleBattery):
    name = "median"


class TestTrimmedMean(RuleBattery):
    name = "trimmed_mean"


class TestMeamed(RuleBattery):
    name = "meamed"


def test_every_rule_passes_the_battery() -> None:
    assert {one.name for one in RuleBattery.__subclasses__()} == set(DEFENCES)


@pytest.mark.parametrize(("name", "before"), [("median", "none"), ("krumm", "none"), ("krum", "nmm")])
def test_a_rule_that_a_table_does_not_do_for_is_refused(name: str, before: str) -> None:
    with pytest.raises(CharterError, match="choose one of"):
        weights(name, before, table_of(drawn(0)), BAD)


def test_a_rule_that_judges_by_distances_is_not_given_updates() -> None:
    with pytest.raises(CharterError, match="no rule krum judges by updates"):
        aggregate("krum", "none", drawn(0), BAD)


@pytest.mark.parametrize("name", [name for name, defence in DEFENCES.items() if defence.trusted])
def test_a_rule_of_trust_needs_a_trusted_party(name: str) -> None:
    with pytest.raises(CharterError, match="needs a party that all trust"):
        weights(name, "none", table_of(drawn(0)), BAD)


def test_fewer_than_no_bad_parties_are_refused() -> None:
    with pytest.raises(CharterError, match="-1 bad ones"):
        weights("mean", "none", table_of(drawn(0)), -1)


def test_a_mix_before_a_rule_is_that_of_the_updates_themselves() -> None:
    updates = drawn(5)
    mixing = weights("krum", "nnm", table_of(updates), BAD)
    assert (mixing > 0).sum() == len(updates) - BAD
    clipped = weights("mean", "arc", table_of(updates), BAD) @ updates
    norms = np.linalg.norm(updates, axis=1)
    radius = np.sort(norms)[-1 - (2 * BAD * (len(updates) - BAD)) // len(updates)]
    due = (updates * np.minimum(1, radius / norms)[:, None]).mean(axis=0)
    np.testing.assert_allclose(clipped, due, rtol=1e-4, atol=1e-5)
