from __future__ import annotations

from anysched import task


@task(id="beat")
def beat() -> None:
    print("beat", flush=True)
