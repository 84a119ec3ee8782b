"""Spools: every row comes back once, blocks are a mix, and nothing is left on the disk."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from hansa.algorithms.fedavg import FedAvg
from hansa.algorithms.isolated import Isolated
from hansa.algorithms.prediction_sharing import PredictionSharing
from hansa.core.charter import Preparation
from hansa.core.errors import DataError, FolderError
from hansa.core.messages import Ask, Totals
from hansa.models.losses import SharedLoss
from hansa.models.network import perceptron
from hansa.models.rows import Rows
from hansa.models.training import Recipe
from hansa.runtime import spool as module
from hansa.runtime.large_fleet import LargeShare, untold
from hansa.runtime.spool import Plan, Spool, Spools, plan
from hansa.runtime.world import STREAM_VARIABLE, World, open_world
from hansa.simulation.cohort import dealt, gather
from tests.batteries import pumps
from tests.batteries.roster import exchanges

CHARTER = pumps.charter("labsync_mean")
RECIPE = Recipe("adam", 0.02, 16, 2)


def spooled(layout: Plan, words: np.ndarray, *cuts: int) -> Spool:
    """Return a spool of the words, written in parts."""
    found = Spool(layout, tempfile.TemporaryFile())  # noqa: SIM115 - the spool closes it
    for part in np.split(words, sorted(cut for cut in cuts if cut < len(words))):
        found.write(part)
    return found


def words_of(rows: int, features: int) -> np.ndarray:
    return np.arange(rows * (features + 2), dtype=np.int32).reshape(rows, features + 2)


layouts = st.tuples(
    st.integers(1, 300),  # rows
    st.integers(0, 3),  # features
    st.integers(8, 400),  # block_bytes
    st.integers(1, 5),  # dealt_blocks
)


@settings(deadline=None, max_examples=60)
@given(layouts, st.lists(st.integers(0, 300), max_size=4))
def test_every_row_comes_back_once_however_it_was_written(
    shape: tuple[int, int, int, int], cuts: list[int]
) -> None:
    rows, features, block_bytes, dealt = shape
    layout = plan(rows, features, block_bytes, dealt)
    words = words_of(rows, features)
    made = spooled(layout, words, *cuts)
    found = []
    for number, length in enumerate(layout.lengths):
        x, y, weight, key = made.read(np.int32(number))
        assert (x.shape, y.shape, weight.shape, key.shape) == (
            (layout.size, features),
            *((layout.size,),) * 3,
        )
        assert_array_equal(weight, np.arange(layout.size) < length)
        assert not x[length:].any() and not y[length:].any() and not key[length:].any()
        found.append(np.column_stack([x.view(np.int32), y.view(np.int32), key])[:length])
    together = np.concatenate(found)
    assert_array_equal(together[np.argsort(together[:, -1])], words)
    made.close()


@settings(deadline=None)
@given(layouts)
def test_blocks_are_of_equal_length_and_small_enough(shape: tuple[int, int, int, int]) -> None:
    rows, features, block_bytes, dealt = shape
    layout = plan(rows, features, block_bytes, dealt)
    lengths = layout.lengths
    assert lengths.sum() == rows
    assert lengths.max() == layout.size <= max(1, block_bytes // layout.row_bytes)
    assert all(blocks <= dealt for _, blocks in layout.deals)
    assert all(own <= layout.size * blocks for own, blocks in layout.deals)
    assert lengths.min() >= layout.size // 2


def test_a_block_holds_rows_from_all_over_the_file() -> None:
    layout = plan(1000, 1, block_bytes=12 * 100, dealt_blocks=100)
    made = spooled(layout, words_of(1000, 1), 130, 700)
    assert len(layout.lengths) == 10
    for number in range(10):
        key = made.read(np.int32(number))[3]
        assert_array_equal(np.sort(key) // 300, np.repeat(np.arange(10), 10))  # ten of each hundred rows


# --- a party's spool -------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv(STREAM_VARIABLE, "0")
    found = open_world(CHARTER, pumps.write(tmp_path))
    found.spools.folder = tmp_path / "out"
    found.spools.folder.mkdir()
    return found


def small_blocks(monkeypatch: pytest.MonkeyPatch, rows: int = 100) -> None:
    whole = module.plan
    monkeypatch.setattr(
        module, "plan", lambda count, features: whole(count, features, 4 * (features + 2) * rows)
    )


def test_blocks_are_the_one_block_dealt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one = gather(CHARTER, "labsync_mean", world).members[0].rows
    whole = one.block(0)
    world.spools.close()
    small_blocks(monkeypatch)
    many = gather(CHARTER, "labsync_mean", world).members[0].rows
    assert (one.blocks, many.blocks) == (1, 4)
    assert float(many.count) == float(one.count) == one.size

    def sorted_rows(blocks: list[Rows]) -> np.ndarray:
        rows = np.concatenate([np.column_stack([b.x, b.y, b.key])[np.asarray(b.weight) > 0] for b in blocks])
        return rows[np.lexsort(rows.T)]

    dealt = [many.block(number) for number in range(many.blocks)]
    assert_array_equal(sorted_rows(dealt), sorted_rows([whole]))
    for block in dealt:  # keys of all lives, as neighbours in the file would not have
        assert set(np.asarray(block.key)) == {0, 1, 2, 3, 4}


def algorithms() -> list[object]:
    return [FedAvg(RECIPE), Isolated(RECIPE), PredictionSharing(RECIPE, SharedLoss("mse", "exact", None), 5)]


def trained(algorithm: object, rows: object, rounds: int = 2) -> tuple[object, float]:
    """Return what a lone party's coordinator and party end with, and its last loss."""
    features = rows.features if hasattr(rows, "features") else rows.x.shape[1]
    network = perceptron(np.random.default_rng(1), features, (6,), "tanh", "linear")
    local = algorithm.join(network, rows, jax.random.key(4))
    state = algorithm.start(network)
    answer = jax.jit(algorithm.answer)
    for _ in range(exchanges(algorithm, rounds)):
        ask = algorithm.ask(state)
        terms, local = answer(local, rows, Ask(ask.round, ask.shared, None, ask.opening))
        values = jax.tree.map(lambda value, weight=terms.weight: value * weight, terms.values)
        state = algorithm.absorb(state, Totals(values, terms.weight))
    return (state, local), float(local.loss)


@pytest.mark.parametrize("algorithm", algorithms(), ids=lambda one: type(one).__name__)
def test_a_stream_of_one_block_trains_to_the_bits_of_its_rows(world: World, algorithm: object) -> None:
    stream = gather(CHARTER, "labsync_mean", world).members[0].rows
    rows = Rows(*(jnp.asarray(one) for one in stream.read(np.int32(0))))
    streamed, _ = trained(algorithm, stream)
    held, _ = trained(algorithm, rows)
    for one, other in zip(jax.tree.leaves(streamed), jax.tree.leaves(held), strict=True):
        if jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
            continue
        assert_array_equal(one, other)


@pytest.mark.parametrize(
    "algorithm",
    [  # all streams deal blocks alike; who shares predictions reads them in each exchange too
        pytest.param(one, marks=[] if isinstance(one, PredictionSharing) else [pytest.mark.slow])
        for one in algorithms()
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_stream_of_many_blocks_learns_as_its_rows_do(
    world: World, monkeypatch: pytest.MonkeyPatch, algorithm: object
) -> None:
    small_blocks(monkeypatch)
    stream = gather(CHARTER, "labsync_mean", world).members[0].rows
    blocks = [stream.block(number) for number in range(stream.blocks)]
    rows = Rows(*(jnp.concatenate(leaves) for leaves in zip(*map(jax.tree.leaves, blocks), strict=True)))
    _, early = trained(algorithm, stream, 1)
    _, late = trained(algorithm, stream, 12)
    _, held = trained(algorithm, rows, 12)
    assert late < 0.7 * early
    assert late == pytest.approx(held, rel=0.25)


def test_equal_inputs_find_their_spool_again_and_others_write_anew(world: World) -> None:
    first = gather(CHARTER, "labsync_mean", world)
    again = gather(CHARTER, "fedavg", world)
    assert first.members[0].rows.read == again.members[0].rows.read
    alone = gather(CHARTER, "isolated", world)  # scaled by its own statistics
    assert alone.members[0].rows.read != first.members[0].rows.read
    with pytest.raises(ValueError, match="closed file"):
        first.members[0].rows.read(np.int32(0))


def test_a_frame_and_an_age_are_other_inputs_with_a_spool_of_their_own(world: World) -> None:
    cohort = gather(CHARTER, "labsync_mean", world)
    inputs, share = cohort.inputs[0], dealt(CHARTER, "labsync_mean", world)[1][0].share
    assert isinstance(share, LargeShare)
    wider = replace(inputs, frame=("none", *inputs.sensors))
    aged = replace(inputs, preparation=Preparation(age=9.0))
    made = [world.spools.stream(share, one, CHARTER) for one in (inputs, wider, aged)]
    assert [stream.features for stream in made] == [inputs.features, wider.features, inputs.features + 1]
    assert len({stream.read for stream in made}) == 3


def test_nothing_is_left_on_the_disk(world: World) -> None:
    cohort = gather(CHARTER, "fedavg", world)
    assert cohort.members[0].rows.read(np.int32(0))
    assert world.spools.folder is not None
    assert list(world.spools.folder.iterdir()) == []  # the file has no name from the beginning


def test_a_disk_without_room_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = module.shutil.disk_usage("/")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: usage._replace(free=100))
    with pytest.raises(FolderError, match=r"/out: has 0.0 GB left, and the prepared rows of big take 0.0 GB"):
        gather(CHARTER, "fedavg", world)


def test_a_disk_that_fails_is_refused(world: World) -> None:
    assert world.spools.folder is not None
    world.spools.folder.rmdir()
    with pytest.raises(FolderError, match="No such file or directory"):
        gather(CHARTER, "fedavg", world)


@pytest.mark.parametrize("assets", [20, 30])
def test_a_table_that_changed_in_between_is_refused(world: World, tmp_path: Path, assets: int) -> None:
    pumps.write(tmp_path, pumps.table([25] * assets))
    with pytest.raises(DataError, match=r"big.parquet: the table has changed since it was checked"):
        gather(CHARTER, "fedavg", world)


def test_a_spool_that_is_cut_short_says_whose_rows_are_lost(world: World) -> None:
    stream = gather(CHARTER, "fedavg", world).members[0].rows
    assert world.spools.lost() is None
    os.truncate(world.spools._made["big"][1]._file.fileno(), 100)
    with pytest.raises(OSError, match="cut short"):
        stream.read(np.int32(0))
    assert "cannot give back the prepared rows of big (it was cut short)" in str(world.spools.lost())


def test_a_full_disk_for_temporary_files_names_their_variable(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.spools.folder = None
    usage = module.shutil.disk_usage("/")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: usage._replace(free=100))
    with pytest.raises(FolderError, match="free space, or set TMPDIR to another folder"):
        gather(CHARTER, "fedavg", world)


def test_temporary_files_are_the_default(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stream = gather(CHARTER, "fedavg", replace(world, spools=Spools(untold))).members[0].rows
    assert len(stream.read(np.int32(0))) == 4
