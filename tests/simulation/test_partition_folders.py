"""One folder a party: whole, its own alone, and refused where something else lies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hansa.core.charter import Charter, Partition
from hansa.core.charter_reader import parse_charter
from hansa.core.errors import CharterError, FolderError
from hansa.data.columns import fleet_from_table
from hansa.data.tables import read_table
from hansa.runtime.world import open_world
from hansa.simulation.charter_file import CharterFile, charter_file_of, read_charter_file
from hansa.simulation.notebook import partition
from hansa.simulation.partition_folders import write_partition

SIMULATED = parse_charter("""
name = "tiny"
consortium = "Four makers"
parties = 3
compare = ["isolated", "fedavg"]
[data]
source = "simulated"
engines = 9
test_engines = 3
[partition]
kind = "hybrid"
sensors_per_party = 13
""")


def dealt(charter: Charter, kind: str, algorithm: str, **partition: object) -> CharterFile:
    return charter_file_of(
        replace(
            charter,
            partition=Partition(kind=kind, **partition),
            algorithm=replace(charter.algorithm, name=algorithm),
            compare=("isolated",),
        )
    )


def test_a_party_reads_back_exactly_what_it_was_dealt(tmp_path: Path) -> None:
    write_partition(charter_file_of(SIMULATED), None, tmp_path / "out")
    given = read_charter_file(tmp_path / "out" / "charter.toml").charter
    shares = partition(SIMULATED)
    assert [party.name for party in given.roster] == [share.party for share in shares]
    for party, share in zip(given.roster, shares, strict=True):
        fleet = fleet_from_table(read_table(tmp_path / "out" / party.data), given, party)
        assert party.sensors == fleet.sensor_names == share.fleet.sensor_names
        assert set(fleet.asset_names) == set(share.fleet.asset_names)
        order = np.lexsort((share.fleet.time, np.asarray(share.fleet.asset_names)[share.fleet.asset]))
        back = np.lexsort((fleet.time, np.asarray(fleet.asset_names)[fleet.asset]))
        for name in ("time", "settings", "sensors", "remaining"):
            np.testing.assert_array_equal(getattr(fleet, name)[back], getattr(share.fleet, name)[order])


def test_a_folder_holds_a_partys_own_sensors_alone(tmp_path: Path) -> None:
    write_partition(charter_file_of(SIMULATED), None, tmp_path / "out")
    for share in partition(SIMULATED):
        folder = tmp_path / "out" / share.party
        assert {path.name for path in folder.iterdir()} == {"data.csv.gz", "test.csv.gz", "party.toml"}
        for file in ("data.csv.gz", "test.csv.gz"):
            names = [name for name in pd.read_csv(folder / file, nrows=1) if name.startswith("s")]
            assert names == ["setting_1", "setting_2", "setting_3", *share.fleet.sensor_names]
        assert f"[party.{share.party}]" in (folder / "party.toml").read_text()


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    def written() -> dict[str, bytes]:
        write_partition(charter_file_of(SIMULATED), None, tmp_path / "out")
        paths = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() for path in paths}

    assert written() == written()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("kind", "algorithm", "extra"),
    [
        ("horizontal", "fedavg", {}),
        ("vertical", "vertical", {"sensors_per_party": 13}),
        ("mixed", "mixed", {"sensors_per_party": 13, "shared_assets": 0.4}),
        ("hybrid", "isolated", {"sensors_per_party": 13}),
    ],
)
def test_every_partition_gives_a_charter_that_holds(
    tmp_path: Path, kind: str, algorithm: str, extra: dict[str, object]
) -> None:
    write_partition(dealt(SIMULATED, kind, algorithm, **extra), None, tmp_path / "out")
    given = read_charter_file(tmp_path / "out" / "charter.toml").charter
    assert (given.partition.kind, given.data.source, given.algorithm.name) == ("given", "table", algorithm)
    world = open_world(given, tmp_path / "out")
    shared = [int((number >= 0).sum()) for number in world.matched]
    assert (len(set(shared)) == 1 and shared[0] > 0) == (kind in ("vertical", "mixed"))


def test_a_mean_of_predictions_is_left_out_where_each_party_is_judged_on_assets_of_its_own(
    tmp_path: Path,
) -> None:
    compared = replace(SIMULATED, compare=("isolated", "isolated_mean"))
    apart = dealt(compared, "vertical", "vertical", sensors_per_party=13)
    kept = {}
    for name, file in (("own", charter_file_of(compared)), ("same", apart)):
        both = charter_file_of(replace(file.charter, compare=("isolated", "isolated_mean")))
        written = write_partition(both, None, tmp_path / name)
        kept[name] = read_charter_file(tmp_path / name / "charter.toml").charter.compare
        assert any("leaves out isolated_mean" in note for note in written.notes) == (name == "own")
    assert kept == {"own": ("isolated",), "same": ("isolated", "isolated_mean")}


def test_an_asset_that_has_not_failed_stays_unfailed(tmp_path: Path) -> None:
    rows = [f"P{p},{h},{h % 7},{'' if p % 2 else 40}" for p in range(12) for h in range(30)]
    (tmp_path / "pumps.csv").write_text("\n".join(["pump,hour,heat,failed", *rows]) + "\n")
    charter = parse_charter(OWN)
    file = CharterFile(charter, OWN, tmp_path)
    write_partition(file, None, tmp_path / "out")
    given = read_charter_file(tmp_path / "out" / "charter.toml").charter
    assert given.data.label.source == "failed_at"
    shares = partition(charter, data=tmp_path)
    for party, share in zip(given.roster, shares, strict=True):
        fleet = fleet_from_table(read_table(tmp_path / "out" / party.data), given, party)
        np.testing.assert_array_equal(np.isnan(fleet.remaining), np.isnan(share.fleet.remaining))
        np.testing.assert_array_equal(fleet.remaining, share.fleet.remaining)


OWN = """
name = "pumps"
consortium = "Two utilities"
parties = 2
protection = { secrecy = "open" }
[data]
source = "table"
file = "pumps.csv"
label_cap = 20
[columns]
pump = { role = "asset" }
hour = { role = "time", unit = "h" }
heat = { role = "sensor" }
[label]
source = "failed_at"
column = "failed"
[partition]
kind = "horizontal"
"""


def test_parties_with_files_of_their_own_need_no_dealing(tmp_path: Path) -> None:
    write_partition(charter_file_of(SIMULATED), None, tmp_path / "out")
    file = read_charter_file(tmp_path / "out" / "charter.toml")
    with pytest.raises(CharterError, match="so each party has its own file already"):
        write_partition(file, None, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear")
    with pytest.raises(FolderError, match="is not empty and holds no partition"):
        write_partition(charter_file_of(SIMULATED), None, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["letter.txt"]


def test_the_partition_of_another_charter_is_refused(tmp_path: Path) -> None:
    write_partition(charter_file_of(SIMULATED), None, tmp_path / "out")
    with pytest.raises(FolderError, match="holds the partition of another charter"):
        write_partition(charter_file_of(replace(SIMULATED, seed=8)), None, tmp_path / "out")


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FolderError, match="is a file"):
        write_partition(charter_file_of(SIMULATED), None, tmp_path / "file")
    with pytest.raises(FolderError, match="cannot be written to"):
        write_partition(charter_file_of(SIMULATED), None, tmp_path / "file" / "out")


def test_a_category_is_written_as_the_words_it_was_read_from(tmp_path: Path) -> None:
    rows = [
        (unit, hour, hour % 7, "steel" if unit == "a" else "brass") for unit in "abcd" for hour in range(9)
    ]
    frame = pd.DataFrame(rows, columns=["unit", "hour", "heat", "seal"]).assign(left=lambda f: 8 - f["hour"])
    frame.to_csv(tmp_path / "plain.csv", index=False)
    text = (
        'name = "seals"\nconsortium = "Two"\nparties = 2\nprotection = { secrecy = "open" }\n'
        '[data]\nsource = "table"\nfile = "plain.csv"\nlabel_cap = 8\ntest_share = 0.25\n'
        '[columns.unit]\nrole = "asset"\n[columns.hour]\nrole = "time"\n[columns.left]\nrole = "target"\n'
        '[columns.heat]\nrole = "sensor"\n[columns.seal]\nrole = "category"\nvalues = ["steel"]\n'
    )
    write_partition(CharterFile(parse_charter(text), text, tmp_path), None, tmp_path / "out")
    given = read_charter_file(tmp_path / "out" / "charter.toml").charter
    assert next(column for column in given.data.columns if column.name == "seal").values == ("steel",)
    written = pd.concat(read_table(tmp_path / "out" / party.data) for party in given.roster)
    assert set(zip(written["unit"], written["seal"], strict=True)) <= {
        ("a", "steel"), ("b", "other"), ("c", "other"), ("d", "other")
    }  # fmt: skip
