"""The folder of a server beside the coordinator: keys and a charter, and no record of anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from hansa.core.errors import FolderError
from hansa.nodes.member_home import MemberHome
from hansa.nodes.stages import SERVERS


class ServerHome(MemberHome):
    """What lies in the folder of who runs a server of shared sums, or keeps the key of encrypted ones."""

    kind = "server"
    _made_by = "hansa server init {} NAME"

    @classmethod
    def make(cls, folder: Path, name: str) -> Self:
        """Return a new home with fresh keys. Raises FolderError for a name that no such server has."""
        known = [one for names in SERVERS.values() for one in names]
        if name not in known:
            raise FolderError("is no server's name", do=f"choose among {', '.join(known)}", where=name)
        return super().make(folder, name)
