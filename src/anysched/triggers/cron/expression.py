"""Reading cron expressions (rule T7).

Five fields - minute, hour, day of month, month, day of week - or six with the seconds first, or seven with
the year last. What each field may hold is in ``reader``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product

import attrs

from anysched.errors import CronSyntaxError
from anysched.triggers.cron.days import EVERY_WEEKDAY, DayRule
from anysched.triggers.cron.fields import CronFields
from anysched.triggers.cron.reader import FieldError, read_field
from anysched.triggers.cron.rule import FieldRule
from anysched.triggers.cron.specs import CRONTAB_FIELDS, YEAR, CronDialect, FieldSpec, fields_of

_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
#: More than the longest that says nothing twice.
_LONGEST = 4096
_PART = re.compile(r"[^ \t]+")
#: Days that every month has, whatever day of the week is asked for.
_SURE_DAYS = (1 << 28) - 1
_EVERY_YEAR = (1 << YEAR.width) - 1

Rules = tuple[FieldRule, FieldRule, FieldRule, FieldRule, FieldRule, FieldRule, FieldRule]


@attrs.frozen(eq=False)
class CronExpression:
    """A cron expression that was read.

    :ivar text: its canonical text, as crontab(5) has it
    :ivar rules: what the fields say: seconds first, the year last
    :ivar either: whether one of the two day fields is enough
    :ivar spread: whether the id of the schedule chooses anything
    """

    text: str
    rules: Rules
    either: bool
    spread: bool

    @property
    def wildcard(self) -> bool:
        """Whether the minute or the hour begins with ``*`` (rule T6)."""
        return self.rules[1].star or self.rules[2].star

    def fields_for(self, key: str) -> CronFields:
        """Return what the fields allow for the schedule with this id."""
        rules, specs = self.rules, CRONTAB_FIELDS
        return _fields([rule.mask_for(spec, key) for rule, spec in zip(rules, specs, strict=True)], self)


@lru_cache(maxsize=512)
def parse(expression: str, dialect: CronDialect = "crontab", both: bool = False) -> CronExpression:
    """Read a cron expression.

    :param both: whether both day fields must allow a day, as ``+`` says it
    :raise CronSyntaxError: with the column, for what cannot stand there, or what can never match
    """
    if len(expression) > _LONGEST:
        raise _refusal(f"an expression has at most {_LONGEST} characters", expression, _LONGEST)
    stripped = expression.strip(" \t")
    if stripped.startswith("@"):
        return _parse_alias(stripped, expression, both)
    parts = [(match.group(), match.start()) for match in _PART.finditer(expression)]
    specs = _specs_of(parts, expression, dialect)
    rules = [_read(text, spec, expression, start) for (text, start), spec in zip(parts, specs, strict=True)]
    if len(parts) == 5:
        rules.insert(0, read_field("0", specs[0]))
    if len(parts) < 7:
        rules.append(read_field("*", YEAR))
    seconds, minutes, hours, days, months, weekdays, years = rules
    day_at, weekday_at = (parts[index - (len(parts) == 5)][1] for index in (3, 5))
    if days.question and weekdays.question:
        raise _refusal("? may stand in one of the two day fields: write * here", expression, weekday_at)
    if dialect == "quartz" and not (days.question or weekdays.question):
        raise _refusal("Quartz wants ? in one of the two day fields", expression, weekday_at)
    starred = days.star or weekdays.star
    both = both or weekdays.both
    found = CronExpression(
        text=_canonical_text(rules, both and not starred),
        rules=(seconds, minutes, hours, days, months, weekdays, years),
        either=not (starred or both),
        spread=any(rule.spread is not None for rule in rules),
    )
    _require_match(found, expression, day_at)
    return found


def check_field(text: str, spec: FieldSpec) -> None:
    """Refuse the text of one field that cannot be read.

    :raise CronSyntaxError: with the column in this text
    """
    _read(text, spec, text, 0)


def _parse_alias(alias: str, expression: str, both: bool) -> CronExpression:
    meant = _ALIASES.get(alias.lower())
    if meant is None:
        raise _refusal(f"{alias} is not one of {', '.join(_ALIASES)}", expression, expression.index("@"))
    return parse(meant, "crontab", both)


def _specs_of(parts: list[tuple[str, int]], expression: str, dialect: CronDialect) -> tuple[FieldSpec, ...]:
    """Return the fields that these parts are: with five there are no seconds, with seven there is a year."""
    specs, count = fields_of(dialect), len(parts)
    if count > 7:
        raise _refusal("there is no field after the year", expression, parts[7][1])
    if dialect == "quartz" and count < 6:
        message = "a Quartz expression has six fields, seconds first, or seven with the year last"
    elif count < 5:
        message = "a cron expression has five fields, six with seconds first, or seven with the year last"
    else:
        return specs[1:6] if count == 5 else specs[:count]
    raise _refusal(f"{message}, not {count}", expression, len(expression))


def _read(text: str, spec: FieldSpec, expression: str, start: int) -> FieldRule:
    try:
        return read_field(text, spec)
    except FieldError as exc:
        error = _refusal(exc.message, expression, start + exc.position)
    raise error


def _refusal(message: str, expression: str, position: int) -> CronSyntaxError:
    return CronSyntaxError(message, expression=expression, column=position + 1)


def _canonical_text(rules: list[FieldRule], both: bool) -> str:
    """Write an expression so that two with the same meaning get the same text."""
    texts = [rule.text for rule in rules]
    if both:
        texts[5] = f"+{texts[5]}"
    if texts[6] != "*":
        return " ".join(texts)
    return " ".join(texts[1:6] if texts[0] == "0" else texts[:6])


def _fields(masks: list[int], expression: CronExpression) -> CronFields:
    days, weekdays, years = expression.rules[3], expression.rules[5], expression.rules[6]
    return CronFields(
        seconds=masks[0],
        minutes=masks[1],
        hours=masks[2],
        months=masks[4],
        years=0 if years.star and masks[6] == _EVERY_YEAR else masks[6],
        days=DayRule(
            masks[3],
            masks[5],
            from_end=days.from_end,
            nearest=days.nearest,
            nearest_end=days.nearest_end,
            nth=weekdays.nth,
            last=weekdays.last,
            either=expression.either,
        ),
    )


def _require_match(expression: CronExpression, given: str, position: int) -> None:
    """Refuse what can never match, or could not for one id or another."""
    _, _, _, days, months, weekdays, _ = expression.rules
    if _surely_matches(days, weekdays, expression.either):
        return
    masks = [rule.mask for rule in expression.rules]
    for masks[3], masks[4], masks[5] in product(days.outcomes(), months.outcomes(), weekdays.outcomes()):
        if not _fields(masks, expression).can_match():
            message = "no month of these has such a day, so this can never match"
            if expression.spread:
                message = "H may choose a day that no month of these has, and then this can never match"
            raise _refusal(message, given, position)


def _surely_matches(days: FieldRule, weekdays: FieldRule, either: bool) -> bool:
    """Return whether any month has such a day: the usual case, found without looking at months."""
    on_day = all(mask & _SURE_DAYS for mask in days.outcomes())
    on_weekday = all(weekdays.outcomes())
    if either:
        return on_day or on_weekday
    return (on_day and weekdays.mask == EVERY_WEEKDAY) or (
        on_weekday and days.mask & _SURE_DAYS == _SURE_DAYS
    )
