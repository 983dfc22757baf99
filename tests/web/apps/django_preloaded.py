"""The example site, whose master process has used the scheduler before it forks its workers."""

from __future__ import annotations

from mysite.wsgi import application as application

from anysched.integrations.django import get_scheduler

get_scheduler().get_schedules()
