"""What gunicorn reads when it starts in this folder."""

from __future__ import annotations

from typing import Any


def post_worker_init(worker: Any) -> None:
    """Runs in each worker: threads do not survive the fork, so nothing may be started before it."""
    from flask_app import start_scheduler

    start_scheduler()
