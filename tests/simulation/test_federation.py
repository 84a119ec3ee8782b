"""Whole federations: the same twice, the same after every possible interruption, and what a run holds."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hansa.core.charter import Charter
from hansa.core.errors import FolderError, PartyError
from hansa.data.fleet import Dataset
from hansa.registry.run_folder import RunFolder
from hansa.runtime.scoring import Joined, Model
from hansa.runtime.world import World
from hansa.simulation.federation import Checkpoint, Federation, Progress
from hansa.simulation.run import identity, run_into
from tests.batteries.roster import leaves
from tests.simulation.small_world import COMPARED, small, world

WORLD = world()
CHARTER = small(rounds=2, evaluation={"filter": "none"})
STEPS = 16  # 2 rounds of 8 units: isolated serves isolated_mean too
TIMINGS = ("seconds", "peak_memory_mb")


def _never() -> bool:
    return False


def _stop_after(steps: int) -> Callable[[], bool]:
    """Return a stop that lets so many rounds pass."""
    left = iter([False] * (steps - 1) + [True] * 1000)
    return lambda: next(left)


def _federation(charter: Charter = CHARTER) -> Federation:
    return Federation(charter, world=WORLD)


def _trained(federation: Federation, stop: Callable[[], bool] = _never, start: Any = None) -> list[str]:
    return list(federation.train(lambda progress: None, stop, start))


@cache
def _whole() -> Federation:
    """Return a federation after its last round; read only."""
    federation = _federation()
    _trained(federation)
    return federation


def _untimed(value: Any) -> Any:
    """Return a result without what depends on the clock and the machine."""
    if isinstance(value, dict):
        return {name: _untimed(inner) for name, inner in value.items() if name not in TIMINGS}
    return [_untimed(inner) for inner in value] if isinstance(value, list) else value


def _weights(model: Model | Joined) -> dict[str, list[bytes]]:
    parts = model.parts if isinstance(model, Joined) else {"": model}
    return {name: [leaf.tobytes() for leaf in leaves(part.network)] for name, part in parts.items()}


def test_every_scenario_of_the_charter_is_found_in_the_houses_order() -> None:
    result = _whole().result()
    assert list(result.scenarios) == list(COMPARED)
    assert result.complete
    assert result.rounds_done == 2
    assert set(_whole().models) == set(COMPARED)


def test_only_what_the_charter_names_is_trained() -> None:
    federation = _federation(small(rounds=1, compare=("isolated_mean",), evaluation={"filter": "none"}))
    assert _trained(federation) == ["isolated", "labsync_mean"]
    assert list(federation.result().scenarios) == ["isolated_mean", "labsync_mean"]


def test_isolated_parties_that_were_read_as_their_mean_are_not_trained_again() -> None:
    contract = small(rounds=1, compare=("isolated_mean",), evaluation={"filter": "none"})
    first = _federation(contract)
    next(iter(first.train(lambda progress: None, _never)))
    assert _trained(_federation(contract), start=first.checkpoint()) == ["labsync_mean"]


def test_the_same_seed_gives_the_same_models_and_metrics_to_the_bit() -> None:
    again = _federation()
    _trained(again)
    assert _untimed(again.result().value()) == _untimed(_whole().result().value())
    for unit, model in again.models.items():
        assert _weights(model) == _weights(_whole().models[unit])


def test_a_run_interrupted_after_every_single_round_ends_at_the_same_bits(tmp_path: Path) -> None:
    """Each round runs in a federation of its own, which knows nothing but the folder."""
    straight, broken = (RunFolder(tmp_path / name) for name in ("straight", "broken"))
    expected = run_into(_claimed(straight), straight, lambda result: "", lambda progress: None, _never)
    for _ in range(STEPS):
        partial = run_into(_claimed(broken), broken, lambda result: "", lambda progress: None, lambda: True)
        assert not partial.complete
    found = run_into(_claimed(broken), broken, lambda result: "", lambda progress: None, lambda: True)
    assert found.complete
    assert _untimed(found.value()) == _untimed(expected.value())
    one, other = _files(straight.path), _files(broken.path)
    assert one.keys() == other.keys()
    assert [name for name in one if name.startswith("models/") and one[name] != other[name]] == []
    assert not (broken.path / "checkpoint.npz").exists()


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_checkpoint_in_memory_is_not_changed_by_going_on(steps: int) -> None:
    first = _federation()
    _trained(first, _stop_after(steps))
    kept = first.checkpoint()
    assert first._session is not None
    first._session.step()  # whoever took the checkpoint goes on
    second = _federation()
    _trained(second, start=kept)
    assert _untimed(second.result().value()) == _untimed(_whole().result().value())


def test_a_checkpoint_of_another_version_is_refused_in_one_sentence() -> None:
    first = _federation()
    _trained(first, _stop_after(1))
    kept = first.checkpoint()
    name, *others = kept.arrays
    for arrays in ({other: kept.arrays[other] for other in others}, kept.arrays | {name: np.zeros((9, 9))}):
        with pytest.raises(FolderError, match="begun with another version of Hansa; start it again in anoth"):
            _trained(_federation(), start=replace(kept, arrays=arrays))


def test_scoring_and_writing_are_told(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    contract = small(rounds=1, compare=("fedavg",), evaluation={"filter": "none"})
    federation = Federation(contract, world=WORLD, tell=lambda *said: told.append(said))
    folder = RunFolder(tmp_path / "run")
    folder.claim("", identity(federation))
    run_into(federation, folder, lambda result: "", lambda progress: None, _never)
    stages = [f"{unit}: {stage}" for unit in ("fedavg", "labsync_mean") for stage in ("scoring", "writing")]
    assert told == [(stage, 0.0) for stage in (*stages, "result: writing")]


def test_a_run_that_was_stopped_between_two_scenarios_is_not_complete() -> None:
    federation = _federation()
    scenarios: Iterator[str] = federation.train(lambda progress: None, _never)
    assert next(scenarios) == "centralised"
    result = federation.result()
    assert not result.complete
    assert list(result.scenarios) == ["centralised"]
    kept = federation.checkpoint()
    assert (kept.scenario, kept.arrays) == ("", None)
    resumed = _federation()
    _trained(resumed, start=kept)
    assert _untimed(resumed.result().value()) == _untimed(_whole().result().value())


def test_a_partial_result_reads_the_scenario_at_work() -> None:
    federation = _federation()
    _trained(federation, _stop_after(3))  # one round into isolated
    result = federation.result()
    assert list(result.scenarios) == ["centralised", "isolated", "isolated_mean"]
    assert (result.complete, result.rounds_done) == (False, 1)
    assert result.scenarios["isolated"].history["round"] == [1]
    assert list(federation.unfinished_models()) == ["isolated", "isolated_mean"]


def test_nothing_trained_is_nothing_found() -> None:
    federation = _federation()
    assert federation.result().scenarios == {}
    assert not federation.result().complete
    assert federation.unfinished_models() == {}
    assert isinstance(federation.checkpoint(), Checkpoint)


def test_progress_rises_to_the_whole() -> None:
    seen: list[Progress] = []
    list(_federation().train(seen.append, _never))
    assert len(seen) == STEPS
    shares = [one.done for one in seen]
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] == pytest.approx(1.0)
    assert [one.round for one in seen] == [1, 2] * 8


def test_models_predict_what_was_scored() -> None:
    test = _whole()._exams[0].fleet
    for name, model in _whole().models.items():
        figures = _whole().finished[name if name != "isolated" else "isolated_mean"]
        every, _ = _whole()._exams[0].score(model.shares(test))
        assert every.raw.rmse == pytest.approx(figures.all_cycle.raw.rmse, rel=1e-5)


def test_a_party_that_cannot_learn_is_refused_before_anything_is_trained() -> None:
    short = WORLD.train.take_assets([0])
    early = np.flatnonzero(short.time <= 5)
    unknown = replace(
        short,
        remaining=np.full(len(early), np.nan),
        **{name: getattr(short, name)[early] for name in ("asset", "time", "settings", "sensors")},
    )
    own = World(
        "own", None, None, tuple(Dataset("x", one, WORLD.test) for one in (WORLD.train, WORLD.train, unknown))
    )
    with pytest.raises(PartyError, match=r"^party-3: none of its rows"):
        Federation(small(partition={"kind": "given"}, compare=()), world=own)


def test_the_digest_of_the_data_tells_other_data() -> None:
    one = _whole().data_digest()
    assert one == Federation(CHARTER, world=world()).data_digest()
    sensors = WORLD.train.sensors.copy()
    sensors[3, 1] += 1e-9
    other = replace(WORLD, train=replace(WORLD.train, sensors=sensors))
    assert Federation(CHARTER, world=other).data_digest() != one


def test_parties_are_portrayed_as_the_charters_partition_deals_them() -> None:
    portraits = _whole().result().parties
    assert list(portraits) == ["party-1", "party-2", "party-3"]
    assert sum(one["assets"] for one in portraits.values()) == 7
    assert sum(count for one in portraits.values() for _, count in one["labels"]) == WORLD.train.rows
    for one in portraits.values():
        assert sum(one["regime_share"]) == pytest.approx(1, abs=1e-3)
        assert one["censored_assets"] == 0
        assert len(one["sensors"]) == 3


def _claimed(folder: RunFolder) -> Federation:
    federation = _federation()
    folder.claim("", identity(federation))
    return federation


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
