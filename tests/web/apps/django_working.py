"""Settings of the example site with the jobs of ``wsgi_tasks``."""

from mysite.settings import *  # noqa: F403

ANYSCHED = {
    "data_store": "sqlite:///jobs.db",
    "tasks": ["wsgi_tasks"],
    "schedules": "wsgi_tasks.declare",
}
