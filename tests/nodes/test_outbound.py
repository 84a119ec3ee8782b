"""The outbound gate: a run of each kind goes through it whole, and nothing else does."""

import hashlib
import json
import os
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hansa.core import codec
from hansa.core.charter import Charter, DefenceChoice, Gate, Reward, Validation
from hansa.core.errors import FolderError, PartyError, RefusedError
from hansa.core.site_policy import SitePolicy
from hansa.core.steps import Step
from hansa.nodes.outbound import Clock, Outbound
from hansa.nodes.outbound_kinds import before_rounds, own_kinds
from hansa.nodes.outbound_log import LEFT, LOG, OutboundLog
from hansa.registry.node_store import NodeStore
from tests.nodes.consortium import NOON, Consortium, charter_of

JOIN, TRAINING = Step(0, 0, "join"), Step(1, 0, "training")
FEDAVG = charter_of("fedavg")
REGRESSION = {"preparation": {"lacking": "regression"}}
slow = pytest.mark.slow
PCA = {"preparation": {"features": "pca", "components": 2}}

JUDGED: dict[str, Any] = {
    "defence": DefenceChoice("mean"),
    "validation": Validation(0.4),
    "gate": Gate(1),
    "reward": Reward("shapley"),
}


def gate_of(folder: Path, charter: Charter, policy: SitePolicy, clock: Clock) -> Outbound:
    return Outbound(OutboundLog(folder / LOG), charter, policy, clock)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / LOG).read_text().splitlines()]


@pytest.mark.parametrize(
    ("charter", "kinds"),
    [
        pytest.param(FEDAVG, "training", id="fedavg"),
        pytest.param(charter_of("fsvrg"), "gradient training", id="fsvrg"),
        pytest.param(charter_of("labsync_mean", "masked"), "support predictions training", id="masked"),
        pytest.param(charter_of("fedavg", **JUDGED), "training mark vote adopt verdicts", id="judged"),
        pytest.param(charter_of("fedavg", "shared"), "training", id="shared"),
        pytest.param(charter_of("labsync_mean", "encrypted"), "support training", id="encrypted", marks=slow),
        pytest.param(charter_of("fedavg", **PCA), "products training", id="pca", marks=slow),
        pytest.param(charter_of("labsync"), "labels predictions training", id="labsync", marks=slow),
        pytest.param(charter_of("aligned", **REGRESSION), "products training", id="aligned", marks=slow),
        pytest.param(
            charter_of("aligned", "masked", **REGRESSION),
            "products training",
            id="aligned-masked",
            marks=slow,
        ),
    ],
)
def test_a_whole_run_passes_its_gates_and_is_in_their_logs(
    charter: Charter, kinds: str, tmp_path: Path
) -> None:
    consortium = Consortium(charter, tmp_path)
    consortium.run()
    for name, sent in consortium.sent.items():
        logged = lines(tmp_path / name)
        assert [(one["kind"], one["bytes"]) for one in logged] == [(kind, len(a)) for kind, a in sent]
        assert [one["sha256"] for one in logged] == [hashlib.sha256(a).hexdigest() for _, a in sent]
        assert {kind.partition("/")[0] for kind, _ in sent} >= set(kinds.split())
        assert {kind for kind, _ in sent} <= before_rounds(charter).keys() | own_kinds(charter)


def test_what_the_gate_expects_is_little_more_than_what_comes(tmp_path: Path) -> None:
    for secrecy in ("open", "masked", "shared", "encrypted"):
        if secrecy == "encrypted":
            pytest.importorskip("tenseal", reason="needs TenSEAL: pip install 'hansa[encrypted]'")
        folder = tmp_path / secrecy
        folder.mkdir()
        consortium = Consortium(charter_of("fedavg", secrecy, network={"hidden": (400,)}), folder)
        consortium.run()
        (name, sent), *_ = consortium.sent.items()
        own = [one for one in sent if one[0].startswith("training")]
        kind, answer = max(own, key=lambda one: len(one[1]))
        assert len(answer) >= max(len(one) for _, one in sent) - 64
        gate = consortium.gates[name]
        gate(Step(1, 0, kind), answer)
        with pytest.raises(RefusedError, match="at most"):
            gate(Step(1, 0, kind), answer + bytes(len(answer) // 4))


@pytest.mark.parametrize(
    ("charter", "kind"),
    [
        (FEDAVG, "records"),
        (FEDAVG, ""),
        (FEDAVG, "gradient"),
        (FEDAVG, "labels"),
        (FEDAVG, "products"),
        (FEDAVG, "turn"),
        (FEDAVG, "training/keys"),
        (FEDAVG, "training/commit"),
        (FEDAVG, "vote"),
        (FEDAVG, "mark"),
        (charter_of("fedavg", **JUDGED), "training"),
        (FEDAVG, "support of statistics/keys"),
        (charter_of("fedavg", "masked"), "training"),
        (charter_of("fedavg", "masked"), "statistics"),
        (charter_of("fedavg", "masked"), "training/records"),
        (charter_of("fedavg", "masked"), "products/keys"),
        (charter_of("fedavg", "shared"), "training"),
        (charter_of("fedavg", "shared"), "statistics"),
        (charter_of("fedavg", "shared"), "training/masked"),
        (charter_of("fedavg", "encrypted"), "statistics"),
    ],
)
def test_a_kind_that_the_charter_does_not_name_stays(charter: Charter, kind: str, tmp_path: Path) -> None:
    gate = gate_of(tmp_path, charter, SitePolicy(), lambda: NOON)
    gate(JOIN, b"told")
    with pytest.raises(RefusedError, match="not named by the charter"):
        gate(Step(0, 1, kind), b"")
    assert [one["kind"] for one in lines(tmp_path)] == ["join"]


def test_no_message_of_an_algorithm_leaves_before_its_size_is_known(tmp_path: Path) -> None:
    gate = gate_of(tmp_path, FEDAVG, SitePolicy(), lambda: NOON)
    with pytest.raises(RefusedError, match="not due before the party is ready"):
        gate(TRAINING, b"")


@pytest.mark.parametrize("kind", ["join", "meet", "scale", "start", "statistics", "finish", "bye"])
def test_no_message_is_longer_than_its_kind(kind: str, tmp_path: Path) -> None:
    most = before_rounds(FEDAVG)[kind]
    gate = gate_of(tmp_path, FEDAVG, SitePolicy(), lambda: NOON)
    gate(Step(0, 0, kind), bytes(most))
    with pytest.raises(RefusedError, match=f"has {most + 1} bytes, and its kind {most} at most"):
        gate(Step(0, 1, kind), bytes(most + 1))
    assert len(lines(tmp_path)) == 1


def test_bytes_of_a_day_are_counted_over_restarts_and_anew_the_next_day(tmp_path: Path) -> None:
    now, policy = [NOON], SitePolicy(bytes_per_day=100)
    for _ in range(2):
        gate_of(tmp_path, FEDAVG, policy, lambda: now[0])(JOIN, bytes(40))
    gate = gate_of(tmp_path, FEDAVG, policy, lambda: now[0])
    with pytest.raises(RefusedError, match="bytes_per_day is 100; 80 bytes left today, and 21 more would"):
        gate(JOIN, bytes(21))
    gate(JOIN, bytes(20))
    now[0] = datetime(2026, 5, 6, tzinfo=UTC)
    gate(JOIN, bytes(100))
    now[0] -= timedelta(seconds=1)  # a clock that is set back gives no second allowance
    with pytest.raises(RefusedError, match="100 bytes left today"):
        gate(JOIN, bytes(1))


def test_a_refused_answer_of_a_node_leaves_nothing_behind(tmp_path: Path) -> None:
    consortium = Consortium(FEDAVG, tmp_path, SitePolicy(bytes_per_day=600))
    with pytest.raises(PartyError, match=r"refuses .* bytes_per_day is 600"):
        consortium.run()
    for name, sent in consortium.sent.items():
        assert len(lines(tmp_path / name)) == len(sent)
        assert sum(len(answer) for _, answer in sent) <= 600


@pytest.mark.parametrize("torn", [1, 10, 60])
def test_a_torn_last_line_goes_and_the_log_goes_on(torn: int, tmp_path: Path) -> None:
    path, policy = tmp_path / LOG, SitePolicy(bytes_per_day=100)
    gate = gate_of(tmp_path, FEDAVG, policy, lambda: NOON)
    gate(JOIN, bytes(40))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:torn])
    again = gate_of(tmp_path, FEDAVG, policy, lambda: NOON)
    assert path.read_bytes() == whole
    again(JOIN, bytes(60))
    assert [one["bytes"] for one in lines(tmp_path)] == [40, 60]


@pytest.mark.parametrize(
    "line", ["", "no", "[]", "{}", '{"time": 1, "bytes": 1}', '{"time": "2026-05-05", "bytes": -1}']
)
def test_a_log_that_was_changed_is_not_gone_on_with(line: str, tmp_path: Path) -> None:
    gate_of(tmp_path, FEDAVG, SitePolicy(), lambda: NOON)(JOIN, b"told")
    path = tmp_path / LOG
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(FolderError, match="line 2 is no line of it"):
        gate_of(tmp_path, FEDAVG, SitePolicy(), lambda: NOON)


def test_a_line_is_written_before_the_gate_opens_and_no_one_else_can_read_it(tmp_path: Path) -> None:
    gate_of(tmp_path, FEDAVG, SitePolicy(), lambda: NOON)(JOIN, b"told")
    assert lines(tmp_path)[0]["step"] == "0.0.join"
    assert (tmp_path / LOG).stat().st_mode & 0o077 == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(0, 40),
    share=st.floats(0, 1),
    rest=st.sampled_from([b"", b"\0" * 300, b'{"time": 1}\n']),
)
def test_a_log_that_loses_what_was_not_flushed_has_all_that_left_again(
    count: int, share: float, rest: bytes, tmp_path: Path
) -> None:
    """A machine that loses power keeps what was flushed, and any part of what was not."""
    path, kept, flushed, flush = tmp_path / LOG, None, [0], os.fsync

    def watched(descriptor: int) -> None:
        flush(descriptor)
        flushed[0] = path.stat().st_size

    path.unlink(missing_ok=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", watched)
        log = OutboundLog(path)
        for number in range(count):
            kept = log.add(NOON, Step(1, number, "training"), bytes(number))[LEFT]
        log.close()
    whole = path.read_bytes()
    assert whole.count(b"\n", flushed[0]) <= 16
    cut = flushed[0] + round(share * (len(whole) - flushed[0]))
    path.write_bytes(whole[:cut] + (rest if cut < len(whole) else b""))
    for _ in range(2):
        again = OutboundLog(path, kept)
        assert path.read_bytes() == whole
        assert (again.steps_after((1, -1)), again.left_on(NOON)) == (count, sum(range(count)))
        again.close()


def test_a_line_whose_answer_was_not_kept_stays_in_the_log(tmp_path: Path) -> None:
    log = OutboundLog(tmp_path / LOG)
    kept = log.add(NOON, JOIN, b"told")[LEFT]
    log.add(NOON, TRAINING, b"killed before the commit")
    assert OutboundLog(tmp_path / LOG, kept).steps_after((0, 0)) == 1


def test_a_log_that_was_put_aside_begins_anew(tmp_path: Path) -> None:
    log, kept = OutboundLog(tmp_path / LOG), b""
    for number in range(20):
        kept = log.add(NOON, Step(1, number, "training"), b"told")[LEFT]
    (tmp_path / LOG).unlink()
    assert OutboundLog(tmp_path / LOG, kept).left_on(NOON) == 0


@pytest.mark.parametrize("early", [0, 1, 16, 20], ids=lambda early: f"{early} lines")
def test_a_log_that_was_put_aside_and_grew_anew_loses_no_line_to_an_older_store(
    early: int, tmp_path: Path
) -> None:
    """Else a party that has forgotten answers would not see that it has."""
    log, kept = OutboundLog(tmp_path / LOG), None
    for number in range(early):
        kept = log.add(NOON, Step(1, number, "training"), b"told")[LEFT]
    (tmp_path / LOG).unlink()
    anew = OutboundLog(tmp_path / LOG)
    for number in range(24):
        anew.add(NOON, Step(2, number, "training"), b"told")
    whole = (tmp_path / LOG).read_bytes()
    assert OutboundLog(tmp_path / LOG, kept).steps_after((1, early)) == 24
    assert (tmp_path / LOG).read_bytes() == whole


def test_after_a_flush_that_failed_the_store_keeps_all_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, kept = OutboundLog(tmp_path / LOG), b""
    for number in range(16):
        log.add(NOON, Step(1, number, "training"), b"told")

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(FolderError):
            log.add(NOON, Step(1, 16, "training"), b"told")
    for number in range(16, 40):  # the disk takes them again, and may have lost those before
        kept = log.add(NOON, Step(1, number, "training"), b"told")[LEFT]
    whole = (tmp_path / LOG).read_bytes()
    (tmp_path / LOG).write_bytes(b"")
    assert OutboundLog(tmp_path / LOG, kept).steps_after((1, -1)) == 40
    assert (tmp_path / LOG).read_bytes() == whole


@pytest.mark.parametrize("kept", [b"", b"no", codec.encode({}), codec.encode({"flushed": "a", "lines": b""})])
def test_what_a_store_cannot_have_kept_is_told_in_one_sentence(kept: bytes, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="what the store keeps of it cannot be read"):
        OutboundLog(tmp_path / LOG, kept)


def test_a_nodes_store_has_the_last_lines_of_its_log(tmp_path: Path) -> None:
    consortium = Consortium(FEDAVG, tmp_path)
    consortium.run()
    for name, sent in consortium.sent.items():
        path = tmp_path / name / LOG
        whole = path.read_bytes()
        assert 0 < len(sent) <= 16
        path.write_bytes(b"")
        with closing(NodeStore(tmp_path / name / "node.db")) as store:
            OutboundLog(path, store.state(LEFT))
        assert path.read_bytes() == whole


@pytest.mark.parametrize("fails", ["write", "fsync", "short"])
def test_where_the_disk_takes_no_line_nothing_leaves_and_no_half_line_stays(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = gate_of(tmp_path, FEDAVG, SitePolicy(), lambda: NOON)
    for _ in range(16):
        gate(JOIN, bytes(3))
    before, write = (tmp_path / LOG).read_bytes(), os.write

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        if fails == "short":
            patched.setattr(os, "write", lambda file, data: write(file, data[:9]))
        else:
            patched.setattr(os, fails, full)
        with pytest.raises(FolderError, match=r"[Nn]o space left"):
            gate(JOIN, bytes(4))
    assert (tmp_path / LOG).read_bytes() == before
    gate(JOIN, bytes(5))
    assert [one["bytes"] for one in lines(tmp_path)] == [*[3] * 16, 5]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="nowhere"):
        OutboundLog(tmp_path / "nowhere" / LOG)


def test_a_charter_of_more_sensors_may_send_more() -> None:
    wide = replace(FEDAVG, data=replace(FEDAVG.data, columns=(*FEDAVG.data.columns, *(
        replace(FEDAVG.data.columns[-1], name=f"x{number}") for number in range(10)
    ))))  # fmt: skip
    assert before_rounds(wide)["statistics"] - before_rounds(FEDAVG)["statistics"] == 8 * 3 * 3 * 10
