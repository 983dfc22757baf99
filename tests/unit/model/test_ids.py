"""Time-ordered ids."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from anysched.model.ids import IdFactory, new_id

NOW = datetime(2026, 1, 1, 12, 30, 0, 123_456, tzinfo=UTC)
SINCE_1970 = (NOW - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def test_form() -> None:
    """rule S3: ids are UUIDs of version 7, so that they sort by the time of their making."""
    made = new_id(NOW)
    assert (7, "specified in RFC 4122") == (made.version, made.variant)
    assert SINCE_1970 == made.int >> 80


def test_what_it_is() -> None:
    """rule S3: an id is what Python's own UUID of the same number is, also when it is copied."""
    made = new_id(NOW)
    assert UUID(int=made.int) == made == pickle.loads(pickle.dumps(made))
    assert (UUID(int=made.int).is_safe, str(UUID(int=made.int))) == (made.is_safe, str(made))


def test_text() -> None:
    """rule S3: the text of a new id is what that id would have."""
    text = new_id.text(NOW)
    assert UUID(text).hex == text
    assert (7, SINCE_1970) == (UUID(text).version, UUID(text).int >> 80)


def test_order() -> None:
    """rule N8: ids made for one instant sort in the order in which they were made."""
    ids = [new_id(NOW) for _ in range(2_000)]
    assert sorted(ids) == ids
    assert new_id(NOW - timedelta(milliseconds=1)) < ids[0]
    assert ids[-1] < new_id(NOW + timedelta(milliseconds=1))


def test_order_of_many() -> None:
    """rule N8: the order holds where the number carries over into its upper part."""
    factory = IdFactory()
    factory._number = count(0xF_FFFE)
    ids = [factory(NOW) for _ in range(5)]
    assert sorted(ids) == ids


def test_unique_in_threads() -> None:
    """rule S3: threads that make ids at once never make the same, as stores decide in threads."""
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: [new_id(NOW) for _ in range(2_000)], range(8)))
    assert 16_000 == len({made for some in ids for made in some})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_unique_after_a_fork() -> None:
    """rule S3: a forked process does not repeat the ids of the other."""
    program = """
import os
from datetime import UTC, datetime
from anysched.model.ids import new_id

new_id(datetime.now(UTC))
reading, writing = os.pipe()
child = os.fork()
for _ in range(100):
    os.write(writing, new_id(datetime.now(UTC)).bytes)
if not child:
    os._exit(0)
os.waitpid(child, 0)
data = os.read(reading, 3200)
assert len(data) == 3200
assert len({data[at + 10 : at + 16] for at in range(0, 3200, 16)}) == 200
"""
    subprocess.run([sys.executable, "-c", program], check=True)
