"""Schedulers in Starlette applications: lifespan, access, and a ready-made router."""

from __future__ import annotations

from anysched.integrations._lifespan import get_scheduler as get_scheduler
from anysched.integrations._lifespan import lifespan as lifespan
