"""Known answers of the learning core; `tests/golden/remake.py` makes them anew."""

import json

import pytest
from numpy.testing import assert_allclose

from tests.golden.remake import ANSWERS, exact, near

KNOWN = json.loads(ANSWERS.read_text(encoding="utf-8"))


def test_digests_frames_orders_and_maps_are_those_of_earlier_versions() -> None:
    assert exact() == KNOWN["exact"]


@pytest.fixture(scope="module")
def found() -> dict[str, list[float]]:
    return near()


@pytest.mark.parametrize("name", KNOWN["near"])
def test_learning_ends_where_it_ended_in_earlier_versions(found: dict[str, list[float]], name: str) -> None:
    assert_allclose(found[name], KNOWN["near"][name], atol=1e-4)


def test_no_answer_is_left_out(found: dict[str, list[float]]) -> None:
    assert found.keys() == KNOWN["near"].keys()
