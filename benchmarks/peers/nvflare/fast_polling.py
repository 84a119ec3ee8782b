"""NVFLARE polling every 20 and 50 ms, where it ships with 0.5 and 2 s: what its waiting costs."""

from __future__ import annotations

import sys

from benchmarks.peers.nvflare.peer import main

if __name__ == "__main__":
    sys.exit(main(check_s=0.02, request_s=0.05))
