"""Run the burst for all peers in turn and print medians, spread and ratios.

usage: burst.py [--count N] [--rounds N] NAME=PYTHON ...    (the first name is what others are compared with)
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent


def measure(name: str, python: str, count: int) -> dict[str, float]:
    """Run one peer once, in a process of its own."""
    done = subprocess.run(
        [python, str(HERE / "peers" / f"{name}.py"), str(count)],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("peers", nargs="+", metavar="NAME=PYTHON")
    options = parser.parse_args()
    peers = dict(peer.split("=", 1) for peer in options.peers)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in peers}
    for _ in range(options.rounds):
        for name, python in peers.items():
            runs[name].append(measure(name, python, options.count))
    base = median(run["rate"] for run in runs[next(iter(peers))])
    print(f"burst of {options.count}, {options.rounds} rounds: median (min to max)")
    for name, found in runs.items():
        rates, stalls = [run["rate"] for run in found], [run["stall"] * 1000 for run in found]
        print(
            f"{name:14} {median(rates):9,.0f} jobs/s ({min(rates):,.0f} to {max(rates):,.0f})"
            f"  {median(rates) / base:5.2f}x"
            f"  longest stall {median(stalls):7.1f} ms ({min(stalls):.1f} to {max(stalls):.1f})"
        )


if __name__ == "__main__":
    main()
