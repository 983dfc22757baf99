"""A node that no process with everything imported was forked for: ``python -m tests.faults.lone_node``."""

from __future__ import annotations

import json
import sys

from tests.faults import nodes

if __name__ == "__main__":
    vars(nodes)[sys.argv[1]](**json.loads(sys.argv[2]))
