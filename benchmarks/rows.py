"""What is measured, on what, beside whom, and what we aim at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

APSCHEDULER = ("apscheduler3", "apscheduler4")
QUEUES = ("pgqueuer_queue", "procrastinate_queue")
TASKIQ = ("taskiq_memory",)
LISTS = (*TASKIQ, "schedule_memory")
#: On SQLite and MariaDB.
FILES = ("apscheduler3",)
STORES = ("memory", "sqlite", "postgresql", "mariadb")


@attrs.frozen
class Row:
    """A workload on a store, with those that take part besides anysched, and what is aimed at.

    Rows of one name and store that follow each other are a series: of sizes, or of numbers of processes.

    :ivar figure: what is compared
    :ivar aim: which part, or how many times, of the best peer's; None if nothing is aimed at
    :ivar more_is_better: whether the figure should be large
    :ivar stall: for how many milliseconds the event loop may stand still, if that is judged
    :ivar grown: how many times the figure of the first row of the series it should be, if that is judged
    """

    name: str
    workload: str
    store: str
    peers: tuple[str, ...]
    figure: str
    aim: float | None
    options: dict[str, Any]
    more_is_better: bool = False
    stall: float | None = None
    grown: float | None = None


def judged(rows: Sequence[Row]) -> list[Row]:
    """Return those of which something is aimed at, and those that they are compared with."""
    series = {(row.name, row.store) for row in rows if row.grown is not None}
    return [
        row for row in rows if row.aim is not None or row.stall is not None or (row.name, row.store) in series
    ]


def rows(*, short: bool) -> list[Row]:
    """Return everything there is to measure; the short form only tells whether it works, and judges nothing."""
    everything = [
        *_bursts(short=short),
        *_adds(short=short),
        *_reactions(short=short),
        *_repeated(short=short),
        *_nodes(short=short),
    ]
    if not short:
        return everything
    plain = [attrs.evolve(row, aim=None, stall=None, grown=None) for row in everything]
    # All sizes of a series are one, the first, which has the most peers.
    return [*{_but_for_its_size(row): row for row in reversed(plain)}.values()][::-1]


def _but_for_its_size(row: Row) -> tuple[str, ...]:
    options = {name: value for name, value in row.options.items() if name != "count"}
    return row.name, row.store, repr(options)


def _rate(
    name: str,
    workload: str,
    store: str,
    peers: tuple[str, ...] = (),
    aim: float | None = None,
    *,
    stall: float | None = None,
    grown: float | None = None,
    **options: Any,
) -> Row:
    """Return a row of what should be large: jobs or schedules a second."""
    return Row(name, workload, store, peers, "rate", aim, options, True, stall, grown)


def _bursts(*, short: bool) -> list[Row]:
    few, many, most = (100, 100, 100) if short else (1_000, 10_000, 50_000)
    return [
        _rate("burst", "burst", "memory", APSCHEDULER, count=few),
        _rate("burst", "burst", "memory", APSCHEDULER, 2.2, stall=15, count=many),
        _rate("burst", "burst", "memory", ("apscheduler3",), stall=15, count=most),
        _rate("drain", "drain", "memory", (*APSCHEDULER, *TASKIQ), 2, count=many),
        _rate("burst", "burst", "postgresql", ("apscheduler3", *QUEUES), count=few),
        _rate("burst", "burst", "postgresql", ("apscheduler3", "pgqueuer_queue"), 2, stall=20, count=many),
        _rate("burst", "burst", "postgresql", ("pgqueuer_queue",), stall=20, count=most),
        _rate("drain", "drain", "postgresql", QUEUES, count=few),
        _rate("drain", "drain", "postgresql", ("pgqueuer_queue",), 2, stall=20, count=many),
        _rate("burst", "burst", "sqlite", FILES, count=few),
        _rate("burst", "burst", "sqlite", FILES, 60, count=many),
        _rate("drain", "drain", "sqlite", (), count=many),
        _rate("burst", "burst", "mariadb", FILES, count=few),
        _rate("burst", "burst", "mariadb", (), count=many),
        _rate("drain", "drain", "mariadb", (), count=many),
    ]


def _adds(*, short: bool) -> list[Row]:
    few, many, most = (100, 100, 100) if short else (1_000, 10_000, 100_000)

    def one_by_one(store: str, peers: tuple[str, ...], aim: float | None = None, *, count: int) -> Row:
        return _rate("add one by one", "add", store, peers, aim, count=count)

    def at_once(store: str, peers: tuple[str, ...] = (), aim: float | None = None, *, count: int) -> Row:
        return _rate("add at once", "add", store, peers, aim, count=count, bulk=True)

    def weight(peers: tuple[str, ...], *, count: int) -> Row:
        return Row("memory for each", "add", "memory", peers, "bytes", 0.7, {"count": count})

    everybody = (*APSCHEDULER, *LISTS)
    return [
        one_by_one("memory", everybody, count=few),
        one_by_one("memory", everybody, 0.5, count=many),
        one_by_one("memory", LISTS, 0.5, count=most),
        weight(everybody, count=many),
        weight(LISTS, count=most),
        one_by_one("postgresql", (*APSCHEDULER, *QUEUES), 2, count=few),
        at_once("postgresql", QUEUES, count=few),
        at_once("postgresql", QUEUES, 1, count=many),
        at_once("postgresql", ("pgqueuer_queue",), 1, count=most),
        one_by_one("sqlite", FILES, count=few),
        at_once("sqlite", count=many),
        one_by_one("mariadb", FILES, count=few),
        at_once("mariadb", count=many),
        *(_rate("pause by tag", "pause", store, count=most) for store in STORES),
    ]


def _reactions(*, short: bool) -> list[Row]:
    """Return milliseconds from a call to the start of a job."""
    times = 20 if short else 200

    def reaction(how: str, store: str, aim: float | None, *peers: str) -> Row:
        return Row(f"reaction to {how}", "reaction", store, peers, "p50", aim, {"how": how, "times": times})

    return [
        reaction("add", "memory", 0.66, *APSCHEDULER),
        reaction("unpause", "memory", 0.66, *APSCHEDULER),
        reaction("enqueue", "memory", 0.66, *APSCHEDULER, *TASKIQ),
        reaction("add", "postgresql", 0.5, *APSCHEDULER, *QUEUES),
        reaction("unpause", "postgresql", 0.5, *APSCHEDULER),
        reaction("enqueue", "postgresql", 0.5, *APSCHEDULER, *QUEUES),
        *(
            reaction(how, store, None, *FILES)
            for store in ("sqlite", "mariadb")
            for how in ("add", "unpause", "enqueue")
        ),
    ]


def _repeated(*, short: bool) -> list[Row]:
    """Return how late firings are, and what one costs beside many schedules that are not due."""
    firing, few, most, seconds = (10, 20, 200, 2) if short else (100, 1_000, 100_000, 10)

    def precision(store: str, every: float, aim: float | None, *peers: str) -> Row:
        options = {"count": firing, "every": every, "seconds": seconds if every == 1 else seconds / 2}
        return Row(f"precision, each {every:g} s", "precision", store, peers, "p99", aim, options)

    def idle(store: str, count: int, aim: float | None, *peers: str) -> Row:
        # What one of 100,000 costs is to be what one of 1,000 costs, within a quarter.
        grown = 1.25 if count == most else None
        options = {"count": count, "seconds": seconds, "settle": 0.2 if short else 1.5}
        return Row("idle", "idle", store, peers, "cpu", aim, options, grown=grown)

    return [
        precision("memory", 1, 0.33, *APSCHEDULER),
        precision("memory", 0.1, None, *APSCHEDULER),
        precision("postgresql", 1, 0.2, "apscheduler3"),
        precision("postgresql", 0.1, None),
        precision("sqlite", 1, None),
        precision("mariadb", 1, None),
        idle("memory", few, None, *APSCHEDULER),
        idle("memory", most, 0.33, "apscheduler3"),
        idle("postgresql", few, None, "apscheduler3"),
        idle("postgresql", most, 0.33, "apscheduler3"),
        idle("sqlite", few, None, *FILES),
        idle("sqlite", most, None),
        idle("mariadb", few, None, *FILES),
        idle("mariadb", most, None),
    ]


def _nodes(*, short: bool) -> list[Row]:
    """Return what several processes do at one database: not less than 1.6 times what one does, with four."""

    def nodes(name: str, store: str, count: int, processes: int, *peers: str) -> Row:
        grown, options = 1.6 if processes == 4 else None, {"count": count, "processes": processes}
        return _rate(name, "nodes", store, peers, grown=grown, **options)

    # procrastinate takes as long for 2,000 as others for 20,000.
    many, some = (100, 100) if short else (20_000, 2_000)
    return [
        *(nodes("nodes", "postgresql", many, number, "pgqueuer_queue") for number in (1, 2, 4)),
        *(
            nodes("nodes, fewer jobs", "postgresql", some, number, "procrastinate_queue")
            for number in (1, 2, 4)
        ),
        *(nodes("nodes", "mariadb", many, number) for number in (1, 2, 4)),
    ]
