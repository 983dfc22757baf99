"""Schedulers in FastAPI applications: lifespan, dependency, and a ready-made router."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from anysched import AsyncScheduler
from anysched.integrations._lifespan import get_scheduler as get_scheduler
from anysched.integrations._lifespan import lifespan as lifespan

#: The scheduler as a parameter: ``async def pause(scheduler: SchedulerDep) -> None``.
SchedulerDep = Annotated[AsyncScheduler, Depends(get_scheduler)]
