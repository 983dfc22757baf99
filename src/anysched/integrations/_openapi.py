"""The HTTP interface described as OpenAPI, for both routers from the same table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from anysched.integrations._answers import InvalidRequest, Problem
from anysched.integrations._hold_operations import OPERATIONS
from anysched.integrations._operations import Operation
from anysched.integrations._requests import Body, Query

TAGS = ("schedules",)

_MEANINGS: Mapping[int, str] = {
    400: "The request did not arrive as a whole",
    403: "Not allowed, or sent by a page of another site",
    404: "There is no such schedule",
    409: "The schedule has changed, or cannot be handled on this node",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "A value is wrong",
    503: "The data store does not answer, or the scheduler does not run; ask again later",
}


def summary(operation: Operation) -> str:
    """Return the name of an operation in words."""
    return operation.name.replace("_", " ").capitalize()


def errors(operation: Operation) -> dict[int, tuple[str, type[BaseModel]]]:
    """Return what an operation may be refused with: the meaning and the model of the answer, by status."""
    of_body = () if operation.body is None else (400, 413, 415)
    statuses = {403, 422, 503, *of_body, *operation.errors}
    return {
        status: (_MEANINGS[status], InvalidRequest if status == 422 else Problem)
        for status in sorted(statuses)
    }


def request_part(operation: Operation) -> dict[str, Any]:
    """Return the description of what an operation takes."""
    part: dict[str, Any] = {"parameters": _parameters(operation.query)}
    if operation.body is not None:
        part["requestBody"] = _request_body(operation.body)
    return part


def document(url: str) -> dict[str, Any]:
    """Return the description of the whole interface, served under a URL."""
    answers = [operation.answer for operation in OPERATIONS if operation.answer is not None]
    described: list[type[BaseModel]] = [*answers, Problem, InvalidRequest]
    schemas = models_json_schema(
        [(model, "serialization") for model in described],
        ref_template="#/components/schemas/{model}",
    )[1]
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Schedules", "version": "1"},
        "servers": [{"url": url}],
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {
        str(operation.status): _response("Successful Response", operation.answer),
        **{str(status): _response(meaning, model) for status, (meaning, model) in errors(operation).items()},
    }
    return {
        "operationId": operation.name,
        "tags": list(TAGS),
        "summary": summary(operation),
        "description": operation.description,
        **request_part(operation),
        "responses": responses,
    }


def _parameters(query: type[Query]) -> list[dict[str, Any]]:
    schema = query.model_json_schema()
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": value}
        for name, value in schema.get("properties", {}).items()
    ]


def _request_body(body: type[Body]) -> dict[str, Any]:
    required = any(field.is_required() for field in body.model_fields.values())
    return {"required": required, "content": {"application/json": {"schema": body.model_json_schema()}}}


def _response(meaning: str, model: type[BaseModel] | None) -> dict[str, Any]:
    if model is None:
        return {"description": meaning}
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": meaning, "content": {"application/json": {"schema": reference}}}
