"""Nodes whose clocks are wrong, or are set while they run (rules N4, N6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from tests.faults.clocks import WrongClock
from tests.faults.trial import Trial, assert_exactly_once, lasting

MINUTES = 120
HOUR = 3600
JUMPED = "the wall clock jumped by"

#: Makes the clock of a node, with what it is off by.
Maker = Callable[[str, int], WrongClock]


@pytest.fixture
def wrong_clock(trial: Trial) -> Iterator[Maker]:
    """How clocks are made."""
    with ExitStack() as stack:
        yield lambda name, off: stack.enter_context(closing(WrongClock(trial.folder, name, off)))


@pytest.mark.parametrize("place", ["postgresql-trio", "mariadb-asyncio"], indirect=True)
def test_skew(trial: Trial, wrong_clock: Maker) -> None:
    """rule N6: nodes whose clocks are two minutes ahead and behind start nothing early, and say what is wrong."""
    ahead, behind = wrong_clock("ahead", MINUTES), wrong_clock("behind", -MINUTES)
    trial.start("right", "ahead", "behind", by={"ahead": ahead, "behind": behind}, lease=10)
    trial.go_on(lasting(3, 20))
    trial.stop("right")
    trial.go_on(lasting(1, 5))
    trial.stop()
    assert_exactly_once(trial.verdict())
    assert {"right", "ahead", "behind"} <= trial.site.runners()
    for clock, where in ((ahead, "ahead of"), (behind, "behind")):
        said = clock.said.read_text()
        assert re.search(rf"the clock of this node is 1(19|20)\.\d s {where} that of the data store", said)


@pytest.mark.parametrize("place", ["postgresql-asyncio", "mariadb-trio"], indirect=True)
def test_jumps(trial: Trial, wrong_clock: Maker) -> None:
    """rules N4 and N6: a node whose clock jumps an hour forward and back goes on, on time, and says so."""
    clock = wrong_clock("jumping", 0)
    trial.start("right", "jumping", by={"jumping": clock}, lease=10)
    for number, off in enumerate((HOUR, 0, -HOUR, 0) * round(lasting(1, 2)), 1):
        trial.go_on(lasting(0.2, 1))
        clock.set(off)
        trial.wait_for(lambda told=number: clock.said.read_text().count(JUMPED) == told, "a jump is told")
        goes_on(trial, "jumping")
    trial.stop("right")
    trial.go_on(lasting(1, 3))
    trial.stop()
    assert_exactly_once(trial.verdict())
    said = clock.said.read_text()
    for what in (
        f"{JUMPED} +3600",
        f"{JUMPED} -3600",
        "s ahead of that of the data store",
        "s behind that of",
    ):
        assert what in said


def goes_on(trial: Trial, node: str) -> None:
    """Wait until a node has run one more job."""
    before = len(trial.runs())
    trial.wait_for(lambda: node in {run.node for run in trial.runs()[before:]}, f"{node} runs jobs")
