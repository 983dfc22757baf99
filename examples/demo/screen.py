"""What the demo shows while it runs, and in the end: live on a terminal, as plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

import attrs
from checks import Evidence, judge, shown
from journal import Run
from rich.box import SIMPLE
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from table import rows

from anysched import ScheduleSnapshot

#: Seconds between two status lines where there is no terminal.
PLAIN_INTERVAL = 3.0


@attrs.frozen
class View:
    """The state of things at one moment."""

    service_up: bool
    node_up: bool
    schedules: Sequence[ScheduleSnapshot]
    runs: Sequence[Run]


class Screen(Protocol):
    """Where the story is told."""

    def tell(self, text: str, *, act: bool = False) -> None:
        """Tell what is done, or begin an act."""
        ...

    def show(self, view: View) -> None:
        """Show how things stand."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class PlainScreen:
    """Lines with the time since the beginning, for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = self._shown_at = time.monotonic()

    def tell(self, text: str, *, act: bool = False) -> None:
        """Print a line."""
        since = time.monotonic() - self._began
        self._console.print(Text(f"{since:5.1f} s  {'' if act else '  '}{text}"), soft_wrap=True)

    def show(self, view: View) -> None:
        """Print how things stand, now and then."""
        if time.monotonic() - self._shown_at >= PLAIN_INTERVAL:
            self._shown_at = time.monotonic()
            parts = [
                f"{item.id} {item.status} ({item.state.jobs_made} jobs, {_skipped(item)} skipped)"
                for item in view.schedules
            ]
            self.tell("· " + ", ".join(parts))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


class LiveScreen:
    """A picture that is drawn again several times a second."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._began = time.monotonic()
        self._told: list[Text] = []
        self._view: View | None = None

    def tell(self, text: str, *, act: bool = False) -> None:
        """Add to what is told."""
        self._told.append(Text(text, style="bold") if act else Text("  " + text))
        self._draw()

    def show(self, view: View) -> None:
        """Draw anew."""
        self._view = view
        self._draw()

    def _draw(self) -> None:
        if self._view is not None:
            self._live.update(
                picture(self._view, self._told[-7:], time.monotonic() - self._began), refresh=True
            )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()


def picture(view: View, told: Sequence[Text], since: float) -> Panel:
    """Return the whole screen, so many seconds after the beginning."""
    return Panel(
        Group(*told, _schedules(view), _runs(view)),
        title=f"anysched · {since:.0f} s",
        subtitle=f"service {_up(view.service_up)} · scheduler {_up(view.node_up)}",
    )


def _schedules(view: View) -> Table:
    table = Table("schedule", "status", "next fire time", "jobs", "skipped", "pause", box=SIMPLE, expand=True)
    for item in view.schedules:
        pause = item.state.pause
        colour = {"paused": "yellow", "finished": "dim", "error": "red"}.get(str(item.status), "green")
        table.add_row(
            item.id,
            Text(str(item.status), style=colour),
            "" if item.next_fire_time is None else shown(item.next_fire_time),
            str(item.state.jobs_made),
            str(_skipped(item)),
            "" if pause is None else Text(f"{pause.reason} ({pause.by})"),
        )
    return table


def _runs(view: View) -> Table:
    table = Table("latest runs", "for", "attempt", "", box=SIMPLE, expand=True)
    for run in sorted(view.runs, key=lambda run: run.start)[-5:]:
        said = "running" if run.end is None and view.node_up else run.said or "cut off"
        table.add_row(run.schedule, shown(run.fire_time), str(run.attempt), Text(said))
    return table


def _skipped(item: ScheduleSnapshot) -> int:
    return sum(item.state.skipped.values())


def _up(up: bool) -> str:
    return "up" if up else "DOWN"


def print_verdict(console: Console, evidence: Evidence) -> bool:
    """Print the table of fire times and a line for each promise; return whether all were kept."""
    table = Table("schedule", "fire times", "", "what", "why", box=SIMPLE)
    for row in rows(evidence):
        table.add_row(row.schedule, row.span, str(len(row.fire_times)), row.fate, Text(row.why))
    console.print(table)
    kept = True
    for rule, words, complaints in judge(evidence):
        kept = kept and not complaints
        mark = ("broken", "bold red") if complaints else ("kept  ", "green")
        console.print(Text.assemble(mark, f"  {words}", f" (rule {rule})" if rule else ""), soft_wrap=True)
        for complaint in complaints:
            console.print(Text(f"         {complaint}"), soft_wrap=True)
    return kept
