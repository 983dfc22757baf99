"""How gunicorn serves ``wsgi_working``: a scheduler in each worker."""

from __future__ import annotations

from typing import Any

control_socket_disable = True  # it would be one for all tests, in the home directory


def post_worker_init(worker: Any) -> None:
    """Start the scheduler, in the worker."""
    from wsgi_working import start_scheduler

    start_scheduler()
