"""For `flask --app flask_dev run`, with or without `--debug`."""

from __future__ import annotations

from flask_app import app, start_scheduler
from werkzeug.serving import is_running_from_reloader

# With --debug two processes import this: one watches the files, the other one serves.
if is_running_from_reloader() or not app.debug:
    start_scheduler()
