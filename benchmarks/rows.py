"""What is measured, on what, beside whom, and what we aim at."""

from __future__ import annotations

from typing import Any

import attrs

APSCHEDULER = ("apscheduler3", "apscheduler4")
QUEUES = ("pgqueuer_queue", "procrastinate_queue")
TASKIQ = ("taskiq_memory",)
LISTS = (*TASKIQ, "schedule_memory")


@attrs.frozen
class Row:
    """A workload on a store, with those that take part besides anysched, and what is aimed at.

    :ivar figure: what is compared
    :ivar aim: which part, or how many times, of the best peer's
    :ivar more_is_better: whether the figure should be large
    :ivar stall: for how many milliseconds the event loop may stand still, if that is judged
    """

    name: str
    workload: str
    store: str
    peers: tuple[str, ...]
    figure: str
    aim: float
    options: dict[str, Any]
    more_is_better: bool = False
    stall: float | None = None


def rows(*, short: bool) -> list[Row]:
    """Return everything there is to measure; the short form only tells whether it works."""
    return [*_rates(short=short), *_times(short=short)]


def _rates(*, short: bool) -> list[Row]:
    """Return what should be large: jobs or schedules a second."""
    many, some, lead = (100, 50, 2.0) if short else (10_000, 1_000, 12.0)

    def rate(
        name: str,
        workload: str,
        store: str,
        peers: tuple[str, ...],
        aim: float,
        stall: float | None = None,
        **options: Any,
    ) -> Row:
        return Row(name, workload, store, peers, "rate", aim, options, more_is_better=True, stall=stall)

    late = 2 * lead
    return [
        rate("burst", "burst", "memory", APSCHEDULER, 2.2, stall=15, count=many, lead=lead),
        rate("drain", "drain", "memory", (*APSCHEDULER, *TASKIQ), 2, count=many),
        rate("burst", "burst", "postgresql", ("apscheduler3", *QUEUES), 2, stall=20, count=many, lead=late),
        rate("drain", "drain", "postgresql", QUEUES, 2, stall=20, count=many),
        rate("burst", "burst", "sqlite", ("apscheduler3",), 60, count=some, lead=late),
        rate("add one by one", "add", "memory", (*APSCHEDULER, *LISTS), 0.5, count=many),
        rate("add one by one", "add", "postgresql", (*APSCHEDULER, *QUEUES), 2, count=some),
        rate("add at once", "add", "postgresql", QUEUES, 1, count=many, bulk=True),
    ]


def _times(*, short: bool) -> list[Row]:
    """Return what should be small: milliseconds, and bytes."""
    many, times, stored, seconds = (100, 20, 200, 2) if short else (10_000, 200, 100_000, 20)

    def reaction(how: str, store: str, aim: float, *peers: str) -> Row:
        return Row(f"reaction to {how}", "reaction", store, peers, "p50", aim, {"how": how, "times": times})

    def repeated(workload: str, store: str, figure: str, aim: float, *peers: str, **options: Any) -> Row:
        return Row(workload, workload, store, peers, figure, aim, {**options, "seconds": seconds})

    firing = {"count": times // 2, "every": 1}
    lists = (*APSCHEDULER, *LISTS)
    return [
        reaction("add", "memory", 0.66, *APSCHEDULER),
        reaction("unpause", "memory", 0.66, *APSCHEDULER),
        reaction("enqueue", "memory", 0.66, *APSCHEDULER, *TASKIQ),
        reaction("add", "postgresql", 0.5, *APSCHEDULER, *QUEUES),
        reaction("unpause", "postgresql", 0.5, *APSCHEDULER),
        reaction("enqueue", "postgresql", 0.5, *APSCHEDULER, *QUEUES),
        repeated("precision", "memory", "p99", 0.33, *APSCHEDULER, **firing),
        repeated("precision", "postgresql", "p99", 0.2, *APSCHEDULER, **firing),
        repeated("idle", "memory", "cpu", 0.33, *APSCHEDULER, count=stored),
        repeated("idle", "postgresql", "cpu", 0.33, "apscheduler3", count=stored),
        Row("memory for each", "add", "memory", lists, "bytes", 0.7, {"count": many}),
    ]
