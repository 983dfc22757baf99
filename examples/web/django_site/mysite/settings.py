"""The smallest site that has schedules."""

from __future__ import annotations

import os
from pathlib import Path

BASE_DIR = Path(__file__).parents[1]
SECRET_KEY = "only for this example"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "mysite.urls"
WSGI_APPLICATION = "mysite.wsgi.application"
TIME_ZONE = "Europe/Helsinki"
USE_TZ = True

INSTALLED_APPS = ["anysched.integrations.django"]

ANYSCHED = {
    "data_store": os.environ.get("DATABASE_URL", f"sqlite:///{BASE_DIR / 'schedules.db'}"),
    "tasks": ["heart.tasks"],
    "schedules": "heart.schedules.declare",
}
