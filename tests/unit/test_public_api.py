"""The public surface, frozen: a name that comes or goes is a decision, not an accident."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

SURFACE = {
    "anysched": """
        AndTrigger AnyschedError ApplyResult AsyncScheduler AuditAction AuditEntry Backfill BackfillChanged
        BackfillLookupError BackfillPlan BetweenTrigger BusinessDayOfMonthTrigger BusinessDayTrigger Calendar
        CalendarIntervalTrigger CatchUp Clock clock_changes ClockChange ClockEffect ClockJumped CoalescePolicy
        ConflictingBackfillError ConflictingHoldError ConflictingIdError ConflictPolicy CronSyntaxError
        CronTrigger current_job current_scheduler DateSet DatesTrigger DateTrigger DeserializationError Event
        ExceptTrigger ExecutorLookupError FireTime FireTimeChanged FireTimeRecomputed FireTimesSkipped Health Hold
        HoldAdded HoldEvent HoldLifted HoldLookupError HolidayCalendar IntervalTrigger Job JobAcquired JobAdded
        JobCancelled JobCancelRequested JobDeadlineMissed JobEvent JobException JobFailed JobKind JobLookupError
        JobOutcome JobReleased JobResult JobsStillRunning JobStatus Maintenance Occurrence OnAbandon OrTrigger
        Pause PlacedWindow register_type Retention RRuleSyntaxError RRuleTrigger RunState Schedule ScheduleAdded
        ScheduleChangedError ScheduleDiff ScheduleEvent ScheduleFailed ScheduleFinished ScheduleLookupError
        ScheduleOwnerError SchedulePaused Scheduler ScheduleRemoved SchedulerFaultError SchedulerRole
        SchedulerStarted SchedulerStateError SchedulerStopped ScheduleSnapshot ScheduleState ScheduleStatus
        ScheduleUnpaused ScheduleUpdated SchemaVersionError Selector SerializationError ShiftedTrigger SkipReason
        StalePause StoreError StoreFigures StoreRecovered StoreUnavailable StoreUnavailableError Subscription
        SunTrigger SystemClock task Task TaskDefaults TaskLookupError TaskOptions Trigger TriggerError
        TriggerSearchError UnknownTypeError UnnamedCallableError UnpausePreview UnpauseResult UNSET Weekdays
        Window WindowAdded WindowEvent WindowLookupError WindowRemoved WorkerProcessError
    """,
    "anysched.stores": "MemoryDataStore Migration SQLDataStore migrate migration_sql",
    "anysched.brokers": "LocalEventBroker PostgreSQLEventBroker RedisEventBroker",
    "anysched.executors": "AsyncJobExecutor ProcessJobExecutor ThreadJobExecutor",
    "anysched.integrations.django": "get_scheduler",
    "anysched.integrations.fastapi": "SchedulerDep get_scheduler lifespan router",
    "anysched.integrations.starlette": "get_scheduler lifespan router",
    "anysched.serializers": "CBORSerializer JSONSerializer PickleSerializer",
    "anysched.testing": "ClockStuckError FakeClock ManualScheduler Run StoreSuite TriggerSuite",
}

#: Names that are imported when they are asked for, because they need an extra.
LAZY = {
    "SQLDataStore",
    "PostgreSQLEventBroker",
    "Migration",
    "migrate",
    "migration_sql",
    "RedisEventBroker",
    "StoreSuite",
    "TriggerSuite",
    "CBORSerializer",
}


def offered(module: ModuleType) -> set[str]:
    """Return the names that a module offers: its own and what it imports as itself, no modules."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and name not in ("annotations", "Any", "TYPE_CHECKING")
    }


@pytest.mark.parametrize("name", SURFACE)
def test_public_names(name: str) -> None:
    """Every public name can be had from its module, and no other name has slipped in."""
    module = importlib.import_module(name)
    expected = set(SURFACE[name].split())
    for public in expected:
        assert getattr(module, public) is not None
    assert expected == offered(module) | (LAZY & expected)


def test_public_objects_are_documented() -> None:
    """Every public class and function says what it is for."""
    silent = []
    for name, names in SURFACE.items():
        module = importlib.import_module(name)
        for public in names.split():
            value = getattr(module, public)
            if (isinstance(value, type) or callable(value)) and not (value.__doc__ or "").strip():
                silent.append(f"{name}.{public}")
    assert [] == silent
