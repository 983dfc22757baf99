"""What a node knows about itself, and what its store knows about all."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

import attrs

from anysched.engine.lifecycle import Engine
from anysched.engine.timekeeper import SKEW
from anysched.model.figures import StoreFigures
from anysched.model.policies import RunState


@attrs.frozen(kw_only=True)
class Health:
    """A node at one moment.

    :ivar state: where the scheduler is between being made and having stopped
    :ivar fault: why the scheduler failed, if it did
    :ivar store_error: what the data store says while it does not answer, else None
    :ivar broker_error: why nothing is heard of other nodes, which are then found out about by polling, else None
    :ivar clock_skew: by how many seconds this node's clock is ahead of the store's, by which everything goes (rule N6)
    :ivar last_pass_at: when the store was last looked at for work
    :ivar next_wake: when there will be something to do; None for no time that is known
    :ivar lag: for how long something has been due here that is not done yet
    :ivar running_jobs: how many jobs run on this node
    :ivar waiting_jobs: how many jobs this node has taken and not begun
    :ivar unreported_jobs: how many jobs have ended whose end is not written yet
    :ivar store: what the data store holds for all nodes; None unless it was asked
    """

    state: RunState
    fault: str | None
    store_error: str | None
    broker_error: str | None
    clock_skew: float
    last_pass_at: datetime | None
    next_wake: datetime | None
    lag: timedelta
    running_jobs: int
    waiting_jobs: int
    unreported_jobs: int
    store: StoreFigures | None = None

    @property
    def ok(self) -> bool:
        """Whether the node does its work."""
        return self.state is RunState.started and self.store_error is None

    @property
    def problems(self) -> tuple[str, ...]:
        """What somebody should look at, in sentences; what keeps the node from its work comes first."""
        found = (
            self.fault is not None and f"the scheduler failed: {self.fault}",
            self.state is not RunState.started and f"the scheduler is {self.state.value}",
            self.store_error is not None and f"the data store does not answer: {self.store_error}",
            self.broker_error is not None and f"nothing is heard of other nodes: {self.broker_error}",
            abs(self.clock_skew) > SKEW
            and f"the clock of this node is {self.clock_skew:+.1f} s off that of the data store",
        )
        return tuple(problem for problem in found if problem)

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """Return what an engine knows about itself."""
        running = len(engine.workers.running)
        next_wake, present = engine.planner.next_wake, engine.settings.store.present()
        late = engine.state is RunState.started and next_wake is not None and next_wake < present
        return cls(
            state=engine.state,
            fault=engine.fault_text,
            store_error=engine.guard.error,
            broker_error=engine.settings.broker.error,
            clock_skew=engine.planner.time.skew,
            last_pass_at=engine.planner.last_pass_at,
            next_wake=next_wake,
            lag=present - next_wake if late and next_wake is not None else timedelta(0),
            running_jobs=running,
            waiting_jobs=engine.workers.held - running,
            unreported_jobs=engine.reporter.pending,
        )

    @classmethod
    async def examine(cls, engine: Engine, seconds: float) -> Self:
        """Return the same, and what the store says when it is asked."""
        answer = await engine.examiner.ask(seconds)
        health = cls.of(engine)
        if isinstance(answer, StoreFigures):
            return attrs.evolve(health, store=answer)  # a store that can be read may still refuse this node
        return attrs.evolve(health, store_error=answer)
