"""What a node knows about itself."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import attrs

from anysched.engine.lifecycle import Engine
from anysched.model.policies import RunState


@attrs.frozen(kw_only=True)
class Health:
    """A node at one moment.

    :ivar state: where the scheduler is between being made and having stopped
    :ivar store_error: what the data store says while it does not answer, else None
    :ivar clock_skew: by how many seconds this node's clock is ahead of the store's, by which everything goes (rule N6)
    :ivar last_pass_at: when the store was last looked at for work
    :ivar next_wake: when there will be something to do; None for no time that is known
    :ivar running_jobs: how many jobs run on this node
    :ivar waiting_jobs: how many jobs this node has taken and not begun
    :ivar unreported_jobs: how many jobs have ended whose end is not written yet
    :ivar fault: why the scheduler failed, if it did
    """

    state: RunState
    store_error: str | None
    clock_skew: float
    last_pass_at: datetime | None
    next_wake: datetime | None
    running_jobs: int
    waiting_jobs: int
    unreported_jobs: int
    fault: str | None

    @property
    def ok(self) -> bool:
        """Whether the node does its work."""
        return self.state is RunState.started and self.store_error is None

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """Return what an engine knows about itself."""
        running = len(engine.workers.running)
        return cls(
            state=engine.state,
            store_error=engine.guard.error,
            clock_skew=engine.planner.time.skew,
            last_pass_at=engine.planner.last_pass_at,
            next_wake=engine.planner.next_wake,
            running_jobs=running,
            waiting_jobs=engine.workers.held - running,
            unreported_jobs=engine.reporter.pending,
            fault=engine.fault_text,
        )
