"""The systems that are compared, and how much of each is run."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.peers.work import SIZES


@dataclass(frozen=True, slots=True)
class System:
    """How a system is run; `guess_s` is of one process, for the time left."""

    name: str
    module: str
    environment: str | None  # folder with its requirements; None: this interpreter
    guess_s: float
    sizes: tuple[str, ...] = tuple(SIZES)
    rounds: int | None = None  # None: as many as the size has
    repeats: int = 5
    settings: tuple[tuple[str, str], ...] = ()  # environment variables beside those of all


HANSA = System("hansa", "benchmarks.peers.hansa.peer", None, guess_s=5)
# Variables that FedJAX does not document: one thread in all, and none that helps with a product.
_XLA_ONE_THREAD = (("NPROC", "1"), ("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false"))
_PEERS = (
    System("plain", "benchmarks.peers.plain.peer", "plain", guess_s=6),
    System("pfl", "benchmarks.peers.pfl.peer", "pfl", guess_s=7),
    # As documented, with XLA told nothing, and on one thread.
    System("fedjax", "benchmarks.peers.fedjax.peer", "fedjax", guess_s=5),
    System("fedjax-one-thread", "benchmarks.peers.fedjax.peer", "fedjax", 5, settings=_XLA_ONE_THREAD),
    # Both take seconds to start, so they get few rounds of the one work that suits them best.
    System("flower", "benchmarks.peers.flower.peer", "flower", 17, ("8x4000",), rounds=6, repeats=2),
    System("nvflare", "benchmarks.peers.nvflare.peer", "nvflare", 40, ("8x4000",), rounds=4, repeats=2),
    System(
        "nvflare-fast-polling", "benchmarks.peers.nvflare.fast_polling", "nvflare", 32, ("8x4000",), rounds=4,
        repeats=2,
    ),
)  # fmt: skip
PEERS = {one.name: one for one in _PEERS}
