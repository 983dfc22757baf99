"""What is wrong with a request is told, alike in both frameworks, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engine.support import StoreProxy
from tests.integrations.support import Api, application, noop, serving

from anysched import DeserializationError, IntervalTrigger, StoreUnavailableError
from anysched.stores import MemoryDataStore
from anysched.testing import ManualScheduler

JSON = {"content-type": "application/json"}
TOO_MUCH = 65_537

#: Bodies of a pause that are wrong, and where.
BAD_VALUES: list[tuple[dict[str, Any], list[str]]] = [
    ({"untill": "2026-01-01T00:00:00Z"}, ["body", "untill"]),
    ({"until": "2026-01-01T00:00:00"}, ["body", "until"]),
    ({"until": "2026-01-01"}, ["body", "until"]),
    ({"until": "soon"}, ["body", "until"]),
    ({"until": 1_800_000_000}, ["body", "until"]),
    ({"until": "1800000000"}, ["body", "until"]),
    ({"until": True}, ["body", "until"]),
    ({"until": "2024-12-31T23:59:59Z"}, ["body"]),
    ({"until": "0001-01-01T00:00:00+14:00"}, ["body"]),
    ({"resume_from": "now"}, ["body"]),
    ({"missed": "skip"}, ["body"]),
    ({"missed": "everything"}, ["body", "missed"]),
    ({"missed": 1}, ["body", "missed"]),
    ({"missed": {"spacing": "PT1M"}}, ["body", "missed"]),
    ({"missed": {"spacing": 1e300}}, ["body", "missed"]),
    ({"missed": {"spacing": 1, "coalesce": "latest"}}, ["body", "missed"]),
    ({"missed": {"every": 1}}, ["body", "missed"]),
    ({"queued": None}, ["body", "queued"]),
    ({"reason": 1}, ["body", "reason"]),
    ({"reason": "a\0b"}, ["body"]),
    ({"by": ["ann"]}, ["body", "by"]),
    ({"version": 1}, ["body", "version"]),
]

#: Queries that are wrong, and where.
BAD_QUERIES: list[tuple[str, str, str, str]] = [
    ("GET", "/schedule", "", "id"),
    ("GET", "/schedule", "id=", "id"),
    ("GET", "/schedule", "id=" + "x" * 501, "id"),
    ("GET", "/schedule", "id=a%00b", "id"),
    ("GET", "/schedule", "id=a&id=b", "id"),
    ("POST", "/schedule/pause", "", "id"),
    ("POST", "/schedule/unpause", "", "id"),
    ("POST", "/schedule/run", "", "id"),
    ("DELETE", "/schedule", "version=x", "id"),
    ("DELETE", "/schedule", "id=a&version=x&version=y", "version"),
    ("GET", "/schedule/preview-unpause", "id=a&resume_from=2026-01-01T00:00:00", "resume_from"),
    ("GET", "/schedule/preview-unpause", "id=a&resume_from=2026-01-01T00:00:00+01:00", "resume_from"),
    ("GET", "/schedule/preview-unpause", "id=a&resume_from=1800000000", "resume_from"),
    ("GET", "/schedule/preview-unpause", "id=a&missed=everything", "missed"),
    ("GET", "/schedule/fire-times", "id=a&start=yesterday", "start"),
    ("GET", "/schedule/fire-times", "id=a&limit=1001", "limit"),
    ("GET", "/schedule/explain", "id=a&instant=2026-01-01T00:00:00", "instant"),
    ("GET", "/schedule/clock-changes", "id=a&count=0", "count"),
    ("GET", "/schedule/preview-unpause", "id=a&missed={", "missed"),
    ("GET", "/schedule/preview-unpause", 'id=a&missed={"max_jobs": 0}', "missed"),
    ("GET", "/schedules", "limit=0", "limit"),
    ("GET", "/schedules", "limit=1001", "limit"),
    ("GET", "/schedules", "limit=ten", "limit"),
    ("GET", "/schedules", "paused=perhaps", "paused"),
    ("GET", "/schedules", "status=odd", "status"),
    ("GET", "/schedules", "task_id=a%00b", "task_id"),
]


def test_values_of_bodies(api: Api) -> None:
    """A wrong value is refused with 422, and the place where it stands."""
    api.add("a")
    before = api.show("a")
    for body, where in BAD_VALUES:
        answer = api("POST", "/schedule/pause", "a", json=body)
        assert 422 == answer.status_code, body
        problems = answer.json()["detail"]
        assert where == problems[0]["loc"][: len(where)], body
        assert all({"loc", "msg", "type"} == set(problem) for problem in problems)
    assert before == api.show("a")
    assert 422 == api("POST", "/schedule/unpause", "a", json={"until": "2026-01-01T00:00:00Z"}).status_code


def test_bodies_that_are_no_json_object(api: Api) -> None:
    """What is not JSON, or not an object, is refused with 422."""
    api.add("a")
    before = api.show("a")
    bodies = [
        b"{",
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b" ",
        b"[" * 10_000,
        b'{"reason": "\\ud800"}',
    ]
    for body in bodies:
        answer = api("POST", "/schedule/pause", "a", content=body, headers=JSON)
        assert 422 == answer.status_code, body[:10]
        assert "body" == answer.json()["detail"][0]["loc"][0]
    assert before == api.show("a")


def test_bodies_of_other_types(api: Api) -> None:
    """A body that does not say that it is JSON is refused with 415: forms of other sites cannot say so."""
    api.add("a")
    types = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json", None]
    for content_type in types:
        headers = {} if content_type is None else {"content-type": content_type}
        answer = api("POST", "/schedule/pause", "a", content=b"{}", headers=headers)
        assert 415 == answer.status_code, content_type
        assert "application/json" in answer.json()["detail"]
    assert not api.show("a")["paused"]


def test_the_type_of_a_body_may_have_parameters(api: Api) -> None:
    """Content types are compared without case and parameters."""
    api.add("a")
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert 200 == api("POST", "/schedule/pause", "a", content=b"{}", headers=headers).status_code


def test_bodies_that_are_too_large(api: Api) -> None:
    """More than 64 KiB are refused with 413."""
    api.add("a")
    content = b" " * (TOO_MUCH - 2) + b"{}"
    answer = api("POST", "/schedule/pause", "a", content=content, headers=JSON)
    assert 413 == answer.status_code
    assert "65536" in answer.json()["detail"]
    assert not api.show("a")["paused"]
    assert 200 == api("POST", "/schedule/pause", "a", content=content[1:], headers=JSON).status_code


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([{"body": b" " * 40_000, "more_body": True}, {"body": b" " * 40_000, "more_body": True}], 413),
        ([{"body": b'{"reason":', "more_body": True}, {"type": "http.disconnect"}], 400),
        ([{"body": b'{"rea', "more_body": True}, {"body": b'son": "x"}'}], 200),
    ],
    ids=["endless", "broken off", "in parts"],
)
async def test_bodies_in_parts(framework: str, messages: list[dict[str, Any]], status: int) -> None:
    """A body is read no further than it may be long, and one that breaks off changes nothing."""
    scheduler = ManualScheduler()
    app = application(framework, scheduler)
    left, sent = list(messages), list[Any]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", **left.pop(0)}

    async def send(message: Any) -> None:
        sent.append(message)

    async with app.router.lifespan_context(app) as state:
        await scheduler.add_schedule(noop, IntervalTrigger(hours=1), id="a")
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/admin/schedule/pause",
            "query_string": b"id=a",
            "headers": [(b"content-type", b"application/json")],
            "state": dict(state),
        }
        await app(scope, receive, send)
        assert (status == 200) is (await scheduler.get_schedule("a")).paused
    assert (status, []) == (sent[0]["status"], left)


def test_queries(api: Api) -> None:
    """A wrong or doubled value in the query is refused with 422, and its name."""
    api.add("a")
    before = api.show("a")
    for method, path, query, name in BAD_QUERIES:
        answer = api.client.request(method, f"/admin{path}?{query}")
        assert 422 == answer.status_code, query
        assert ["query", name] == answer.json()["detail"][0]["loc"][:2], query
    assert before == api.show("a")


def test_what_is_said_about_queries(api: Api) -> None:
    """A doubled value is told as such, an instant that cannot be read without names from the inside, a lost + too."""
    [doubled] = api.client.get("/admin/schedule?id=a&id=b").json()["detail"]
    assert {"type": "value_error", "loc": ["query", "id"], "msg": "must be given once"} == doubled
    [wrong] = api("GET", "/schedule/preview-unpause", "a", params={"resume_from": "soon"}).json()["detail"]
    assert ["query", "resume_from"] == wrong["loc"]
    url = "/admin/schedule/preview-unpause?id=a&resume_from=2026-01-01T00:00:00+01:00"
    [unescaped] = api.client.get(url).json()["detail"]
    assert "the + before an offset is written %2B" in unescaped["msg"]


def test_values_that_are_not_ours(api: Api) -> None:
    """A name that the interface does not know may stand in the query as often as it likes."""
    assert 200 == api.client.get("/admin/schedules?key=x&key=y").status_code


def test_unknown_ids(api: Api) -> None:
    """An id that is not there is answered with 404 and a sentence that names it."""
    for method, path in [
        ("GET", "/schedule"),
        ("POST", "/schedule/pause"),
        ("POST", "/schedule/unpause"),
        ("GET", "/schedule/preview-unpause"),
        ("GET", "/schedule/fire-times"),
        ("GET", "/schedule/explain"),
        ("GET", "/schedule/clock-changes"),
        ("POST", "/schedule/run"),
        ("DELETE", "/schedule"),
    ]:
        answer = api(method, path, "nobody")
        assert 404 == answer.status_code, path
        assert {"detail": "there is no schedule with the id 'nobody'"} == answer.json()


def test_other_routes(api: Api) -> None:
    """What is not among the operations is left to the application."""
    assert 405 == api("PUT", "/schedule", "a").status_code
    assert 404 == api("GET", "/nothing").status_code


def test_a_store_that_is_down(framework: str, anyio_backend: str) -> None:
    """While the store does not answer, requests are answered with 503, and afterwards as ever (rule N3)."""
    store = StoreProxy(MemoryDataStore())
    with serving(framework, store, backend=anyio_backend) as api:
        api.add("a")
        store.fail(["get_schedules", "transact_schedules"], StoreUnavailableError("secret:5432 is gone"))
        for method, path in [("GET", "/schedules"), ("POST", "/schedule/pause"), ("DELETE", "/schedule")]:
            answer = api(method, path, "a")
            assert 503 == answer.status_code
            assert "5" == answer.headers["retry-after"]
            assert {"detail": "the data store does not answer; ask again later"} == answer.json()
        store.faults.clear()
        assert 200 == api("POST", "/schedule/pause", "a").status_code


def test_a_scheduler_that_has_stopped(api: Api) -> None:
    """Requests that come when the scheduler does not run are answered with 503."""
    api.do(api.scheduler.stop)
    answer = api("GET", "/schedules")
    assert 503 == answer.status_code
    assert "5" == answer.headers["retry-after"]
    assert {"detail": "the scheduler is not running; ask again later"} == answer.json()


def test_a_schedule_of_other_nodes(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A schedule that cannot be read on this node cannot be run from it: that is a conflict, and says why."""

    async def run_schedule(id: str, **_: object) -> None:
        raise DeserializationError("schedule 'a' cannot be run from this node: no such type")

    monkeypatch.setattr(api.scheduler, "run_schedule", run_schedule)
    answer = api("POST", "/schedule/run", "a")
    assert 409 == answer.status_code
    assert {"detail": "schedule 'a' cannot be run from this node: no such type"} == answer.json()


@pytest.mark.parametrize("error", [RuntimeError, ValueError, KeyError])
def test_a_fault_of_the_program(
    framework: str, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """Anything else is the application's to log and to answer with 500, which tells nothing of it."""
    with serving(framework, raises=False) as api:

        async def get_schedules(**conditions: object) -> None:
            raise error("secret")

        monkeypatch.setattr(api.scheduler, "get_schedules", get_schedules)
        answer = api("GET", "/schedules")
        assert 500 == answer.status_code
        assert "secret" not in answer.text
        assert 404 == api("GET", "/schedule", "a").status_code
