"""Cron rules in words."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import attrs

from anysched.triggers.cron.days import bits
from anysched.triggers.cron.expression import CronExpression
from anysched.triggers.cron.fields import lowest
from anysched.triggers.cron.rule import FieldRule, Spread
from anysched.triggers.cron.specs import CRONTAB_FIELDS, DAY_OF_MONTH, HOUR, MINUTE, SECOND, YEAR
from anysched.triggers.cron.words import is_all, listed, ordinal, runs_of, spans, step_of, steps

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_WEEKS = ("first", "second", "third", "fourth", "fifth")
#: So many times of a day are listed one by one.
_MOST_TIMES = 6
_MOST_SPANS = 2


def describe(expression: CronExpression, key: str | None = None) -> str:
    """Say in words when a rule fires; without a key, what the id chooses is "of its own"."""
    rules = [*expression.rules]
    if key is not None:
        rules = [
            attrs.evolve(rule, mask=rule.mask_for(spec, key), spread=None)
            for rule, spec in zip(rules, CRONTAB_FIELDS, strict=True)
        ]
    seconds, minutes, hours, days, months, weekdays, years = rules
    when = _years(years)
    day = _days(days, weekdays, months, expression.either, when)
    # Hours that go on past midnight are two spans of each day, where not every day is meant.
    time = _time(seconds, minutes, hours, wraps=not (day or when or _in(months)))
    if not day:
        every_day = time.startswith("at ") and not time.endswith(("of every hour", "of every minute"))
        day = f"{' every day' if every_day else ''}{_in(months)}{when}"
    return f"{time}{day}"


def _time(seconds: FieldRule, minutes: FieldRule, hours: FieldRule, wraps: bool) -> str:
    if seconds.spread is None and minutes.spread is None and hours.spread is None:
        times = _few_times(seconds.mask, minutes.mask, hours.mask)
        if times:
            return f"at {listed(times)}"
        told = _regular(seconds.mask, minutes.mask, hours.mask, wraps)
        if told:
            return told
    parts = [_unit(seconds, "second"), _unit(minutes, "minute"), _unit(hours, "hour")]
    if parts[1:] == ["every minute", "every hour"]:
        parts.pop()
    return f"at {' of '.join(parts[seconds.mask == 1 and seconds.spread is None :])}"


def _few_times(seconds: int, minutes: int, hours: int) -> list[str]:
    """Return the times of a day, when there are few enough to list."""
    if seconds.bit_count() * minutes.bit_count() * hours.bit_count() > _MOST_TIMES:
        return []
    return [_clock(*time) for time in product(bits(hours), bits(minutes), bits(seconds))]


def _clock(hour: int, minute: int, second: int = 0) -> str:
    return f"{hour:02}:{minute:02}:{second:02}" if second else f"{hour:02}:{minute:02}"


def _regular(seconds: int, minutes: int, hours: int, wraps: bool) -> str:
    """Return "every 15 minutes between 09:00 and 17:59" and the like, or nothing where there is no such rule."""
    if seconds.bit_count() > 1:
        often, span = _often(seconds, SECOND.width, "second"), _between(hours, wraps)
        return f"{often}{span}" if often and span is not None and is_all(minutes, MINUTE.width) else ""
    if minutes.bit_count() > 1:
        often, span = _often(minutes, MINUTE.width, "minute"), _between(hours, wraps)
        at = f" at second {lowest(seconds)}" if seconds > 1 else ""
        return f"{often}{span}{at}" if often and span is not None else ""
    minute, second = lowest(minutes), lowest(seconds)
    if is_all(hours, HOUR.width):
        return "" if minute or second else "every hour"
    if step := step_of(hours, HOUR.width):
        return f"every {step} hours from {_clock(0, minute, second)}"
    runs = runs_of(hours, HOUR.width, wraps)
    if len(runs) == 1:
        first, last = (_clock(hour, minute, second) for hour in runs[0])
        return f"every hour between {first} and {last}"
    if row := steps(hours):
        first, last = _clock(row[0], minute, second), _clock(row[1], minute, second)
        return f"every {row[2]} hours between {first} and {last}"
    return ""


def _often(mask: int, width: int, unit: str) -> str:
    """Return "every minute" or "every 15 minutes", or nothing where they do not go on evenly."""
    if is_all(mask, width):
        return f"every {unit}"
    step = step_of(mask, width)
    return f"every {step} {unit}s" if step else ""


def _between(hours: int, wraps: bool) -> str | None:
    """Return " between 09:00 and 17:59" for one or two rows of hours, nothing for all, None for others."""
    if is_all(hours, HOUR.width):
        return ""
    runs = runs_of(hours, HOUR.width, wraps)
    if len(runs) > _MOST_SPANS:
        return None
    return f" {' and '.join(f'between {_clock(first, 0)} and {_clock(last, 59)}' for first, last in runs)}"


def _unit(rule: FieldRule, unit: str) -> str:
    """Return "minute 5", "minutes 0, 10 to 20", "every minute" or "a minute of its own"."""
    spec = {"second": SECOND, "minute": MINUTE, "hour": HOUR}[unit]
    texts: list[str] = []
    if is_all(rule.mask, spec.width):
        return f"every {unit}"
    if rule.mask:
        plural = "s" if rule.mask.bit_count() > 1 else ""
        row = steps(rule.mask)
        values = (
            f"{row[0]} to {row[1]} in steps of {row[2]}" if row else listed(spans(rule.mask, spec.width, str))
        )
        texts.append(f"{unit}{plural} {values}")
    if rule.spread is not None:
        texts.append(_own(rule.spread, unit, spec.width, str))
    return " and ".join(texts)


def _own(spread: Spread, unit: str, width: int, name: Callable[[int], str]) -> str:
    """Return what the id of the schedule chooses."""
    first, last = spread.values[0], spread.values[-1]
    within = "" if len(spread.values) == width else f" from {name(first)} to {name(last)}"
    if spread.step == len(spread.values):
        return f"{'an' if unit == 'hour' else 'a'} {unit} of its own{within}"
    return f"every {ordinal(spread.step)} {unit}{within} (from one of its own)"


def _days(days: FieldRule, weekdays: FieldRule, months: FieldRule, either: bool, when: str) -> str:
    """Return the days with their months and years; nothing for every day."""
    any_day, any_weekday = is_all(days.mask, 31), is_all(weekdays.mask, 7)
    if (any_day and any_weekday) or (either and (any_day or any_weekday)):
        return ""
    on_day, on_weekday = _month_days(days), _weekdays(weekdays)
    if either:
        return f" on {on_day} of the month or on {on_weekday}{_in(months)}{when}"
    if any_weekday:
        return f" on {on_day}{_of(months)}{when}"
    if any_day:
        month = _of(months) if weekdays.nth or weekdays.last else _in(months)
        return f" on {on_weekday}{month}{when}"
    return f" on {on_day}{_of(months)}{when}, if that is {on_weekday}"


def _month_days(rule: FieldRule) -> str:
    row = steps(rule.mask)
    if row:
        first, last = ordinal(row[0] + 1), ordinal(row[1] + 1)
        texts = [f"every {ordinal(row[2])} day from the {first} to the {last}"]
    else:
        texts = spans(rule.mask, 31, lambda bit: ordinal(bit + 1))
        texts[:1] = [f"the {text}" for text in texts[:1]]
    texts += [f"the {_before_last(bit)}" for bit in bits(rule.from_end)]
    texts += [f"the weekday nearest the {ordinal(bit + 1)}" for bit in bits(rule.nearest)]
    for bit in bits(rule.nearest_end):
        texts.append(f"the weekday nearest the {_before_last(bit)}" if bit else "the last weekday")
    if rule.spread is not None:
        texts.append(_own(rule.spread, "day", DAY_OF_MONTH.width, lambda bit: f"the {ordinal(bit + 1)}"))
    return listed(texts)


def _before_last(before: int) -> str:
    return f"{ordinal(before)} day before the last" if before else "last day"


def _weekdays(rule: FieldRule) -> str:
    texts = spans(rule.mask, 7, lambda bit: _WEEKDAYS[bit], wraps=True)
    if is_all(rule.mask, 7):
        texts = ["any day of the week"]
    texts += [f"the {_WEEKS[bit // 7]} {_WEEKDAYS[bit % 7]}" for bit in bits(rule.nth)]
    texts += [f"the last {_WEEKDAYS[bit]}" for bit in bits(rule.last)]
    if rule.spread is not None:
        texts.append(_own(rule.spread, "weekday", 7, lambda bit: _WEEKDAYS[bit]))
    return listed(texts)


def _months(rule: FieldRule) -> str:
    texts = spans(rule.mask, 12, lambda bit: _MONTHS[bit], wraps=True)
    if rule.spread is not None:
        texts.append(_own(rule.spread, "month", 12, lambda bit: _MONTHS[bit]))
    return listed(texts)


def _years(rule: FieldRule) -> str:
    if rule.star and is_all(rule.mask, YEAR.width):
        return ""
    return f" in {listed(spans(rule.mask, YEAR.width, lambda bit: str(bit - YEAR.bit)))}"


def _of(months: FieldRule) -> str:
    return " of the month" if is_all(months.mask, 12) else f" of {_months(months)}"


def _in(months: FieldRule) -> str:
    return "" if is_all(months.mask, 12) else f" in {_months(months)}"
