"""Jobs that a transaction of users makes and this node takes with it: no pass has to come for them (rule P4)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from contextvars import Context
from datetime import datetime

from anysched._spawn import loop_caller
from anysched.engine.leases import Moment
from anysched.engine.workers import Workers
from anysched.model.change import Change
from anysched.model.job import Claim
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task
from anysched.ports.store import AdvanceRequest, Taker
from anysched.rules.policy import Policy


class Loan:
    """Room on this node for the jobs of one transaction.

    :ivar taker: who takes them; None if there is no room
    :ivar claims: what was taken
    """

    def __init__(self, policy: Policy, request: AdvanceRequest | None = None) -> None:
        self._policy = policy
        self._request = request
        self.taker: Taker | None = None
        self.claims: Sequence[Claim] = ()
        self.is_over: bool = False

    def fired(
        self,
        change: Change,
        stored: ScheduleSnapshot | None,
        task: Callable[[str], Task | None],
        now: datetime,
    ) -> Change:
        """Return a decision with what comes of it at once, as ``Policy.at_once`` has it."""
        request = self._request
        if request is None or not request.plan_limit:
            return change
        return self._policy.at_once(change, stored, request.tasks, task, now, request.job_limit)


class Lending:
    """Lends room of the workers to transactions of users.

    :param request: returns what this node could take in a pass, so many jobs at most; none if it runs no jobs
    :param moment: tells the present, to say when a lease was asked for
    :param trust: called when jobs were taken, with when their lease was asked for
    :param unstarted: called with jobs that are not begun here after all
    :param wake: has the planner call ``collect``
    """

    def __init__(
        self,
        workers: Workers,
        policy: Policy,
        *,
        request: Callable[[int], AdvanceRequest],
        moment: Callable[[], Moment],
        trust: Callable[[Moment], None],
        unstarted: Callable[[Sequence[Claim]], None],
        wake: Callable[[], None],
    ) -> None:
        self._workers = workers
        self._policy = policy
        self._request = request
        self._moment = moment
        self._trust = trust
        self._unstarted = unstarted
        self._wake = wake
        self._context: Context | None = None
        self._call_in_loop: Callable[..., None]
        self._delivered: deque[tuple[Moment, Sequence[Claim]]] = deque()

    def open(self, context: Context) -> None:
        """Lend from now on.

        :param context: that in which workers start, whoever asks for what they do
        """
        self._context = context
        self._call_in_loop = loop_caller()

    @contextmanager
    def lend(self, count: int) -> Generator[Loan]:
        """Lend room for so many schedules or jobs, if there is so much, until a transaction has ended."""
        if self._context is None or self._workers.closed or not 0 < count <= self._workers.free:
            yield Loan(self._policy)
            return
        request = self._request(count)
        loan = Loan(self._policy, request)
        if request.claim_limit:
            loan.taker = Taker(request, self._deliver_to(loan), lambda: not self._workers.closed)
        self._workers.lent += count
        try:
            yield loan
        finally:
            self._workers.lent -= count
            loan.is_over = True
            self.collect()

    def _deliver_to(self, loan: Loan) -> Callable[[Sequence[Claim]], None]:
        asked_at = self._moment()

        def deliver(claims: Sequence[Claim]) -> None:
            loan.claims = claims
            self._delivered.append((asked_at, claims))
            if loan.is_over:  # who asked for the transaction was cancelled, and nobody looks any more
                with suppress(RuntimeError):  # the event loop has ended: the lease runs out
                    self._call_in_loop(self._wake)

        return deliver

    def collect(self) -> None:
        """Have the workers begin what was delivered."""
        while self._delivered:
            asked_at, claims = self._delivered.popleft()
            if self._workers.closed or self._context is None:
                self._unstarted(claims)
            else:
                self._trust(asked_at)
                self._context.run(self._workers.put, claims)
