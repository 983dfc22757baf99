"""Lines on two logarithmic axes, as SVG that is legible on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from math import ceil, floor, log10
from pathlib import Path

import attrs

#: What is drawn of the figures of ``growth.py``: the name of the file, what the plot is called, and the figure.
PLOTS = {
    "pass": ("A pass that finds nothing to do, ms", "pass ms"),
    "firing": ("A firing, with the end of its job, ms", "firing ms"),
    "firing_cpu": ("Processor time of the process for a firing, ms", "firing cpu ms"),
    "add": ("Adding one more, ms", "add ms"),
    "pause": ("Pausing one, ms", "pause ms"),
    "look_up": ("Looking one up, ms", "look up ms"),
    "clean_up": ("A cleaning up that finds nothing, ms", "clean up ms"),
    "bytes": ("Bytes for each schedule: of memory, or on the disk", "bytes each"),
}

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 64, 110, 36, 40
COLOURS = {"memory": "#3b82f6", "sqlite": "#d97706", "postgresql": "#10a37f"}
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#57606a}.title{font-weight:600}.grid{stroke:#8b949e;stroke-opacity:.3}"
    "@media(prefers-color-scheme:dark){text{fill:#b1bac4}}"
)

Points = list[tuple[float, float]]


@attrs.frozen
class Axis:
    """A logarithmic axis.

    :ivar low: the power of ten at which it begins
    :ivar high: that at which it ends
    :ivar start: where it begins on the page
    :ivar end: where it ends there
    """

    low: int
    high: int
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where a value stands."""
        return self.start + (log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def powers(self) -> list[float]:
        """Return the powers of ten that it shows."""
        return [10.0**power for power in range(self.low, self.high + 1)]


def axis(values: list[float], start: float, end: float) -> Axis:
    """Return an axis that has room for these values; at least a power of ten, so that noise does not look steep."""
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return Axis(low, max(high, low + 1), start, end)


def named(value: float) -> str:
    """Return what an axis says of a value."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def plot(title: str, lines: Mapping[str, Points]) -> str:
    """Return a plot."""
    x = axis([point[0] for points in lines.values() for point in points], LEFT, WIDTH - RIGHT)
    y = axis([point[1] for points in lines.values() for point in points], HEIGHT - BOTTOM, TOP)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
            f"<title>{escape(title)}</title><style>{STYLE}</style>",
            f'<text class="title" x="{LEFT}" y="20">{escape(title)}</text>',
            *grid(x, y),
            *drawn(lines, x, y),
            "</svg>\n",
        ]
    )


def grid(x: Axis, y: Axis) -> Iterator[str]:
    """Yield the lines of powers of ten, with their values."""
    for value in x.powers():
        at = f"{x.at(value):.1f}"
        yield f'<path class="grid" d="M{at} {y.end}V{y.start}"/>'
        yield f'<text x="{at}" y="{y.start + 20}" text-anchor="middle">{named(value)}</text>'
    for value in y.powers():
        at = y.at(value)
        yield f'<path class="grid" d="M{x.start} {at:.1f}H{x.end}"/>'
        yield f'<text x="{x.start - 8}" y="{at + 4:.1f}" text-anchor="end">{named(value)}</text>'


def drawn(lines: Mapping[str, Points], x: Axis, y: Axis) -> Iterator[str]:
    """Yield lines and points, and beside the last point of each its name, no name upon another."""
    beneath = HEIGHT + 0.0
    for name in sorted(lines, key=lambda name: lines[name][-1][1]):
        places = [(x.at(size), y.at(value)) for size, value in lines[name]]
        path = "L".join(f"{left:.1f} {top:.1f}" for left, top in places)
        colour = COLOURS.get(name, "#8250df")
        yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for left, top in places:
            yield f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3" fill="{colour}"/>'
        beneath = min(places[-1][1] + 4, beneath - 16)
        yield f'<text x="{x.end + 8}" y="{beneath:.1f}" style="fill:{colour}">{escape(name)}</text>'


def draw(figures: Mapping[str, Mapping[str, Mapping[str, float]]], folder: Path) -> None:
    """Draw all plots of what ``growth.py`` has found: by store, by size."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, (title, figure) in PLOTS.items():
        lines = {
            store: [(float(size), found[figure]) for size, found in sizes.items() if found.get(figure, 0) > 0]
            for store, sizes in figures.items()
        }
        path = folder / f"{file}.svg"
        path.write_text(plot(title, {store: points for store, points in lines.items() if points}))
