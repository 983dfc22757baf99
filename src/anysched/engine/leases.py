"""Keeping the jobs of this node its own while they run (rules J1 and J2)."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from datetime import timedelta

import anyio.to_thread

from anysched._clock import Clock
from anysched._spawn import loop_caller
from anysched._text import printable
from anysched.engine.wakeup import Wakeup
from anysched.ports.store import LeaseKeeper, Renewal

logger: logging.Logger = logging.getLogger(__name__)

#: A lease is renewed this many times before it would run out.
RENEWALS_IN_A_LEASE = 3

#: Rule J1: the thread gives up when the event loop has not answered for this many leases.
PATIENCE = 10

#: An instant by monotonic time and by the wall clock, in seconds.
Moment = tuple[float, float]

_FOREVER: Moment = (math.inf, math.inf)


class Leases:
    """Renews the lease of a node while jobs are held; knows until when it can be trusted.

    :param held: tells how many claimed jobs are here
    :param renewed: called on the event loop with what each renewal found
    """

    who = "lease"

    def __init__(
        self,
        clock: Clock,
        node: str,
        lease: timedelta,
        *,
        held: Callable[[], int],
        renewed: Callable[[Renewal], None],
    ) -> None:
        self._clock = clock
        self._keeper: LeaseKeeper | None = None
        self._node = node
        self._lease = lease
        self._held = held
        self._renewed = renewed
        self._interval = lease / RENEWALS_IN_A_LEASE
        self._trusted_until = -math.inf, -math.inf
        self._renewing = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._answered_at = 0.0
        self._wakeup = Wakeup(clock, self.who)

    def open(self, keeper: LeaseKeeper | None) -> None:
        """Take the connection for renewals; without one, jobs need no lease."""
        self._keeper = keeper
        self._trusted_until = _FOREVER if keeper is None else (-math.inf, -math.inf)

    def moment(self) -> Moment:
        """Return the present, to say when a lease was asked for.

        Monotonic time stands still while a machine sleeps, and the wall clock can be set: a lease that has run out
        by either of them may be another node's.
        """
        return self._clock.monotonic(), self._clock.now().timestamp()

    def trust(self, asked_at: Moment) -> None:
        """Jobs were taken under a lease that was asked for at this moment."""
        if self._keeper is not None:
            self._extend_trust(asked_at)
            self._wakeup.call()

    def _extend_trust(self, asked_at: Moment) -> None:
        lease = self._lease.total_seconds()
        self._trusted_until = max(self._trusted_until, (asked_at[0] + lease, asked_at[1] + lease))

    def let_go(self) -> None:
        """Jobs have ended: with the last of them, the reason to come back has gone."""
        if self._renewing and not self._held():
            self._wakeup.call()

    def is_trusted(self) -> bool:
        """Return whether no other node can have taken the jobs that are here."""
        if self._trusted_until is _FOREVER:
            return True
        monotonic, wall = self._trusted_until
        return self._clock.monotonic() < monotonic and self._clock.now().timestamp() < wall

    def _renew(self) -> Renewal | None:
        keeper = self._keeper
        if keeper is None or not self._held():
            return None
        asked_at = self.moment()
        try:
            renewal = keeper.renew(self._node, self._lease)
        except Exception as exc:
            logger.warning("the lease of this node could not be renewed: %s", printable(exc))
            return None
        if renewal.held:
            self._extend_trust(asked_at)
        return renewal

    # A clock that is moved by hand drives the renewals from the event loop: leases are in its time.

    async def run(self) -> None:
        """Renew by the clock, for ever, if there is anything to renew."""
        while self._keeper is not None:
            self._renewing = self._held() > 0
            until = self._clock.now() + self._interval if self._renewing else None
            await self._wakeup.wait(until)
            renewal = self._renew() if until is not None and until <= self._clock.now() else None
            if renewal is not None:
                self._renewed(renewal)

    # With the system clock a thread does it, so that a job that blocks the event loop keeps its lease.

    def start_thread(self) -> None:
        """Renew from a thread until ``close``, if there is anything to renew."""
        if self._keeper is None:
            return
        self._answered_at = self._clock.monotonic()
        self._thread = threading.Thread(
            target=self._run_thread, args=(loop_caller(),), name="anysched lease", daemon=True
        )
        self._thread.start()

    def _run_thread(self, call_in_loop: Callable[..., None]) -> None:
        while not self._stop.wait(self._interval.total_seconds()):
            try:
                call_in_loop(self._answer)
                if self._clock.monotonic() - self._answered_at > PATIENCE * self._lease.total_seconds():
                    continue  # whatever blocks the event loop has had its chance: let others take over
                renewal = self._renew()
                if renewal is not None:
                    call_in_loop(self._renewed, renewal)
            except RuntimeError:
                return  # the event loop is gone

    def _answer(self) -> None:
        self._answered_at = self._clock.monotonic()

    async def close(self) -> None:
        """Stop renewing; a renewal that is under way has its time to end."""
        self._stop.set()
        if self._thread is not None:
            await anyio.to_thread.run_sync(self._thread.join, self._lease.total_seconds())
        if self._keeper is not None:
            self._keeper.close()
