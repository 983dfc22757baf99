"""A process that does nothing but fork: its children start in milliseconds, with everything imported.

Fork has to come before threads and event loops, so it is a process of its own. It takes orders as lines of JSON on
its standard input, and answers each with one on its standard output.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import traceback
from importlib import import_module
from typing import Any


def run(module: str) -> None:
    """Serve with the functions of a module until the input ends, then kill the children that are left."""
    functions = vars(import_module(module))
    gc.collect()
    gc.freeze()  # what all children share is not touched by their collectors
    ends: dict[int, int] = {}  # by child: a pipe that reports its end
    codes: dict[int, int] = {}  # of children that have ended
    for line in sys.stdin:
        order = json.loads(line)
        if "call" in order:
            answer: Any = _fork(functions[order["call"]], order["with"], ends)
            codes.pop(answer, None)
        elif order["pid"] in codes:
            answer = codes[order["pid"]]
        else:
            answer = _end(order["pid"], order["within"], ends)
            if answer is not None:
                codes[order["pid"]] = answer
        os.write(1, json.dumps(answer).encode() + b"\n")
    for pid in ends:
        os.kill(pid, signal.SIGKILL)


def _fork(function: Any, arguments: dict[str, Any], ends: dict[int, int]) -> int:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        ends[pid] = reading
        return pid
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(2, 1)
        function(**arguments)
        code = 0
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def _end(pid: int, within: float, ends: dict[int, int]) -> int | None:
    """Return the exit code of a child, the negative number of the signal that ended it, or None if it lives on.

    The child keeps its number until this has told of its end, so no signal can hit another process.
    """
    readable, _, _ = select.select([ends[pid]], [], [], within)
    if not readable:
        return None
    os.close(ends.pop(pid))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    run(sys.argv[1])
