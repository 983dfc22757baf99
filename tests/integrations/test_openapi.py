"""The interface is described for machines: completely, and alike in both frameworks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import APIKeyQuery, HTTPAuthorizationCredentials, HTTPBearer
from starlette.testclient import TestClient
from tests.integrations.support import PREFIX, serving

from anysched.integrations._table import OPERATIONS
from anysched.integrations.fastapi import get_scheduler, lifespan, router
from anysched.testing import ManualScheduler

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "http.md"


bearer = HTTPBearer()
api_key = APIKeyQuery(name="key")


def user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    """Return the user that a token belongs to."""
    if credentials.credentials != "secret":
        raise HTTPException(401, "unknown token")
    return "ann"


def by_token(name: Annotated[str, Depends(user)]) -> str:
    """Allow all users, by their names."""
    return name


async def by_key(key: Annotated[str, Depends(api_key)], tenant: str = "none") -> bool:
    """Allow one tenant."""
    return (key, tenant) == ("k", "t")


def without_null_defaults(value: Any) -> Any:
    """Return a description as FastAPI writes it, which leaves out defaults that are null."""
    if isinstance(value, dict):
        return {
            name: without_null_defaults(part)
            for name, part in value.items()
            if not (name == "default" and part is None)
        }
    return [without_null_defaults(part) for part in value] if isinstance(value, list) else value


def references(value: Any) -> set[str]:
    """Return all that a description refers to."""
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*map(references, value.values()))
    return set[str]().union(*map(references, value)) if isinstance(value, list) else set()


def test_both_describe_the_same() -> None:
    """Both frameworks describe the same operations, with the same parameters, bodies, answers and errors."""
    with serving("starlette") as api:
        of_starlette = api("GET", "/openapi.json").json()
    with serving("fastapi") as api:
        of_fastapi = api.client.get("/openapi.json").json()
    assert [{"url": PREFIX}] == of_starlette["servers"]
    paths = {PREFIX + path: operations for path, operations in of_starlette["paths"].items()}
    assert without_null_defaults(paths) == of_fastapi["paths"]
    assert of_starlette["components"] == of_fastapi["components"]


def test_it_is_complete() -> None:
    """Every operation has an id of its own, and tells of its answers and of each error that all can end with."""
    with serving("starlette") as api:
        described = api("GET", "/openapi.json").json()
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(OPERATIONS) == len(ids) == len(set(ids))
    for operation in operations:
        assert {"403", "422", "503"} < set(operation["responses"])
        assert operation["description"]
        for status, answer in operation["responses"].items():
            assert ("content" in answer) is (status != "204"), (operation["operationId"], status)
    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    assert references(described) == known


def test_the_page_tells_of_all_operations() -> None:
    """The reference page has each operation, with its method, its path and its errors."""
    rows = re.findall(
        r"^\| `(\w+) (\S+?)(?:\?[^`]*)?` \| `(\w+)` \|.*\| ([\d, ]*)\|$", PAGE.read_text(), re.MULTILINE
    )
    told = [(method, path, name, tuple(re.findall(r"\d+", errors))) for method, path, name, errors in rows]
    assert told == [
        (operation.method, operation.path, operation.name, tuple(map(str, operation.errors)))
        for operation in OPERATIONS
    ]


def test_a_dependency_says_who_may() -> None:
    """In FastAPI, a dependency with dependencies of its own says who may, and its security schemes are described."""
    app = FastAPI(lifespan=lifespan(ManualScheduler))
    app.include_router(router(authorize=by_token))
    with TestClient(app) as client:
        assert 401 == client.get("/schedules").status_code
        wrong = client.get("/schedules", headers={"authorization": "Bearer wrong"})
        assert (401, {"detail": "unknown token"}) == (wrong.status_code, wrong.json())
        assert 200 == client.get("/schedules", headers={"authorization": "Bearer secret"}).status_code
        described = client.get("/openapi.json").json()
    assert {"HTTPBearer"} == set(described["components"]["securitySchemes"])
    for path in described["paths"].values():
        for operation in path.values():
            assert [{"HTTPBearer": []}] == operation["security"]


def test_a_dependency_may_have_parameters() -> None:
    """Parameters of such a dependency stand beside those of the operations, in requests and in the description."""
    app = FastAPI(lifespan=lifespan(ManualScheduler))
    app.include_router(router(authorize=by_key))
    with TestClient(app) as client:
        assert 403 == client.get("/schedules", params={"key": "k"}).status_code
        assert 200 == client.get("/schedules", params={"key": "k", "tenant": "t"}).status_code
        shown = client.get("/openapi.json").json()["paths"]["/schedule"]["get"]["parameters"]
    assert ["tenant", "id"] == [parameter["name"] for parameter in shown]


def test_dependencies_can_be_overridden() -> None:
    """Tests of an application can put another scheduler, and another ``authorize``, in the place of its own."""

    def authorize() -> bool:
        return False

    app = FastAPI()
    app.include_router(router(authorize=authorize))
    scheduler = ManualScheduler()
    app.dependency_overrides = {authorize: lambda: True, get_scheduler: lambda: scheduler}
    assert 503 == TestClient(app).get("/schedules").status_code
