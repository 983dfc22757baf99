from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from anysched import ScheduleLookupError, ScheduleSnapshot
from anysched.integrations.django import get_scheduler


def as_json(schedule: ScheduleSnapshot) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "status": str(schedule.status),
        "next_fire_time": schedule.next_fire_time,
        "jobs_made": schedule.state.jobs_made,
    }


def list_schedules(request: HttpRequest) -> JsonResponse:
    return JsonResponse([as_json(schedule) for schedule in get_scheduler().get_schedules()], safe=False)


@require_POST
def pause(request: HttpRequest, id: str) -> JsonResponse:
    try:
        get_scheduler().pause_schedule(id)
    except ScheduleLookupError as exc:
        return JsonResponse({"detail": str(exc)}, status=404)
    return JsonResponse(as_json(get_scheduler().get_schedule(id)))


@require_POST
def unpause(request: HttpRequest, id: str) -> JsonResponse:
    try:
        get_scheduler().unpause_schedule(id, missed="skip")
    except ScheduleLookupError as exc:
        return JsonResponse({"detail": str(exc)}, status=404)
    return JsonResponse(as_json(get_scheduler().get_schedule(id)))
