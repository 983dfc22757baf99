"""What the code of a job can ask about itself."""

from __future__ import annotations

from contextvars import ContextVar

from anysched.model.job import Job

#: The job that runs now; set inside jobs only.
current_job: ContextVar[Job] = ContextVar("current_job")
