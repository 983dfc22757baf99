"""Run workloads with anysched and its peers in turn, and print their figures and ratios.

usage: compare.py [--short] [--rounds N] [--backend asyncio|trio] [--environments FOLDER] [WORKLOAD ...]

Each run is a process of its own, in an environment of its own with pinned versions, which is made when it is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from databases import database
from rows import Row, rows

HERE = Path(__file__).parent

#: What each peer is, and what it needs. anysched runs in this environment.
PEERS = {
    "apscheduler3": ["apscheduler==3.11.3", "anyio==4.12.0", "sqlalchemy==2.0.40", "psycopg[binary]==3.3.9"],
    "apscheduler4": ["apscheduler==4.0.0a6", "anyio==4.9.0", "sqlalchemy==2.0.40", "asyncpg==0.30.0"],
    "taskiq_memory": ["taskiq==0.13.0", "anyio==4.12.0"],
    "pgqueuer_queue": ["pgqueuer[asyncpg]==1.6.0", "anyio==4.12.0"],
    "procrastinate_queue": ["procrastinate==3.10.0", "anyio==4.12.0"],
    "schedule_memory": ["schedule==1.2.2", "anyio==4.12.0"],
}
OWN = "own"

#: Seconds for one run.
PATIENCE = 400


def environment(name: str, folder: Path) -> str:
    """Return the interpreter of a peer; its environment is made if it is missing."""
    if name == OWN:
        return sys.executable
    place = folder / name
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    made, wanted = place / "made.txt", "\n".join(PEERS[name])
    if not made.exists() or made.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PEERS[name]], check=True)
        made.write_text(wanted)
    return str(python)


@contextmanager
def url_of(store: str) -> Iterator[str]:
    """Lend the address of an empty store; that of memory is empty."""
    if store == "memory":
        yield ""
    else:
        with database(store) as url:
            yield url


def run_once(row: Row, peer: str, python: str, backend: str) -> dict[str, float] | str:
    """Return the figures of one run, or what went wrong."""
    with url_of(row.store) as url:
        command = [python, str(HERE / "peers" / "run.py"), peer, row.workload, backend, url]
        try:
            done = subprocess.run(
                [*command, json.dumps(row.options)],
                check=False,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
        except subprocess.TimeoutExpired:
            return f"not done in {PATIENCE} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["?"])[-1]
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def told(values: list[float]) -> str:
    """Return the median and the spread of figures."""
    digits = 0 if median(values) >= 100 else 2
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def show(row: Row, found: dict[str, list[dict[str, float]]], failed: dict[str, str]) -> None:
    """Print the figures of a row, and the ratio to the best peer."""
    print(f"\n{row.name}, {row.store} {json.dumps(row.options)}: {row.figure}", flush=True)
    best = max if row.more_is_better else min
    middle = {name: median(run[row.figure] for run in runs) for name, runs in found.items() if runs}
    others = [value for name, value in middle.items() if name != OWN]
    base = best(others) if others else None
    for name, runs in found.items():
        if name in failed:
            print(f"  {name:20} failed: {failed[name]}")
        if not runs:
            continue
        ratio = "" if not base else f"{middle[name] / base:8.2f}x"
        more = [f"{key} {told([run[key] for run in runs])}" for key in runs[0] if key != row.figure]
        print(
            f"  {name:20} {told([run[row.figure] for run in runs]):32} {ratio}  {', '.join(more)}", flush=True
        )
    if base and OWN in middle:
        ratio = middle[OWN] / base
        reached = ratio >= row.aim if row.more_is_better else ratio <= row.aim
        print(f"  aim {row.aim}x: {'reached' if reached else 'missed'}")
    if row.stall is not None and found.get(OWN):
        stall = median(run["stall"] for run in found[OWN])
        print(
            f"  aim: no stall above {row.stall} ms: {'reached' if stall <= row.stall else 'missed'} ({stall:.1f})"
        )


def main() -> int:
    """Measure and print; return 1 if anysched failed, or jobs of it were missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--short", action="store_true", help="small numbers and one round: does it work?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--backend", default="asyncio", choices=["asyncio", "trio"], help="anysched's; peers use asyncio"
    )
    parser.add_argument("--stores", nargs="+", default=["memory", "sqlite", "postgresql"])
    parser.add_argument("--peers", nargs="*", default=[*PEERS], choices=[*PEERS], metavar="PEER")
    parser.add_argument(
        "--environments", type=Path, default=Path(tempfile.gettempdir()) / "anysched_benchmarks"
    )
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD")
    options = parser.parse_args()
    works = True
    for row in rows(short=options.short):
        if row.store not in options.stores or (options.workloads and row.workload not in options.workloads):
            continue
        peers = [*(peer for peer in row.peers if peer in options.peers), OWN]
        pythons = {peer: environment(peer, options.environments) for peer in peers}
        found: dict[str, list[dict[str, float]]] = {peer: [] for peer in peers}
        failed: dict[str, str] = {}
        for _ in range(1 if options.short else options.rounds):
            for peer in peers:
                figures = run_once(row, peer, pythons[peer], options.backend if peer == OWN else "asyncio")
                if isinstance(figures, str):
                    failed[peer] = figures
                else:
                    found[peer].append(figures)
        show(row, found, failed)
        works = works and OWN not in failed and not any(run.get("missing") for run in found[OWN])
    return 0 if works else 1


if __name__ == "__main__":
    sys.exit(main())
