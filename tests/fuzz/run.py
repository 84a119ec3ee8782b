"""Every decoder under Atheris, one after another: `python -m tests.fuzz.run SECONDS [NAME ...]`.

Each starts from its valid messages and gets the seconds. Bytes that break a decoder are kept in runs/fuzz,
and shown again by `python -m tests.fuzz.harness NAME FILE`. Exits with 1 where there are any.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.decoders import Decoder, table

REPOSITORY = Path(__file__).parents[2]
FOUND = REPOSITORY / "runs" / "fuzz"
_LIMITS = ("-max_len=4096", "-rss_limit_mb=1024", "-timeout=10")


def main() -> int:
    """Fuzz what is asked for, or all; exit 1 where a decoder broke."""
    words = sys.argv[1:]
    unknown = [name for name in words[1:] if name not in table()]
    if not words or not words[0].isdigit() or unknown:
        print(f"Name the seconds of each, then some of: {'; '.join(table())}", file=sys.stderr)
        return 2
    FOUND.mkdir(parents=True, exist_ok=True)
    broken = [name for name in words[1:] or table() if not _holds(table()[name], int(words[0]))]
    print(f"{len(broken)} broke: {'; '.join(broken)}. Their bytes are in {FOUND}" if broken else "All hold.")
    return 1 if broken else 0


def _holds(decoder: Decoder, seconds: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
        for number, seed in enumerate(decoder.seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        kept = FOUND / re.sub(r"\W+", "-", decoder.name)
        options = (f"-max_total_time={seconds}", f"-artifact_prefix={kept}-", *_LIMITS)
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.harness", decoder.name, folder, *options],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    runs = re.findall(r"^Done (\d+) runs", done.stderr, flags=re.MULTILINE)
    held = done.returncode == 0 and bool(runs)
    print(f"{'ok  ' if held else 'MISS'} {decoder.name}: {runs[0] if runs else 'no'} runs", flush=True)
    if not held:
        print((done.stdout + done.stderr)[-3000:], file=sys.stderr, flush=True)
    return held


if __name__ == "__main__":
    sys.exit(main())
