"""Triggers load what they need before they are asked on the event loop (rule T10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import anyio.to_thread

from anysched.errors import TriggerError
from anysched.model.trigger import Trigger, preparations
from anysched.rules import answers


async def prepare(trigger: Trigger | None) -> None:
    """Have a trigger, and all that it consists of, load what it needs, in a thread.

    :raise ValueError: for what it names and nobody knows
    :raise TriggerError: when it raises anything else
    """
    if waiting := preparations(trigger):
        await load(waiting)


async def load(waiting: Iterable[Callable[[], None]]) -> None:
    """Have done in a thread what ``preparations`` found; raises what ``prepare`` raises."""

    def do() -> None:
        for one in waiting:
            one()

    try:
        await anyio.to_thread.run_sync(do)
    except (ValueError, TriggerError):
        raise
    except Exception as exc:
        raise TriggerError(answers.complaint(exc)) from exc
