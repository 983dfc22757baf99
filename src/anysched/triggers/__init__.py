"""Rules that yield fire times: pure values, each with one function, ``next_fire_time`` (rules T1 to T13)."""

from __future__ import annotations

from anysched.triggers.business import BusinessDayTrigger as BusinessDayTrigger
from anysched.triggers.business import Roll as Roll
from anysched.triggers.business_month import BusinessDayOfMonthTrigger as BusinessDayOfMonthTrigger
from anysched.triggers.calendar_interval import CalendarIntervalTrigger as CalendarIntervalTrigger
from anysched.triggers.calendar_interval import DayPolicy as DayPolicy
from anysched.triggers.calendars.base import Calendar as Calendar
from anysched.triggers.calendars.base import CalendarDifference as CalendarDifference
from anysched.triggers.calendars.base import CalendarTrigger as CalendarTrigger
from anysched.triggers.calendars.base import CalendarUnion as CalendarUnion
from anysched.triggers.calendars.dates import DateSet as DateSet
from anysched.triggers.calendars.dates import Weekday as Weekday
from anysched.triggers.calendars.dates import Weekdays as Weekdays
from anysched.triggers.calendars.holiday import HolidayCalendar as HolidayCalendar
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
from anysched.triggers.preview import clock_changes as clock_changes
from anysched.triggers.rrule.trigger import RRuleTrigger as RRuleTrigger
from anysched.triggers.sun import Depression as Depression
from anysched.triggers.sun import SunEvent as SunEvent
from anysched.triggers.sun import SunTrigger as SunTrigger
