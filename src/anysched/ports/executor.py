"""What a job executor offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol


class JobExecutor(Protocol):
    """Runs the function of a job somewhere: on the event loop, in a thread, in a process."""

    async def start(self) -> None:
        """Get ready."""
        ...

    async def stop(self) -> None:
        """Let go. Does not wait for work that was abandoned. Harmless when called again."""
        ...

    async def run(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the function and return what it returned, or raise what it raised.

        When cancelled, it cancels the work, or abandons it where it cannot be cancelled.
        """
        ...

    def accepts(self, func: Callable[..., Any]) -> str | None:
        """Return None if the function can be run here, else why not."""
        ...
