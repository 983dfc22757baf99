"""What a scheduler offers about schedules; pausing them, and single fire times, have modules of their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from anysched._scheduler.base import Base, topic
from anysched.engine.committing import Asked
from anysched.model import convert
from anysched.model.declared import ApplyResult
from anysched.model.ids import new_id
from anysched.model.policies import CoalescePolicy, ConflictPolicy, ScheduleStatus
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.trigger import Trigger
from anysched.model.unset import UNSET, UnsetType


@topic
class ScheduleMethods(Base):
    """Adding, declaring, reading, removing and running schedules."""

    async def add_schedule(
        self,
        func_or_task_id: Callable[..., Any] | str,
        trigger: Trigger,
        *,
        id: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] = convert.EMPTY_MAPPING,
        paused: bool = False,
        coalesce: CoalescePolicy | str = CoalescePolicy.latest,
        misfire_grace_time: timedelta | float | UnsetType | None = UNSET,
        max_catchup: int = 100,
        max_jitter: timedelta | float | None = None,
        job_executor: str | UnsetType | None = UNSET,
        job_result_expiration_time: timedelta | float = convert.NO_TIME,
        metadata: Mapping[str, Any] = convert.EMPTY_MAPPING,
        group: str | None = None,
        tags: Iterable[str] = convert.NO_NAMES,
        pause_after_failures: int | None = None,
        probe_after: timedelta | float | None = None,
        fixed_delay: bool = False,
        conflict_policy: ConflictPolicy | str = ConflictPolicy.do_nothing,
        reason: str | None = None,
        by: str | None = None,
    ) -> str:
        """Add a schedule and return its id (rules S1 and S6).

        :param func_or_task_id: the callable to run, or the name of a task
        :param trigger: when to run it
        :param id: unique; by default one is made up
        :param args: positional arguments for the callable
        :param kwargs: keyword arguments for the callable
        :param paused: create it paused; says nothing about a schedule that exists
        :param coalesce: which of several late fire times get a job: "latest", "earliest" or "all" (rule L1)
        :param misfire_grace_time: how late a job may start; None for no limit; by default what the task says
        :param max_catchup: how many late fire times get a job in one pass under "all" (rule L2)
        :param max_jitter: delay each fire time by up to this much, the same on every node (rule T8)
        :param job_executor: name of a job executor; by default what the task says
        :param job_result_expiration_time: how long results are kept
        :param metadata: anything that can be serialized
        :param group: the group it belongs to, if any, for ``pause_schedules`` and ``get_schedules``
        :param tags: words to select it by, in the same places
        :param pause_after_failures: pause it when so many of its regular jobs in a row have failed (rule B1)
        :param probe_after: let that pause end by itself after so long, and one more failure bring it back (rule B3);
            None leaves it paused until ``unpause_schedule``
        :param fixed_delay: count from the end of the last run (rule S9): the trigger's next fire time is found when the
            job of a fire time has ended, however it has, and there is none before; not with ``coalesce="all"``
        :param conflict_policy: what to do when the id exists: "do_nothing", "replace" or "exception"
        :param reason: free text, kept by the audit if something is written (rule A1)
        :param by: who adds it, kept there as well
        :raise ConflictingIdError: when the id exists and the policy is "exception"
        :raise ValueError: when the trigger has no fire time left, or an argument is out of range
        :raise TriggerError: when the trigger does not work
        :raise TaskLookupError, ExecutorLookupError: when a name is not known
        :raise UnnamedCallableError: for a lambda or nested function with a durable store
        :raise SerializationError: when arguments cannot be stored
        """
        self._require_running()
        schedule = Schedule(
            self._engine.tasks.known(func_or_task_id),  # by name now, or a second one has to be made of this
            trigger,
            id=str(new_id(self._engine.settings.store.present())) if id is None else id,
            args=args,
            kwargs=kwargs,
            paused=paused,
            coalesce=coalesce,
            misfire_grace_time=misfire_grace_time,
            max_catchup=max_catchup,
            max_jitter=max_jitter,
            job_executor=job_executor,
            job_result_expiration_time=job_result_expiration_time,
            metadata=metadata,
            group=group,
            tags=tags,
            pause_after_failures=pause_after_failures,
            probe_after=probe_after,
            fixed_delay=fixed_delay,
        )
        asked = Asked(by=by, reason=reason)
        (added,) = await self._schedules.add((schedule,), ConflictPolicy(conflict_policy), asked)
        return added

    async def add_schedules(
        self,
        schedules: Iterable[Schedule],
        *,
        conflict_policy: ConflictPolicy | str = ConflictPolicy.do_nothing,
        reason: str | None = None,
        by: str | None = None,
    ) -> list[str]:
        """Add many schedules in one transaction, all or nothing; return their ids in the same order.

        ``reason`` and ``by`` are kept by the audit, with an entry for each schedule that is written (rule A1). The call
        raises what ``add_schedule`` raises.
        """
        self._require_running()
        asked = Asked(by=by, reason=reason)
        return await self._schedules.add(schedules, ConflictPolicy(conflict_policy), asked)

    async def apply_schedules(
        self,
        schedules: Iterable[Schedule],
        *,
        owner: str,
        retire: bool = False,
        allow_empty: bool = False,
        take_over: bool = False,
        dry_run: bool = False,
        reason: str | None = None,
        by: str | None = None,
    ) -> ApplyResult:
        """Make the store hold what a program declares, in one transaction; return what that changed (rule S8).

        Pauses, counters and places stay as they are; only a changed trigger moves its schedule to its first fire time
        from now (rule S1). What is stored as it is declared is not written.

        :param schedules: all that the program declares
        :param owner: the name of the program, which its schedules carry in the store
        :param retire: remove schedules of this very owner that are not declared, and their queued jobs; running ones go
            on (rule S4). Schedules of nobody, and of others, are never removed
        :param allow_empty: let ``retire`` remove all when nothing is declared, which is refused otherwise
        :param take_over: make schedules its own that exist under the declared ids and belong to nobody, or to another
        :param dry_run: tell what would be done, and write nothing; whether arguments can be stored is not tried
        :param reason: free text, kept by the audit, with an entry for each schedule that is written (rule A1)
        :param by: who declares them, kept there as well; by default the owner
        :raise ScheduleOwnerError: when a declared id exists, is not the owner's, and is not to be taken over
        :raise TypeError: when something declared is no ``Schedule``
        :raise ValueError: when an id is given twice, a schedule names another owner, or everything would be retired

        Also raises what ``add_schedule`` raises. Whatever it raises, nothing was written.
        """
        self._require_running()
        owner = convert.identifier(owner, "owner")
        return await self._schedules.apply(
            schedules,
            owner,
            Asked(by=owner if by is None else by, reason=reason),
            retire=convert.boolean(retire, "retire"),
            allow_empty=convert.boolean(allow_empty, "allow_empty"),
            take_over=convert.boolean(take_over, "take_over"),
            dry_run=convert.boolean(dry_run, "dry_run"),
        )

    async def get_schedule(self, id: str) -> ScheduleSnapshot:
        """Return a schedule as it is now. :raise ScheduleLookupError: when there is none"""
        self._require_running()
        return await self._schedules.get_one(id)

    async def get_schedules(
        self,
        ids: Collection[str] | None = None,
        *,
        paused: bool | None = None,
        status: ScheduleStatus | str | None = None,
        task_id: str | None = None,
        group: str | None = None,
        tags: Iterable[str] | None = None,
        owner: str | None = None,
    ) -> list[ScheduleSnapshot]:
        """Return schedules as they are now, ordered by id; conditions that are given must all hold.

        :param ids: only these; ids that do not exist are passed over
        :param paused: only schedules that are paused, or only those that are not
        :param status: only schedules with this status: "active", "paused", "finished" or "error"
        :param task_id: only schedules of this task
        :param group: only schedules of this group
        :param tags: only schedules that carry all of these tags
        :param owner: only schedules that the program of this name has declared with ``apply_schedules``
        """
        self._require_running()
        return await self._schedules.get(ids, paused, status, task_id, group, tags, owner)

    async def remove_schedule(
        self, id: str, *, reason: str | None = None, by: str | None = None, version: str | None = None
    ) -> None:
        """Remove a schedule and its queued jobs; running ones go on (rule S4).

        :param reason: free text, kept by the audit, which outlives the schedule (rules A1 and A2)
        :param by: who removes it, kept there as well
        :param version: remove it only if its ``state.version`` is still this one
        :raise ScheduleLookupError: when there is none
        :raise ScheduleChangedError: when it has another version
        """
        self._require_running()
        await self._schedules.remove(id, version, Asked(by=by, reason=reason))

    async def run_schedule(self, id: str, *, reason: str | None = None, by: str | None = None) -> UUID:
        """Make one job of a schedule now and return its id; fire times do not move, a pause does not matter.

        :param reason: free text, kept by the audit (rule A1)
        :param by: who asks for the job, kept there as well
        :raise ScheduleLookupError: when there is no such schedule
        """
        self._require_running()
        return await self._schedules.run(id, Asked(by=by, reason=reason))
