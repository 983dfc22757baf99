"""The fields of a cron expression: their bounds, their names, and what may stand in each (rule T7)."""

from __future__ import annotations

from typing import Literal

import attrs

CronDialect = Literal["crontab", "quartz"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def _mask_of_all(spec: FieldSpec) -> int:
    return (1 << spec.width) - 1


@attrs.frozen(eq=False)
class FieldSpec:
    """One field: its name, its bounds, and the names of its values, beginning with the lowest.

    :ivar cycle: how many values there are before the lowest comes again; 0 where ranges cannot wrap around
    :ivar bit: what is added to a value to get its bit
    :ivar width: how many bits the field has
    :ivar spread_to: the largest value that ``H`` takes by itself; 0 where it is not known
    :ivar specials: what else than values may stand at the start of an item, for messages
    :ivar endings: what may follow a value, for messages
    """

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    cycle: int = 0
    bit: int = 0
    width: int = 0
    spread_to: int = 0
    specials: str = ""
    endings: str = ""
    #: The mask of all values.
    full: int = attrs.field(init=False, default=attrs.Factory(_mask_of_all, takes_self=True))

    @property
    def label(self) -> str:
        """The name as a person reads it."""
        return self.name.replace("_", " ")

    @property
    def values(self) -> str:
        """The values, as a person reads them."""
        numbers = f"a number from {self.low} to {self.high}"
        return f"{numbers}, a name from {self.names[0]} to {self.names[-1]}" if self.names else numbers


SECOND = FieldSpec("second", 0, 59, cycle=60, width=60, spread_to=59, specials=" or H")
MINUTE = FieldSpec("minute", 0, 59, cycle=60, width=60, spread_to=59, specials=" or H")
HOUR = FieldSpec("hour", 0, 23, cycle=24, width=24, spread_to=23, specials=" or H")
DAY_OF_MONTH = FieldSpec(
    "day",
    1,
    31,
    cycle=31,
    bit=-1,
    width=31,
    spread_to=28,  # so that each month has one
    specials=", L, LW, ? or H",
    endings="W, ",
)
MONTH = FieldSpec("month", 1, 12, _MONTHS, cycle=12, bit=-1, width=12, spread_to=12, specials=" or H")
DAY_OF_WEEK = FieldSpec(
    "day_of_week",
    0,
    7,
    _WEEKDAYS,
    cycle=7,
    width=7,
    spread_to=6,
    specials=", ? or H",
    endings="L, #, ",
)
YEAR = FieldSpec("year", 1970, 2199, bit=-1970, width=230)
#: Quartz begins the week with 1.
QUARTZ_DAY_OF_WEEK = attrs.evolve(DAY_OF_WEEK, low=1, bit=-1, spread_to=7, specials=", L, ? or H")

CRONTAB_FIELDS = (SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK, YEAR)
QUARTZ_FIELDS = (SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, QUARTZ_DAY_OF_WEEK, YEAR)


def fields_of(dialect: CronDialect) -> tuple[FieldSpec, ...]:
    """Return the fields as a dialect has them, seconds first and the year last."""
    return QUARTZ_FIELDS if dialect == "quartz" else CRONTAB_FIELDS
