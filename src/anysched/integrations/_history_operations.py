"""What can be asked about the history of schedules."""

from __future__ import annotations

from anysched import AsyncScheduler
from anysched.integrations import _history_models as models
from anysched.integrations._operations import Operation, judged


async def get_fire_times(scheduler: AsyncScheduler, query: models.FireTimesQuery) -> models.FireTimeList:
    """Tell what came of the fire times of a schedule, and what is to come of the next ones."""
    with judged("query"):
        told = await scheduler.get_fire_times(
            query.id, query.start, query.end, limit=query.limit, count=query.count
        )
    return models.FireTimeList(fire_times=[models.fire_time_document(one) for one in told])


async def explain(scheduler: AsyncScheduler, query: models.ExplainQuery) -> models.Explanation:
    """Tell in one sentence why a schedule did or did not run at an instant, or what will happen then."""
    return models.Explanation(explanation=await scheduler.explain(query.id, query.instant))


HISTORY_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        run=get_fire_times,
        method="GET",
        changes=False,
        path="/schedule/fire-times",
        query=models.FireTimesQuery,
        answer=models.FireTimeList,
        errors=(404,),
    ),
    Operation(
        run=explain,
        method="GET",
        changes=False,
        path="/schedule/explain",
        query=models.ExplainQuery,
        answer=models.Explanation,
        errors=(404,),
    ),
)
