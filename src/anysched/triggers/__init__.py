"""Rules that yield fire times: pure values, each with one function, ``next_fire_time`` (rules T1 to T9)."""

from __future__ import annotations

from anysched.triggers.calendar_interval import CalendarIntervalTrigger as CalendarIntervalTrigger
from anysched.triggers.calendar_interval import DayPolicy as DayPolicy
from anysched.triggers.civil import FoldPolicy as FoldPolicy
from anysched.triggers.civil import GapPolicy as GapPolicy
from anysched.triggers.combine import AndTrigger as AndTrigger
from anysched.triggers.combine import BetweenTrigger as BetweenTrigger
from anysched.triggers.combine import ExceptTrigger as ExceptTrigger
from anysched.triggers.combine import OrTrigger as OrTrigger
from anysched.triggers.combine import ShiftedTrigger as ShiftedTrigger
from anysched.triggers.cron.specs import CronDialect as CronDialect
from anysched.triggers.cron.trigger import CronTrigger as CronTrigger
from anysched.triggers.cron.trigger import DayMatch as DayMatch
from anysched.triggers.date import DateTrigger as DateTrigger
from anysched.triggers.dates import DatesTrigger as DatesTrigger
from anysched.triggers.interval import IntervalTrigger as IntervalTrigger
from anysched.triggers.looking import count_fire_times_of as count_fire_times_of
from anysched.triggers.looking import fire_times_of as fire_times_of
from anysched.triggers.looking import previous_fire_time_of as previous_fire_time_of
from anysched.triggers.rrule.trigger import RRuleTrigger as RRuleTrigger
