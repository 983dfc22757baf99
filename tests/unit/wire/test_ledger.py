"""Records of history as text."""

from __future__ import annotations

import json
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from anysched.model.history import RunRecord
from anysched.model.job import JobException
from anysched.model.policies import JobKind, JobOutcome
from anysched.wire.ledger import record_from_plain, run_to_text

INSTANTS = st.datetimes(timezones=st.just(UTC))
TEXT = st.text(max_size=20)

RUNS = st.builds(
    RunRecord,
    st.uuids(),
    TEXT,
    st.uuids(),
    st.sampled_from(JobKind),
    st.none() | INSTANTS,
    INSTANTS,
    st.sampled_from(JobOutcome),
    INSTANTS,
    st.none() | INSTANTS,
    st.integers(1, 100),
    st.none() | TEXT,
    st.none() | st.builds(JobException, TEXT, TEXT),
)


@given(RUNS)
def test_runs(run: RunRecord) -> None:
    """Rule G1: a run is read as it was written, whatever is in its texts, which are JSON without spaces."""
    text = run_to_text(run)
    assert run == record_from_plain(json.loads(text), run.job_id)
    assert text == json.dumps(json.loads(text), separators=(",", ":"))
