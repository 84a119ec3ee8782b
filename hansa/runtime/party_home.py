"""The folder of one member: its keys, its site's policy, the charter that it joined, and what it keeps."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from hansa.core.errors import FolderError, RefusedError
from hansa.core.site_policy import SitePolicy
from hansa.core.site_policy_reader import parse_policy, policy_template
from hansa.protection.amendment import Amendment
from hansa.protection.membership import Membership, read_membership
from hansa.registry.folders import read_json, write_json, write_text
from hansa.registry.node_store import NodeStore
from hansa.runtime.member_home import MemberHome
from hansa.runtime.party_node import MEMBERSHIP

_PENDING, _APPROVED, _POLICY = "pending.json", "approved.json", "policy.toml"


class PartyHome(MemberHome):
    """What lies in a member's folder."""

    kind = "party"

    @classmethod
    def _furnish(cls, folder: Path) -> None:
        write_text(folder / _POLICY, policy_template())

    @property
    def policy(self) -> SitePolicy:
        """Return what the site allows. Raises CharterError naming file and key."""
        path = self.folder / _POLICY
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise FolderError("cannot be read", do="put it back", where=str(path)) from fault
        return parse_policy(text, str(path))

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
        digest = found.membership.digest.hex()
        said = self.folder / _APPROVED
        if self.policy.amendments == "countersign":
            return
        if said.exists() and read_json(said).get("membership") == digest:
            return
        write_json(self.folder / _PENDING, {"membership": digest, "words": found.change.words})
        raise RefusedError(
            f"{found.change.words}: a person has to approve of that",
            do=f"run hansa party approve {self.folder}",
            where=self.name,
        )

    def pending(self) -> str | None:
        """Return the change that waits for a person, in words; None: none does."""
        path = self.folder / _PENDING
        return str(read_json(path)["words"]) if path.exists() else None

    def approve(self) -> None:
        """Let the change that waits be signed when it is asked for again."""
        write_json(self.folder / _APPROVED, read_json(self.folder / _PENDING))
        (self.folder / _PENDING).unlink()
