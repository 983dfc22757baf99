"""Where jobs run."""

from __future__ import annotations

from anysched.executors.async_executor import AsyncJobExecutor as AsyncJobExecutor
from anysched.executors.process_executor import ProcessJobExecutor as ProcessJobExecutor
from anysched.executors.thread_executor import ThreadJobExecutor as ThreadJobExecutor
