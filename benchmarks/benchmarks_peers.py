"""The part of docs/benchmarks.md that sets Hansa beside its peers, and says where it loses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.benchmarks_plot import Dot
from benchmarks.benchmarks_table import bullets, figure, spread, table, work
from benchmarks.peers.pairs import SAME_EXACT_MSE, SAME_MSE
from benchmarks.peers.work import TEST_ROWS

_NAMES = {
    "hansa": "Hansa",
    "plain": "plain PyTorch loop",
    "pfl": "Apple pfl",
    "fedjax": "FedJAX",
    "fedjax-one-thread": "FedJAX, XLA on one thread",
    "flower": "Flower simulation",
    "nvflare": "NVFLARE simulator",
    "nvflare-fast-polling": "NVFLARE, polling every 20 ms",
}
_KINDS = {"cpu": "CPU", "wall": "wall"}
_SLOWER = "{of}: a round takes less {kind} time than Hansa's, {times} of it ({least} to {most})."
_CLOSE = "{of}: no clear difference in {kind} time, {times} times Hansa's ({least} to {most})."

METHOD = f"""\
- Every system trains the same network (16-96-84-1 units, ReLU, 9,865 parameters, float32) from the same
  first weights on the same synthetic rows: FedAvg with all parties in every round, one local epoch of
  plain SGD on the squared error, batches of 128 with a short last one, weights averaged by rows. Parties
  have unequal numbers of rows: up to a tenth more or fewer at 4,000 rows, up to 40 at 100.
- Whole processes take turns: Hansa, peer, Hansa, peer. A figure of a process is its median round, without
  the first, which compiles and warms up. A ratio is taken within each turn; the table gives the median of
  the ratios and, in brackets, the least and the most. A machine that is busy for a while slows down both.
- CPU time is that of all processes and threads of a system. It is the fairer figure: wall time also
  depends on how many cores are used. PyTorch, NumPy and Hansa split no matrix product over threads,
  which suits networks this small best; how many run side by side is each system's own affair. PyTorch's
  loops use one core, Hansa, Ray and NVFLARE what they find. FedJAX is measured twice: as documented, with
  XLA told nothing, so that it may split products over all cores, and kept to one thread by variables that
  FedJAX does not document (`NPROC=1`, `XLA_FLAGS=--xla_cpu_multi_thread_eigen=false`).
- Hansa is driven at its engine: the algorithm, the batched parties and the coordinator's round, without
  the scoring and the report of `hansa run`. The PyTorch loop and FedJAX are driven at the same depth, and
  pfl by its own loop over rounds; Flower and NVFLARE run their whole simulators. What a whole `hansa run`
  takes is one of our own benchmarks.
- The error on {TEST_ROWS:,} test rows after the last round must agree within {100 * SAME_MSE:g} % (the
  order of rows is chance), and within {100 * SAME_EXACT_MSE:g} % on a work without chance, where all rows
  of a party are alike. Otherwise the row says so.
- Each peer is written as its documentation advises, with rows loaded before, no evaluation and no logging
  in a round, its own versions pinned, in an environment of its own: `benchmarks/peers`.
"""

_NOT_COMPARED = (
    "One kind of work is compared: a small dense network on a CPU, FedAvg, all parties in every round. It"
    " says nothing about convolutions or large networks.",
    "No GPU was at hand, so there is no GPU column.",
    "Flower and NVFLARE run each party as a worker of its own, with messages as in a deployment; Hansa's"
    " simulation keeps all parties as arrays in one process. Isolation has a price, and buys what a"
    " simulation may not need. They take seconds to start, so they get few rounds, two turns and the fewest"
    " parties.",
    "Deployments over a network are not compared: Hansa has none yet.",
    "XGBoost's federated trees are not compared: Hansa trains no trees yet.",
    "FedLabSync and vertical learning are not compared: only FedAvg is common to all.",
)

Book = Mapping[str, Any]


def ratios(book: Book) -> str:
    """Return the table of ratios: a peer's figure over Hansa's."""
    heads = ("parties x rows", "peer", "CPU, peer / Hansa", "wall, peer / Hansa", "same test error")
    return table(heads, (_ratios(pair) for pair in book["pairs"]))


def _ratios(pair: Book) -> tuple[str, ...]:
    same = "yes" if pair["same_work"] else f"**no**: {pair['note']}"
    return (work(pair["size"]), _titled(pair), *(_ratio(pair[kind]) for kind in _KINDS), same)


def _ratio(found: Mapping[str, float]) -> str:
    shown = f"{figure(found['median'])}x"
    shown = f"**{shown}**" if found["median"] < 1 else shown
    same = found["least"] == found["most"]  # one turn
    return shown if same else f"{shown} [{figure(found['least'])} .. {figure(found['most'])}]"


def absolute(book: Book) -> str:
    """Return the table of what each system took."""
    heads = (
        "parties x rows",
        "system",
        "CPU ms a round",
        "wall ms a round",
        "to end of round 1, s",
        "peak MiB",
    )
    heads = (*heads, "threads a process")
    return table(heads, (_absolute(size, name, runs) for size, name, runs in _systems(book)))


def _absolute(size: str, name: str, runs: Sequence[Book]) -> tuple[str, ...]:
    threads = sorted({run["threads"] for run in runs})
    return (
        work(size),
        name,
        *(spread(*_spread([_round(run, kind) for run in runs])) for kind in _KINDS),
        figure(median(map(_wait_s, runs))),
        figure(median(run["peak_mb"] for run in runs)),
        ", ".join(map(str, threads)),
    )


def dots(book: Book) -> list[tuple[str, list[Dot]]]:
    """Return for each size the systems that did the same work, by CPU time of a round, least first."""
    other = {(pair["size"], _titled(pair)) for pair in book["pairs"] if not pair["same_work"]}
    plain_names = {_titled(pair): _NAMES.get(pair["peer"], pair["peer"]) for pair in book["pairs"]}
    found: dict[str, list[Dot]] = {}
    for size, name, runs in _systems(book):
        if (size, name) not in other:
            values = [_round(run, "cpu") for run in runs]
            found.setdefault(size, []).append(
                Dot(plain_names.get(name, name), *_spread(values), ours=name not in plain_names)
            )
    return [(_panel(size), sorted(one, key=lambda dot: dot.median)) for size, one in found.items()]


def _panel(size: str) -> str:
    return f"{work(size).replace(' x ', ' parties x ')} rows"


def losses(book: Book) -> str:
    """Return where Hansa is not ahead, what other work was done, and what was left out."""
    sentences = [*_slower(book), *_waits(book), *_memory(book)]
    if book["pairs"] and not sentences:
        sentences.append("In what was measured above, Hansa took less of everything than every peer.")
    for pair in book["pairs"]:
        if not pair["same_work"]:
            sentences.append(f"{_of(pair)}: {pair['note']}. Its row does not count.")
    for name, why in book["left_out"].items():
        sentences.append(f"{_NAMES.get(name, name)} was left out: {why}")
    return bullets([*sentences, *_NOT_COMPARED])


def _slower(book: Book) -> Iterator[str]:
    for pair in book["pairs"]:
        for kind, word in _KINDS.items():
            found = pair[kind]
            least, most, times = (figure(found[name]) for name in ("least", "most", "median"))
            if found["least"] <= 1:
                words = _SLOWER if found["median"] < 1 else _CLOSE
                yield words.format(of=_of(pair), kind=word, times=times, least=least, most=most)


def _waits(book: Book) -> Iterator[str]:
    found = list(_where_less(book, _wait_s, "s"))
    if found:
        yield f"Done with the first round earlier than Hansa: {'; '.join(found)}."


def _memory(book: Book) -> Iterator[str]:
    found = list(_where_less(book, lambda run: run["peak_mb"], "MiB"))
    if found:
        yield f"Less memory than Hansa at the peak: {'; '.join(found)}."


def _where_less(book: Book, read: Any, unit: str) -> Iterator[str]:
    for pair in book["pairs"]:
        theirs, ours = (median(read(run[side]) for run in pair["runs"]) for side in ("peer", "hansa"))
        if theirs < ours:
            yield f"{_of(pair)} ({figure(theirs)} against {figure(ours)} {unit})"


def _systems(book: Book) -> Iterator[tuple[str, str, list[Book]]]:
    """Yield size, title and processes of every system, Hansa first at each size."""
    for size in dict.fromkeys(pair["size"] for pair in book["pairs"]):
        pairs = [pair for pair in book["pairs"] if pair["size"] == size]
        yield size, _NAMES["hansa"], [run["hansa"] for pair in pairs for run in pair["runs"]]
        for pair in pairs:
            yield size, _titled(pair), [run["peer"] for run in pair["runs"]]


def _titled(pair: Book) -> str:
    version = pair["runs"][0]["peer"]["version"]
    return f"{_NAMES.get(pair['peer'], pair['peer'])} ({version})"


def _of(pair: Book) -> str:
    return f"{_NAMES.get(pair['peer'], pair['peer'])} at {work(pair['size'])}"


def _round(run: Book, kind: str) -> float:
    return median(run[f"{kind}_ms"][1:])


def _wait_s(run: Book) -> float:
    return run["start_s"] + run["first_round_s"]


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    return median(values), min(values), max(values)
