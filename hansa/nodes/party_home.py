"""The folder of one member: its keys, its site's policy, the charter that it joined, and what it keeps."""

from __future__ import annotations

import logging
import shlex
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Self

from hansa.core import codec
from hansa.core.charter_choices import PARTY_NAME, PARTY_NAME_WORDS
from hansa.core.charter_digest import charter_digest
from hansa.core.charter_reader import parse_charter
from hansa.core.errors import FolderError, RefusedError
from hansa.core.site_policy import SitePolicy
from hansa.core.site_policy_reader import parse_policy, policy_template
from hansa.crypto.identities import Succession
from hansa.nodes.changes import MEMBERSHIP
from hansa.nodes.member_home import MemberHome
from hansa.nodes.stages import SERVERS
from hansa.protection.amendment import Amendment
from hansa.protection.enrolment import COORDINATOR, Credential
from hansa.protection.invitation import Invitation, check_own, read_invitation
from hansa.protection.membership import Membership, read_membership
from hansa.registry.folders import read_json, write_json, write_text
from hansa.registry.identity import drop_former, former_identity, rotate_identity
from hansa.registry.node_store import NodeStore

logger = logging.getLogger(__name__)

_PENDING, _APPROVED, _POLICY = "pending.json", "approved.json", "policy.toml"


class PartyHome(MemberHome):
    """What lies in a member's folder."""

    kind = "party"
    _made_by = "hansa party init {} --name NAME"

    @classmethod
    def make(cls, folder: Path, name: str) -> Self:
        """Return a new home with fresh keys. Raises FolderError for a name that no party can have."""
        if not PARTY_NAME.fullmatch(name):
            raise FolderError("cannot be a party's name", do=f"write {PARTY_NAME_WORDS}", where=repr(name))
        if name in {COORDINATOR, *chain(*SERVERS.values())}:
            raise FolderError("is the name of a node that is no party", do="choose another name", where=name)
        return super().make(folder, name)

    @classmethod
    def _furnish(cls, folder: Path) -> None:
        write_text(folder / _POLICY, policy_template())

    def rotate(self) -> Succession:
        """Return the word of the key before for a new one, which is made unless one waits for the others.

        The key before stays until the party joins with the new one: the operator knows it by that.
        """
        identity, former = self.identity, former_identity(self.folder)
        if former is None or former.signing == identity.signing:
            identity = rotate_identity(self.folder)
        assert identity.succession is not None
        return identity.succession

    def renewed(self, text: str) -> Credential:
        """Return the newest keys, if an invitation is for them and else is to the run that was joined."""
        found, joined = read_invitation(text), self.joined()
        before = joined.invitation
        charter = parse_charter(found.charter, f"the charter of {found.consortium}")
        same = charter_digest(charter) == charter_digest(joined.charter)
        if not same or (found.run, found.coordinator) != (before.run, before.coordinator):
            raise RefusedError("it invites to another run", do="ask its operator why", where=COORDINATOR)
        check_own(found, self.name, self.identity.signing.public)
        return self.credential(found.key)

    def go_on_under(self, text: str) -> None:
        """Keep an invitation for new keys that all have signed for, and drop those before."""
        found = read_invitation(text)
        if found.key == self.identity.signing.public:  # else there are newer ones, which wait for the others
            self.join(found, text, self.joined().data)

    def keep_alone(self, public: bytes) -> None:
        """Drop the keys before those that all know, unless these give way to newer ones themselves."""
        if self.identity.signing.public == public:
            drop_former(self.folder)

    def key_of(self, run: str) -> bytes | None:
        """Return the public key under which this node signed in a run at work; None: it has not yet."""
        path = self.folder / "runs" / run / "node.db"
        if not path.exists():
            return None
        with closing(NodeStore(path)) as store:
            listed, asked = store.state(MEMBERSHIP), store.state("join")
        if listed is not None:
            return read_membership(listed, self.name).identities[self.name]
        return None if asked is None else self.joined().invitation.key

    @property
    def policy(self) -> SitePolicy:
        """Return what the site allows. Raises CharterError naming file and key."""
        path = self.folder / _POLICY
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise FolderError("cannot be read", do="put it back", where=str(path)) from fault
        return parse_policy(text, str(path))

    def join(self, invitation: Invitation, text: str, data: Path | None = None) -> None:
        """Keep an invitation that was accepted, and where the records lie; keys before those of it go."""
        super().join(invitation, text, data)
        drop_former(self.folder)

    def members(self) -> Membership | None:
        """Return the list of members that all have signed, as the node keeps it; None: there is none yet."""
        path = self.joined().folder / "node.db"
        if not path.exists():
            return None
        with closing(NodeStore(path)) as store:
            kept = store.state(MEMBERSHIP)
        return None if kept is None else read_membership(kept, self.name)

    def countersign(self, found: Amendment) -> None:
        """Pass if a change of members may be signed: by the site's policy, or since a person said so.

        Else keep it for `hansa party approve`, and raise RefusedError.
        """
        change = found.change
        asked = [found.before, change.kind, change.name, change.old, change.new]
        asked += [list(one) for one in change.others]
        digest = codec.digest(asked)  # the same under whichever number the list is proposed
        said = self.folder / _APPROVED
        if self.policy.amendments == "countersign":
            return
        if said.exists() and read_json(said).get("change") == digest:
            return
        write_json(self.folder / _PENDING, {"change": digest, "words": change.words})
        logger.warning(
            "a person has to approve change=%s do=hansa party approve %s",
            change.words,
            shlex.quote(str(self.folder)),
        )
        raise RefusedError(  # which the coordinator reads: it has no path
            f"{change.words}: a person has to approve of that",
            do="run hansa party approve there",
            where=self.name,
        )

    @property
    def is_at_work(self) -> bool:
        """Return whether this node has signed in a run that is not over."""
        return self.has_joined and not self.is_over and self.key_of(self.joined().invitation.run) is not None

    @property
    def is_over(self) -> bool:
        """Return whether the run that was joined is over here. Raises FolderError where none was joined."""
        joined = self.joined()
        path = joined.folder / "node.db"
        if not path.exists():
            return False
        with closing(NodeStore(path)) as store:
            return store.last()[0] > joined.charter.rounds

    def pending(self) -> str | None:
        """Return the change that waits for a person, in words; None: none does.

        Raises FolderError where no charter was joined, and RefusedError once the run is over.
        """
        if self.is_over:
            raise RefusedError("the run is over", do="nothing waits", where=self.name)
        path = self.folder / _PENDING
        return str(read_json(path)["words"]) if path.exists() else None

    def approve(self) -> None:
        """Let the change that waits be signed when it is asked for again."""
        write_json(self.folder / _APPROVED, read_json(self.folder / _PENDING))
        (self.folder / _PENDING).unlink()
