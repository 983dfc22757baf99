from __future__ import annotations

from django.urls import path
from heart import views

urlpatterns = [
    path("schedules", views.list_schedules),
    path("schedules/<id>/pause", views.pause),
    path("schedules/<id>/unpause", views.unpause),
]
