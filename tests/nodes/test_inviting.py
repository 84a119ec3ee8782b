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
from hansa.core.errors import CharterError, MessageError
from hansa.crypto.identities import succession
from hansa.crypto.signing import SigningKey, signing_key
from hansa.nodes.changes import MEMBERS
from hansa.nodes.coordinator_home import CoordinatorHome, Reach
from hansa.nodes.inviting import admission_text, invitation_text, renew
from hansa.nodes.renewal import rotation_line
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


def test_before_a_run_a_key_gives_way_at_once(hub: CoordinatorHome, keys: dict[str, SigningKey]) -> None:
    old, new = keys["party-2"], signing_key(os.urandom)
    line = rotation_line("party-2", succession(old, new.public))
    for _ in range(2):  # asked again, the invitation is there again
        name, text = renew(hub, line, NOW, 1)
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
    assert renew(hub, rotation_line("party-2", succession(old, new.public)), NOW, 1) == ("party-2", None)
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
        renew(hub, rotation_line("party-2", succession(keys["party-1"], new)), NOW, 1)
    with pytest.raises(CharterError, match="has the key of party-3"):
        renew(hub, rotation_line("party-2", succession(keys["party-2"], keys["party-3"].public)), NOW, 1)
    forged = rotation_line("party-2", succession(keys["party-2"], new)).split()
    forged[3] = succession(keys["party-1"], new).signature.hex()
    with pytest.raises(MessageError, match="party-2"):
        renew(hub, " ".join(forged), NOW, 1)
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
