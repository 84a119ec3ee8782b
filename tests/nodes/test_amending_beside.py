"""Members and keys change in runs that are judged, or to which late answers are added."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from hansa.core.charter import DefenceChoice, Party
from hansa.core.errors import RefusedError
from hansa.nodes import amending
from hansa.nodes.party_home import PartyHome
from hansa.nodes.stale_gathering import StaleGathering
from hansa.protection.amendment import amendment, read_amendment, with_party
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.membership import Member, approved
from tests.nodes.node_world import DiedError, charter_of
from tests.nodes.test_amending import NEW, Changing
from tests.nodes.test_stale_nodes import LATE, Lagging


def test_a_key_changes_in_a_judged_run_and_no_verdict_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(amending, "_AGAIN_S", 0.0)
    charter = charter_of("fedavg", rounds=3, defence=DefenceChoice("mean"))
    found = []
    for dies in (False, True):
        run = Changing(charter, tmp_path / str(dies))
        run.folder.mkdir()
        exchange, left = run.exchange, [dies]

        def mortal(step: str, questions: Any, seconds: float, own: Any = (exchange, left)) -> dict[str, Any]:
            if step.startswith("2.0.") and own[1].pop():
                own[1].append(False)
                raise DiedError
            own[1].append(False)
            return dict(own[0](step, questions, seconds))

        run.exchange = mortal  # type: ignore[method-assign]
        watch = lambda done, _, run=run: run.rekey("party-2") if done == 1 and not run.renewed else None  # noqa: E731
        with closing(run):
            with suppress(DiedError):
                run.go(watch)
            if dies:
                run.go(watch)
        assert run.listed("party-1").identities["party-2"] == run.renewed[0].signing.public
        found.append(run.found)
    assert len(found[0]["verdicts"]) == 3 * len(charter.roster)
    assert found[0] == found[1]


@pytest.mark.parametrize("change", ["a newcomer", "a new key"])
def test_what_members_sign_takes_no_late_answer_from_a_coordinator_that_counted_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Round 6 counts party-3's answer to round 4, and the coordinator dies before the round is kept."""
    monkeypatch.setattr(amending, "_AGAIN_S", 0.0)
    settle, died = StaleGathering._settle, []

    def mortal(gathering: StaleGathering, now: Any) -> None:
        settle(gathering, now)
        if now.step.round == 6 and not died:
            died.append(now.counted)
            raise DiedError

    monkeypatch.setattr(StaleGathering, "_settle", mortal)
    run = Changing(charter_of("fedavg", rounds=8, lateness=LATE), tmp_path)
    run.wire = Lagging(run)
    with closing(run):
        with pytest.raises(DiedError):
            run.go(lambda done, rounds: None)
        assert ("party-3", 4) in died[0]
        if change == "a newcomer":
            run.let_in()
        else:
            run.rekey("party-3")
        run.go(lambda done, rounds: None)
    assert set(run.networks) >= set(run.names)


def test_what_the_coordinator_hears_of_a_change_that_waits_has_no_path(tmp_path: Path) -> None:
    home, run = PartyHome.make(tmp_path / "home", "party-1"), Changing(charter_of("fedavg"), tmp_path)
    after = with_party(run.membership, Member(Party(NEW), run.newcomer.signing.public))
    word = approved(after, NEW, run.newcomer.signing)
    told = amendment(run.membership, after, run.credentials[COORDINATOR].signing, word)
    with pytest.raises(RefusedError) as fault:
        home.countersign(read_amendment(run.membership, told))
    assert str(tmp_path) not in str(fault.value)
    assert "party-4 joins" in (home.folder / "pending.json").read_text()
