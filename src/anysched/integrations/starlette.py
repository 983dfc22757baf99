"""Schedulers in Starlette applications: a lifespan, the scheduler for requests, and a ready-made router."""

from anysched.integrations._extras import needs as _needs

with _needs("starlette", ("pydantic", "starlette")):
    from anysched.integrations._lifespan import get_scheduler as get_scheduler
    from anysched.integrations._lifespan import lifespan as lifespan
    from anysched.integrations._starlette import router as router
