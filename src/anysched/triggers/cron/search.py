"""The search of a cron rule in the time of its zone, and of rules with ``H`` (rules T4 to T7)."""

from __future__ import annotations

import attrs

from anysched.triggers.civil import Civil, FoldPolicy, GapPolicy
from anysched.triggers.cron.expression import CronExpression
from anysched.triggers.cron.fields import CronFields
from anysched.triggers.grid import Grid
from anysched.triggers.wall_search import CountingSearch

#: So many schedules that share a trigger with ``H`` are known: 1.5 MB at most. A store reads one trigger for all whose
#: text is the same, and to find a fire time of one that is not known takes five times as long.
_MOST_KEYS = 1000


@attrs.frozen
class CronSearch(CountingSearch[CronFields]):
    """A cron rule in a zone, under its policies."""

    def of(self, key: str) -> CronSearch:
        """Return the search for the schedule with this id: the same for all."""
        return self

    def cost(self) -> int:
        """Return what a step may cost a search."""
        return 6 if self.civil.fixed else 16

    def grid(self, after: int) -> Grid:
        """Return a grid on which all fire times after an instant lie."""
        return self.civil.grid(after, *self.fields.times(), self.gap)

    def never_meets(self, other: CronSearch) -> bool:
        """Return True when it can be told that two rules never fire at the same instant."""
        shown = self.civil.fixed or (self.gap == other.gap == "skip")  # fires only when the clock shows it
        return self.civil is other.civil and shown and not self.fields.meets(other.fields)


@attrs.frozen(eq=False)
class SpreadSearch:
    """A cron rule of which the id of the schedule chooses a part (``H``), in a zone, under its policies."""

    expression: CronExpression
    civil: Civil
    gap: GapPolicy
    fold: FoldPolicy
    _known: dict[str, CronSearch] = attrs.field(init=False, repr=False, factory=dict[str, CronSearch])

    def __reduce__(self) -> tuple[type[SpreadSearch], tuple[object, ...]]:
        """Copy and pickle the rule, and not for which ids it was asked so far."""
        return SpreadSearch, (self.expression, self.civil, self.gap, self.fold)

    def of(self, key: str) -> CronSearch:
        """Return the search for the schedule with this id."""
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KEYS:
                self._known.clear()
            found = CronSearch(self.expression.fields_for(key), self.civil, self.gap, self.fold)
            self._known[key] = found
        return found
