"""A whole run that Flower's deployment engine carries ends in the bits of one in this process.

Skipped where Flower is not installed: pip install 'hansa[nats,flower]'.
"""

import json
import sys
import time
from contextlib import ExitStack, closing, nullcontext
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks.deployed_nodes import charter_text
from benchmarks.peers.flower_deployment.loopback import LOG, Place, federation, submit
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_templates import template
from hansa.core.errors import CharterError
from hansa.nodes.coordinator_home import CoordinatorHome
from hansa.nodes.coordinator_service import CoordinatorService
from hansa.nodes.over_flower import HOME, coordinating
from hansa.nodes.party_home import PartyHome
from hansa.nodes.party_service import PartyService
from hansa.nodes.trial import make_trial
from hansa.transport.memory import Memory

APP = Path(__file__).parents[2] / "examples" / "flower"
LIMIT_S = 900.0
NAMES = ("party-1", "party-2")
CHANGES = {
    "parties = 4": "parties = 2",
    "rounds = 100": "rounds = 2",
    "engines = 200": "engines = 20",
    "test_engines = 80": "test_engines = 8",
    'secrecy = "masked"': 'secrecy = "open"',  # masked sums take three parties, and four messages each
}


class Here(Memory):
    """Parties in this process, of whom none comes or goes."""

    def admit(self, party: str, key: bytes) -> None:
        raise AssertionError(party)

    expel = admit  # type: ignore[assignment]


def _now() -> datetime:
    return datetime.now(UTC)


def _trial(folder: Path) -> CoordinatorHome:
    text = template("simulated")
    for old, new in CHANGES.items():
        assert f"\n{old}\n" in text
        text = text.replace(f"\n{old}\n", f"\n{new}\n")
    return make_trial(folder, parse_charter(text), text, None, _now())


def _state(home: CoordinatorHome) -> dict[str, np.ndarray]:
    with np.load(home.folder / "runs" / home.run / "state.npz") as found:
        return dict(found)


def test_a_charter_that_takes_servers_is_refused_before_flower_is_asked_anything(tmp_path: Path) -> None:
    text = charter_text("shared", 1)
    home = make_trial(tmp_path, parse_charter(text), text, None, _now())
    with pytest.raises(CharterError, match="takes second-server and third-server beside the coordinator"):
        coordinating(home)


@pytest.mark.slow
def test_a_run_over_flower_ends_in_the_bits_of_one_in_this_process(tmp_path: Path) -> None:
    if find_spec("flwr") is None:
        pytest.skip("Flower is not installed: pip install 'hansa[nats,flower]'")
    here, there = _trial(tmp_path / "here"), _trial(tmp_path / "there")
    with ExitStack() as stack:
        parties = [PartyService(PartyHome(tmp_path / "here" / name), _now) for name in NAMES]
        for party in parties:
            stack.enter_context(closing(party))
        answers = {name: party.node.answer for name, party in zip(NAMES, parties, strict=True)}
        CoordinatorService(here, _now).run_over(lambda _: nullcontext(Here(answers)), lambda *_: None)

    place = Place(Path(sys.executable).parent, tmp_path / "flower")
    place.folder.mkdir()
    with federation(place, [{HOME: str(tmp_path / "there" / name)} for name in NAMES]):
        submit(place, APP, {HOME: str(there.folder)})
        result = _awaited(there.folder / "runs" / there.run / "result.json", place)
    assert result["state"] == "finished", result
    first, second = _state(here), _state(there)
    assert first.keys() == second.keys()
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)
    assert all((tmp_path / "there" / name / "runs" / there.run / "model").is_dir() for name in NAMES)


def _awaited(file: Path, place: Place) -> dict[str, object]:
    until = time.perf_counter() + LIMIT_S
    while not file.exists():
        assert time.perf_counter() < until, (place.folder / LOG).read_text(errors="replace")[-4000:]
        time.sleep(0.5)
    time.sleep(0.5)
    found: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    return found
