"""Jobs of Django sites in processes of their own."""

from __future__ import annotations

from pathlib import Path

from tests.examples.running import run_program

SETTINGS = """
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.db"}}
INSTALLED_APPS = ["anysched.integrations.django", "django.contrib.sessions"]
USE_TZ = True
ANYSCHED = {"data_store": "sqlite:///jobs.db", "tasks": ["newsletter"], "web_role": "both"}
"""

NEWSLETTER = """
from anysched import task
from django.contrib.sessions.models import Session  # models can be imported only when Django is set up
from django.db import connection

@task(id="describe", job_executor="process")
def describe(word, *, end):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return f"{Session._meta.app_label} {word}{end}"

@task(id="find", job_executor="process")
def find():
    return connection.connection is None
"""

MAIN = """
import os
import django

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    django.setup()
    from anysched.integrations.django import get_scheduler
    print(get_scheduler().run_job("describe", args=["found"], kwargs={"end": "!"}))
    print(get_scheduler().run_job("find"))
"""


def test_django_is_set_up(tmp_path: Path) -> None:
    """A job in a process finds Django set up and the database connection of the job before it closed."""
    for name, text in {"settings": SETTINGS, "newsletter": NEWSLETTER, "main": MAIN}.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    assert "sessions found!\nTrue\n" == run_program(tmp_path / "main.py", folder=tmp_path)
