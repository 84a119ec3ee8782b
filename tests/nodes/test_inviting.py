"""What an operator notes of keys that change, and of who comes again: for the run, and for the server."""

import os
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hansa.core import codec
from hansa.core.charter import Party
from hansa.core.charter_digest import charter_digest
from hansa.core.charter_reader import parse_charter
from hansa.core.errors import CharterError, FolderError, MessageError
from hansa.crypto.identities import succession
from hansa.crypto.signing import SigningKey, signing_key
from hansa.nodes.changes import MEMBERS
from hansa.nodes.coordinator_home import CoordinatorHome, Reach
from hansa.nodes.inviting import admission_text, expelled, invitation_text, renew
from hansa.nodes.renewal import read_rotation, rotation_line
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.invitation import check_own, read_invitation
from hansa.protection.membership import Member, Membership
from hansa.registry.node_store import NodeStore

NOW = datetime.now(UTC)
NAMES = ("party-1", "party-2", "party-3")
CHARTER = (
    'name = "c"\nconsortium = "Three"\nparties = 3\nrounds = 2\ncompare = []\n[data]\nsource = "simulated"\n'
    '[partition]\nkind = "horizontal"\n[algorithm]\nname = "fedavg"\n[protection]\nsecrecy = "open"\n'
)


@pytest.fixture
def keys() -> dict[str, SigningKey]:
    return {name: signing_key(os.urandom) for name in NAMES}


@pytest.fixture
def hub(tmp_path: Path, keys: dict[str, SigningKey]) -> CoordinatorHome:
    made = CoordinatorHome.make(tmp_path / "hub", parse_charter(CHARTER), CHARTER, Reach(), NOW)
    for name, key in keys.items():
        invitation_text(made, name, key.public.hex(), NOW, 1)
    return made


def begun(hub: CoordinatorHome, **keys: SigningKey) -> Membership:
    """Have a run at work with these members."""
    charter, _ = hub.charter()
    parties = tuple(Member(Party(name.replace("_", "-")), key.public) for name, key in keys.items())
    boss = ((COORDINATOR, hub.identity.signing.public),)
    listed = Membership(hub.run, charter_digest(charter), 0, parties, boss)
    folder = hub.folder / "runs" / hub.run
    folder.mkdir(parents=True, exist_ok=True)
    with closing(NodeStore(folder / "node.db")) as store:
        store.keep({MEMBERS: codec.encode(listed.value)})
    return listed


def over(hub: CoordinatorHome, **keys: SigningKey) -> None:
    """Have a run that these members finished."""
    begun(hub, **keys)
    (hub.results / "result.json").write_text('{"state": "finished"}', encoding="utf-8")


def renewed(hub: CoordinatorHome, line: str) -> tuple[str, str | None]:
    """Return what `renew` does for a line."""
    return renew(hub, read_rotation(line, "a line"), NOW, 1)


def test_before_a_run_a_key_gives_way_at_once(hub: CoordinatorHome, keys: dict[str, SigningKey]) -> None:
    old, new = keys["party-2"], signing_key(os.urandom)
    line = rotation_line("party-2", succession(old, new.public))
    for _ in range(2):  # asked again, the invitation is there again
        name, text = renewed(hub, line)
        assert name == "party-2"
        assert text is not None
        check_own(read_invitation(text), "party-2", new.public)
    assert hub.members()["party-2"] == new.public
    assert set(hub.revoked(hub.listed())) == {old.public}


def test_in_a_run_a_key_opens_the_server_until_all_know_the_next(
    hub: CoordinatorHome, keys: dict[str, SigningKey]
) -> None:
    old, new = keys["party-2"], signing_key(os.urandom)
    begun(hub, **keys)
    assert renewed(hub, rotation_line("party-2", succession(old, new.public))) == ("party-2", None)
    assert hub.revoked(hub.listed()) == {}
    renewal = hub.renewals()[old.public]
    assert renewal.succession.new == hub.members()["party-2"] == new.public
    check_own(read_invitation(renewal.invitation), "party-2", new.public)
    assert set(hub.revoked(begun(hub, **(keys | {"party-2": new})))) == {old.public}
    assert hub.trust(NOW).accounts != hub.trust(NOW, begun(hub, **keys)).accounts


def test_a_key_of_somebody_else_or_signed_by_somebody_else_is_refused(
    hub: CoordinatorHome, keys: dict[str, SigningKey]
) -> None:
    new, before = signing_key(os.urandom).public, hub.members()
    with pytest.raises(CharterError, match="party-2 is no member under the key before this one"):
        renewed(hub, rotation_line("party-2", succession(keys["party-1"], new)))
    with pytest.raises(CharterError, match="has the key of party-3"):
        renewed(hub, rotation_line("party-2", succession(keys["party-2"], keys["party-3"].public)))
    forged = rotation_line("party-2", succession(keys["party-2"], new)).split()
    forged[3] = succession(keys["party-1"], new).signature.hex()
    with pytest.raises(MessageError, match="party-2"):
        renewed(hub, " ".join(forged))
    assert hub.members() == before
    assert hub.renewals() == {}


def test_who_has_lost_its_key_leaves_and_comes_again_under_its_name(
    hub: CoordinatorHome, keys: dict[str, SigningKey]
) -> None:
    fresh = signing_key(os.urandom).public.hex()
    with pytest.raises(CharterError, match="is a member already"):
        admission_text(hub, "party-2", fresh, NOW, 1)
    begun(hub, **keys)
    hub.put_member("party-2", None)
    found = read_invitation(admission_text(hub, "party-2", fresh, NOW, 1))
    assert [one.name for one in parse_charter(found.charter).roster] == ["party-1", "party-3", "party-2"]
    assert set(hub.revoked(hub.listed())) == {keys["party-2"].public}


def test_a_party_that_made_a_folder_anew_before_the_run_is_invited_again(
    hub: CoordinatorHome, keys: dict[str, SigningKey]
) -> None:
    line = rotation_line("party-2", succession(signing_key(os.urandom), signing_key(os.urandom).public))
    with pytest.raises(CharterError, match=rf"coordinator invite {hub.folder} party-2 KEY > party-2.invit"):
        renewed(hub, line)
    begun(hub, **keys)
    with pytest.raises(CharterError, match=rf"or expel it: hansa coordinator expel {hub.folder} party-2"):
        renewed(hub, line)
    with pytest.raises(CharterError, match=r"party-9 .*; ask which line it sent\.$"):
        renewed(hub, rotation_line("party-9", succession(keys["party-1"], signing_key(os.urandom).public)))


def test_once_a_run_is_over_a_new_key_is_for_the_next(
    hub: CoordinatorHome, keys: dict[str, SigningKey]
) -> None:
    over(hub, **keys)
    before, new = hub.members(), signing_key(os.urandom).public
    with pytest.raises(FolderError, match=r"the run is over.*keep the line of party-2 for the next run"):
        renewed(hub, rotation_line("party-2", succession(keys["party-2"], new)))
    with pytest.raises(FolderError, match=r"the run is over.*keep the line of party-9 for the next run"):
        admission_text(hub, "party-9", new.hex(), NOW, 1)
    assert hub.members() == before


def test_who_expels_is_told_what_comes_of_it(hub: CoordinatorHome, keys: dict[str, SigningKey]) -> None:
    with pytest.raises(CharterError, match="has no member party-9; choose among party-1, party-2, party-3"):
        expelled(hub, "party-9")
    assert "cannot begin without it" in expelled(hub, "party-1")
    begun(hub, **keys)
    assert "once the others have signed" in expelled(hub, "party-2")
    admission_text(hub, "party-9", signing_key(os.urandom).public.hex(), NOW, 1)
    assert expelled(hub, "party-9") == "The invitation of party-9 opens nothing any more."
    over(hub, **keys)
    assert "The run is over" in expelled(hub, "party-3")
    assert hub.members() == {}
    with pytest.raises(CharterError, match="has no member party-3; invite it first"):
        expelled(hub, "party-3")


def test_who_expels_where_members_may_not_change_is_told_that_the_run_ends(
    tmp_path: Path, keys: dict[str, SigningKey]
) -> None:
    text = CHARTER.replace('secrecy = "open"', 'secrecy = "masked"')
    hub = CoordinatorHome.make(tmp_path / "hub", parse_charter(text), text, Reach(), NOW)
    for name, key in keys.items():
        invitation_text(hub, name, key.public.hex(), NOW, 1)
    begun(hub, **keys)
    assert "the run ends here: its members may not change" in expelled(hub, "party-2")
    with pytest.raises(CharterError, match=r"no party party-9; choose among party-1, party-2, party-3\.$"):
        invitation_text(hub, "party-9", "ab" * 32, NOW, 1)
    with pytest.raises(CharterError, match=r'takes no server .*leave out custodian, or write secrecy = "enc'):
        invitation_text(hub, "custodian", "ab" * 32, NOW, 1)
