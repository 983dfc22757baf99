"""Rules that yield fire times: pure values, each with one function, ``next_fire_time`` (rules T1 to T7)."""

from __future__ import annotations

from anysched.triggers.calendar_interval import CalendarIntervalTrigger as CalendarIntervalTrigger
from anysched.triggers.calendar_interval import DayPolicy as DayPolicy
from anysched.triggers.civil import FoldPolicy as FoldPolicy
from anysched.triggers.civil import GapPolicy as GapPolicy
from anysched.triggers.combine import AndTrigger as AndTrigger
from anysched.triggers.combine import ExceptTrigger as ExceptTrigger
from anysched.triggers.combine import OrTrigger as OrTrigger
from anysched.triggers.cron.specs import CronDialect as CronDialect
from anysched.triggers.cron.trigger import CronTrigger as CronTrigger
from anysched.triggers.cron.trigger import DayMatch as DayMatch
from anysched.triggers.date import DateTrigger as DateTrigger
from anysched.triggers.interval import IntervalTrigger as IntervalTrigger
from anysched.triggers.preview import clock_changes as clock_changes
