"""Servers that tests use: named by URL in the environment, else looked for on this machine.

Where nothing answers, tests skip with the reason; with ANYSCHED_REQUIRE_SERVICES=1 they fail instead.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

POSTGRESQL = "postgresql+psycopg://postgres@127.0.0.1:5432/test"


def unavailable(name: str, reason: object) -> None:
    """Skip a test whose server does not answer, or fail it where all servers must be there."""
    said = f"{name} does not answer: {reason}"
    if os.environ.get("ANYSCHED_REQUIRE_SERVICES") == "1":
        pytest.fail(said)
    pytest.skip(said)


@contextmanager
def postgresql_schema() -> Iterator[tuple[sa.Engine, str]]:
    """Lend an engine that works in a new schema, and the name of that, which is dropped afterwards."""
    pytest.importorskip("psycopg")
    url = os.environ.get("ANYSCHED_TEST_POSTGRESQL", POSTGRESQL)
    schema = f"anysched_test_{uuid4().hex[:12]}"
    engine = sa.create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": 3, "options": f"-csearch_path={schema}"},
    )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    except SQLAlchemyError as exc:
        engine.dispose()
        unavailable("PostgreSQL", exc)
    try:
        yield engine, schema
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
        engine.dispose()
