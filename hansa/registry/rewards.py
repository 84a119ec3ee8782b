"""What a run's result says that its parties have earned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hansa.core import codec
from hansa.core.errors import FolderError
from hansa.registry.folders import read_json
from hansa.registry.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Reward:
    """The credits of one run."""

    credits: Mapping[str, int]  # by party
    rounds: int  # of the run
    evidence: (
        str  # SHA-256, in hexadecimal, of the run's charter and roster digests, data or run, and of these
    )


def reward_of(out: Path) -> Reward:
    """Return what the parties of a run have earned under the algorithm that its charter trains.

    Raises FolderError where the run is not complete, or nobody is paid.
    """
    known = RunFolder(out).identity()
    file = out / "result.json"
    result = read_json(file) if file.is_file() else {}
    if not result.get("complete"):
        raise FolderError("is not complete", do=f"finish it: hansa run --resume {out}", where=str(out))
    shares = result["scenarios"][result["algorithm"]].get("judged", {}).get("shares", {})
    if "parties" not in shares:
        why = shares.get("unmeasured", "its charter has no [reward]")
        raise FolderError(f"nobody is paid for it: {why}", do="see docs/judging.md", where=str(out))
    credits = {name: int(one["credits"]) for name, one in shares["parties"].items()}
    if not any(credits.values()):
        raise FolderError(f"nobody is paid for it: {shares['why']}", do="leave it out", where=str(out))
    rounds = int(result["rounds_done"])
    digests = [known.get(f"{name}_digest", "") for name in ("charter", "roster")]
    identity = [*digests, known.get("data_digest") or known.get("run", "")]  # of machines apart nobody knows
    return Reward(credits, rounds, codec.digest([*identity, rounds, credits]))
