"""anysched as a Django application: ``INSTALLED_APPS = [..., "anysched.integrations.django"]``.

The setting ``ANYSCHED`` says where schedules are kept and what they run. ``manage.py runscheduler`` runs the
jobs; web processes operate the schedules through ``get_scheduler()``.
"""

from anysched.integrations._extras import needs as _needs

with _needs("django", ("django",)):
    from anysched.integrations.django._scheduling import get_scheduler as get_scheduler
