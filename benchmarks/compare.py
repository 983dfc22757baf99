"""Run workloads with anysched and its peers in turn, and print their figures and ratios.

usage: compare.py [WORKLOAD ...] [--short] [--rounds N] [--backend asyncio|trio] [--environments FOLDER]
                  [--stores STORE ...] [--counts N ...] [--peers PEER ...] [--judged] [--json FILE] [--list]

Each run is a process of its own, in an environment of its own with pinned versions, which is made when it is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import attrs
from databases import database
from report import OWN, Figures, Outcome, kept, show, summary
from rows import STORES, Row, judged, rows

HERE = Path(__file__).parent

#: What each peer is, and what it needs. anysched runs in this environment.
PEERS = {
    "apscheduler3": [
        "apscheduler==3.11.3",
        "anyio==4.12.0",
        "sqlalchemy==2.0.40",
        "psycopg[binary]==3.3.9",
        "pymysql==1.2.0",
    ],
    "apscheduler4": ["apscheduler==4.0.0a6", "anyio==4.9.0", "sqlalchemy==2.0.40", "asyncpg==0.30.0"],
    "taskiq_memory": ["taskiq==0.13.0", "anyio==4.12.0"],
    "pgqueuer_queue": ["pgqueuer[asyncpg]==1.6.0", "anyio==4.12.0"],
    "procrastinate_queue": ["procrastinate==3.10.0", "anyio==4.12.0"],
    "schedule_memory": ["schedule==1.2.2", "anyio==4.12.0"],
}

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


def run_once(row: Row, peer: str, python: str, backend: str) -> Figures | str:
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
    return checked(json.loads(done.stdout.splitlines()[-1]))


def checked(figures: Figures) -> Figures | str:
    """Return the figures of a run, or what went wrong: one that lost jobs, or ran them twice, did other work."""
    wrong = [f"{figures[what]:g} {what}" for what in ("missing", "doubled") if figures.get(what)]
    return ", ".join(wrong) or figures


def series(chosen: Sequence[Row]) -> list[list[Row]]:
    """Return the rows that follow each other with the same name and store together."""
    return [list(group) for _, group in groupby(chosen, key=lambda row: (row.name, row.store))]


def same_runs(one: Row, other: Row) -> bool:
    """Return whether two rows tell different figures of the same runs."""
    return all(
        getattr(one, name) == getattr(other, name) for name in ("workload", "store", "peers", "options")
    )


def run_round(outcome: Outcome, options: argparse.Namespace) -> None:
    """Run a row with each of its peers, once."""
    for peer in (*(peer for peer in outcome.row.peers if peer in options.peers), OWN):
        python = environment(peer, options.environments)
        figures = run_once(outcome.row, peer, python, options.backend if peer == OWN else "asyncio")
        runs = outcome.found.setdefault(peer, [])
        if isinstance(figures, str):
            outcome.failed[peer] = figures
        runs.append(None if isinstance(figures, str) else figures)


def measure(group: Sequence[Row], options: argparse.Namespace, before: Sequence[Outcome]) -> list[Outcome]:
    """Run the rows of a series in turn, and print what was found; runs that were made before are not repeated."""
    ran = [next((one for one in before if same_runs(one.row, row)), None) for row in group]
    outcomes = [
        Outcome(row) if old is None else attrs.evolve(old, row=row)
        for row, old in zip(group, ran, strict=True)
    ]
    began = time.monotonic()
    for _ in range(1 if options.short else options.rounds):
        for outcome, old in zip(outcomes, ran, strict=True):
            if old is None:
                run_round(outcome, options)
    for outcome in outcomes:
        show(outcome, outcomes[0])
    print(f"  (in {time.monotonic() - began:.0f} s)", flush=True)
    return outcomes


def works(outcome: Outcome) -> bool:
    """Return whether each run of anysched came to its end, with no job missing and none that ran twice."""
    return OWN not in outcome.failed


def cron(*, short: bool) -> bool:
    """Compare cron rules, in a process of its own; return whether that works."""
    print("\ncron: microseconds of processor time", flush=True)
    command = [sys.executable, str(HERE / "cron.py"), *(["--short"] if short else [])]
    return subprocess.run(command, check=False).returncode == 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--short", action="store_true", help="small numbers and one round: does it work?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--backend", default="asyncio", choices=["asyncio", "trio"], help="anysched's; peers use asyncio"
    )
    parser.add_argument("--stores", nargs="+", default=STORES, choices=STORES)
    parser.add_argument("--counts", nargs="+", type=int, help="only rows of these sizes")
    parser.add_argument("--peers", nargs="*", default=[*PEERS], choices=[*PEERS], metavar="PEER")
    parser.add_argument(
        "--environments", type=Path, default=Path(tempfile.gettempdir()) / "anysched_benchmarks"
    )
    parser.add_argument("--judged", action="store_true", help="only rows of which something is aimed at")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures, for report.py")
    parser.add_argument("--list", action="store_true", help="print what would be measured")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD")
    return parser.parse_args()


def main() -> int:
    """Measure and print; return 1 if anysched failed, or jobs of it were missing or ran twice."""
    options = arguments()
    chosen = [
        row
        for row in rows(short=options.short)
        if row.store in options.stores
        and (not options.workloads or row.workload in options.workloads)
        and (not options.counts or row.options.get("count") in options.counts)
    ]
    if options.judged:
        chosen = judged(chosen)
    if options.list:
        for row in chosen:
            print(
                f"{row.workload:10} {row.name:20} {row.store:10} {json.dumps(row.options)} {' '.join(row.peers)}"
            )
        return 0
    outcomes: list[Outcome] = []
    for group in series(chosen):
        outcomes += measure(group, options, outcomes)
        if options.json:
            options.json.write_text(kept(outcomes))
    summary(outcomes)
    wants_cron = "cron" in options.workloads or not (options.workloads or options.counts)
    cron_works = not wants_cron or cron(short=options.short)
    return 0 if cron_works and all(map(works, outcomes)) else 1


if __name__ == "__main__":
    sys.exit(main())
