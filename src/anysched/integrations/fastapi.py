"""Schedulers in FastAPI applications: a lifespan, the scheduler as a dependency, and a ready-made router."""

from anysched.integrations._extras import needs as _needs

with _needs("fastapi", ("fastapi", "pydantic", "starlette")):
    from anysched.integrations._fastapi import SchedulerDep as SchedulerDep
    from anysched.integrations._fastapi import router as router
    from anysched.integrations._lifespan import get_scheduler as get_scheduler
    from anysched.integrations._lifespan import lifespan as lifespan
