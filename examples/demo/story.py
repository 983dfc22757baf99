"""What happens, act by act. The operator is another process than the node: they share the file, nothing else."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import anyio
import anyio.to_thread
import journal
from checks import ONE_SHOT, Away, Evidence, Resumed
from journal import Run
from node import LEASE, MAX_CATCHUP, address
from screen import Screen, View
from service import Service
from work import make_database

from anysched import AsyncScheduler, DateTrigger, Pause, ScheduleSnapshot

#: Nothing of this should ever take longer.
PATIENCE = 30.0
SECOND = timedelta(seconds=1)


class Story:
    """Plays the acts and gathers the evidence.

    :param folder: where everything is kept: the schedules, the database of the service, its backups, the journal
    :ivar log: what the node complains about
    """

    def __init__(self, folder: Path, screen: Screen) -> None:
        self._folder = folder
        self.log = folder / "node.log"
        self._screen = screen
        self._service = Service()
        self._node: subprocess.Popen[bytes] | None = None
        self._operator = AsyncScheduler(address(folder), role="client")
        self._first: dict[str, datetime] = {}
        self._resumed: dict[str, Resumed] = {}
        self._service_away = self._node_away = Away(_now(), _now())
        self._pause_after_kill: Pause | None = None

    async def play(self) -> Evidence:
        """Play all acts; whatever happens, leave no process behind."""
        make_database(self._folder)
        try:
            async with self._operator, anyio.create_task_group() as task_group:
                task_group.start_soon(self._watch)
                await self._everyday()
                await self._maintenance()
                await self._paused_backups()
                await self._sudden_death()
                await self._resumed_pruning()
                await self._stop_node()
                evidence = await self._evidence()
                task_group.cancel_scope.cancel()
            return evidence
        finally:
            if self._node is not None:
                self._node.kill()
                self._node.wait()
            self._service.stop()

    # the acts

    async def _everyday(self) -> None:
        self._act("1. A check every second, an online backup every two, pruning every three")
        await anyio.to_thread.run_sync(self._service.start)
        self._start_node()
        await self._until(lambda: len({run.schedule for run in self._runs()}) == 3)
        for snapshot in await self._operator.get_schedules():
            self._first[snapshot.id] = _first_fire_time(snapshot)
        await anyio.sleep(4)

    async def _maintenance(self) -> None:
        self._act("2. Maintenance: the service goes down, so its checks are paused first")
        frozen, paused_at = await self._pause("check", "maintenance of the service")
        await self._until(lambda: not self._running("check"))
        away_since = _now()
        await anyio.to_thread.run_sync(self._service.stop)
        self._tell("the service is down, and nothing complains")
        await anyio.sleep(4)
        await anyio.to_thread.run_sync(self._service.start)
        self._service_away = Away(away_since, _now())
        await self._resume("check", frozen, paused_at, "now")
        await anyio.sleep(2.5)

    async def _paused_backups(self) -> None:
        self._act(
            f"3. Backups are paused, then go on from where they stopped, at most {MAX_CATCHUP} late ones"
        )
        backup = await self._pause("backup", "the disk is being swapped")
        self._prune = await self._pause("prune", "backups are being inspected")
        await anyio.sleep(9)
        await self._resume("backup", *backup, None)
        await anyio.sleep(3)

    async def _sudden_death(self) -> None:
        self._act("4. kill -9 in the middle of a backup; a report becomes due while nobody is there")
        self._first[ONE_SHOT] = due = _now() + 4 * SECOND
        await self._operator.add_schedule("report", DateTrigger(due), id=ONE_SHOT, args=[str(self._folder)])
        self._tell(f"the report is to be written at {due.astimezone():%H:%M:%S}")
        await self._until(self._amid_backup, every=0.01)
        assert self._node is not None
        killed_at = _now()
        self._node.kill()
        self._node.wait()
        self._node = None
        cut_off = [run.schedule for run in self._runs() if run.end is None]
        self._tell(f"killed, with {', '.join(cut_off) or 'nothing'} half done")
        await anyio.sleep((due + SECOND - _now()).total_seconds())
        self._node_away = Away(killed_at, _now())
        self._start_node()
        self._pause_after_kill = (await self._operator.get_schedule("prune")).state.pause
        self._tell(f"a new process goes on from the file; the old one's lease runs out within {LEASE:g} s")
        await self._until(lambda: any(run.attempt > 1 and run.end for run in self._runs()))
        self._tell("what was cut off has been done again, by the same job")

    async def _resumed_pruning(self) -> None:
        self._act("5. Pruning has been paused all the time; it is resumed from a given instant")
        instant = (_now() + 3 * SECOND).replace(microsecond=0)
        await self._resume("prune", *self._prune, instant)
        await anyio.sleep((instant + 4 * SECOND - _now()).total_seconds())

    # what the operator does

    async def _pause(self, schedule: str, reason: str) -> tuple[datetime, datetime]:
        await self._operator.pause_schedule(schedule, reason=reason, by="operator")
        paused_at = _now()
        frozen = (await self._operator.get_schedule(schedule)).next_fire_time
        assert frozen is not None
        self._tell(f"{schedule} is paused: {reason}")
        return frozen, paused_at

    async def _resume(
        self,
        schedule: str,
        frozen: datetime,
        paused_at: datetime,
        resume_from: datetime | Literal["now"] | None,
    ) -> None:
        asked_at = _now()
        result = await self._operator.unpause_schedule(schedule, resume_from=resume_from)
        self._resumed[schedule] = Resumed(
            schedule=schedule,
            frozen=frozen,
            paused_at=paused_at,
            asked_at=asked_at,
            answered_at=_now(),
            resume_from=resume_from,
            result=result,
        )
        self._tell(
            f"{schedule} is resumed: {len(result.jobs)} jobs made, {result.skipped} fire times skipped"
        )

    def _start_node(self) -> None:
        node = Path(__file__).with_name("node.py")
        with self.log.open("ab") as log:
            self._node = subprocess.Popen([sys.executable, node, self._folder, self._service.url], stderr=log)

    async def _stop_node(self) -> None:
        self._act("6. The node is asked to stop, and does so in order")
        assert self._node is not None
        self._node.terminate()
        code = await anyio.to_thread.run_sync(self._node.wait)
        self._node = None
        self._tell(f"the node has ended with exit code {code}")
        await self._show()

    def _act(self, title: str) -> None:
        self._screen.tell(title, act=True)

    def _tell(self, text: str) -> None:
        self._screen.tell(text)

    # what is seen

    def _runs(self) -> list[Run]:
        return journal.read(self._folder / "journal")

    def _running(self, schedule: str) -> bool:
        return any(run.schedule == schedule and run.end is None for run in self._runs())

    def _amid_backup(self) -> bool:
        """Return whether a backup has begun and nothing else has ended just now."""
        runs, just_now = self._runs(), _now() - 0.15 * SECOND
        open_runs = [run.schedule for run in runs if run.end is None]
        return open_runs == ["backup"] and all(run.end < just_now for run in runs if run.end is not None)

    async def _until(self, condition: Callable[[], bool], every: float = 0.05) -> None:
        with anyio.fail_after(PATIENCE):
            while not condition():
                if self._node is not None and (code := self._node.poll()) is not None:
                    raise RuntimeError(f"the node has ended by itself, with exit code {code}")
                await anyio.sleep(every)

    async def _watch(self) -> None:
        while True:
            await self._show()
            await anyio.sleep(0.25)

    async def _show(self) -> None:
        self._screen.show(
            View(
                service_up=self._service.up,
                node_up=self._node is not None,
                schedules=await self._operator.get_schedules(),
                runs=self._runs(),
            )
        )

    async def _evidence(self) -> Evidence:
        return Evidence(
            runs=self._runs(),
            first=self._first,
            schedules={item.id: item for item in await self._operator.get_schedules()},
            left=await self._operator.get_jobs(),
            resumed=self._resumed,
            node_away=self._node_away,
            service_away=self._service_away,
            pause_after_kill=self._pause_after_kill,
            max_catchup=MAX_CATCHUP,
            backups={path.name: _integrity(path) for path in sorted(self._folder.glob("backups/*.db"))},
        )


def _now() -> datetime:
    return datetime.now(UTC)


def _first_fire_time(snapshot: ScheduleSnapshot) -> datetime:
    """Return the first fire time of a schedule that was added a moment ago (rules S6 and T3)."""
    added = snapshot.state.anchor
    if snapshot.id != "backup":
        return added
    second = -(-added.timestamp() // 2) * 2  # */2: the even seconds
    return datetime.fromtimestamp(second, UTC)


def _integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        [verdict] = database.execute("PRAGMA integrity_check").fetchone()
        checks, ballast = database.execute(
            "SELECT (SELECT count(*) FROM checks), (SELECT count(*) FROM ballast)"
        ).fetchone()
    return str(verdict) if checks and ballast else f"{checks} checks, {ballast} rows of ballast"
