"""Run one workload with one peer, once: run.py PEER WORKLOAD BACKEND URL OPTIONS. Prints its figures as JSON."""

from __future__ import annotations

import importlib
import json
import logging
import sys
import warnings
from functools import partial

import anyio
from workloads import WORKLOADS, Figures, Peer, Work


async def measure(
    kind: type[Peer], url: str | None, backend: str, workload: str, options: dict[str, object]
) -> Figures:
    """Return the figures of a run."""
    work = Work()
    peer = kind(url, work, joins=workload == "serve", backend=backend)
    await peer.open()
    try:
        return await WORKLOADS[workload](peer, work, **options)
    finally:
        await peer.close()


def main() -> None:
    """Measure and print."""
    name, workload, backend, url, options = sys.argv[1:]
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    kind: type[Peer] = importlib.import_module(name).Adapter
    run = partial(measure, kind, url or None, backend, workload, json.loads(options))
    print(json.dumps(anyio.run(run, backend=backend)), flush=True)


if __name__ == "__main__":
    main()
