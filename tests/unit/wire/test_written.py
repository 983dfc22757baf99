"""What earlier versions wrote can be read, and means the same, in every serializer and every store (rule N5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from tests.unit.wire.writing import (
    EXAMPLES,
    FOLDER,
    NOON,
    SERIALIZERS,
    as_bytes,
    as_text,
    entries_of,
    file_of,
    own_types,
)

from anysched import Trigger
from anysched.errors import DeserializationError, UnknownTypeError
from anysched.stores import SQLDataStore
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import User, every
from anysched.wire.registry import DEFAULT_REGISTRY, TypeRegistry
from anysched.wire.values import from_plain, to_plain

#: Those that a schedule may have; the others are calendars, which are parts of them.
TRIGGERS = [tag for tag, examples in EXAMPLES.items() if isinstance(examples[-1], Trigger)]

every_type = pytest.mark.parametrize("tag", sorted(EXAMPLES))
HOW = "write it down by `PYTHONPATH=src python -m tests.unit.wire.writing`"


def test_nothing_is_missing() -> None:
    """Rule N5: of every type and version that anysched registers, what it writes is kept; add a line to EXAMPLES."""
    assert own_types() <= EXAMPLES.keys(), "add examples to EXAMPLES in tests/unit/wire/writing.py"
    assert {file_of(tag) for tag in EXAMPLES} == set(FOLDER.iterdir()), HOW
    for tag, values in EXAMPLES.items():
        assert len(values) == len(entries_of(tag)), HOW


@every_type
@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_what_was_written_is_read(tag: str, serializer: str) -> None:
    """Rule N5: what any version wrote gives the value that it stood for, in each serializer."""
    for value, entry in zip(EXAMPLES[tag], entries_of(tag), strict=True):
        assert value == SERIALIZERS[serializer].loads(as_bytes(entry[serializer], serializer))


@every_type
@pytest.mark.parametrize("serializer", ["json", "cbor"])
def test_the_same_is_written(tag: str, serializer: str) -> None:
    """Rule N5: what a version writes does not change: other fields are another version, for those who read it."""
    for value, entry in zip(EXAMPLES[tag], entries_of(tag), strict=True):
        if DEFAULT_REGISTRY.find_class(type(value)) is DEFAULT_REGISTRY.resolve(tag):
            assert entry[serializer] == as_text(SERIALIZERS[serializer].dumps(value), serializer), (
                f"{tag} writes something else than it did: raise its version, and keep reading the old one"
            )


def test_the_examples_say_all_that_there_is() -> None:
    """Rule N5: each field of a trigger differs from its default in some example, so that its form is kept."""
    for tag, values in EXAMPLES.items():
        for field in attrs.fields(type(values[0])):
            if field.init and field.default is not attrs.NOTHING:
                assert any(getattr(value, field.name) != field.default for value in values), (tag, field.name)


@every_type
def test_a_newer_version(tag: str) -> None:
    """Rules N5 and S2: a version that is not known here is named, with those that are, and what to do."""
    name, _, version = tag.rpartition("@")
    plain: Any = to_plain(EXAMPLES[tag][0])
    with pytest.raises(UnknownTypeError) as caught:
        from_plain({**plain, "$": f"{name}@99"})
    assert (name, 99) == (caught.value.type_name, caught.value.version)
    assert int(version) in caught.value.known
    assert (
        f"(version 99): this program knows version {version}, and what was written is newer: upgrade it"
        in str(caught.value)
    )


def test_an_older_version() -> None:
    """Rule N5: a version that is no longer known here asks for its old shape; an unknown type to be registered."""
    registry = TypeRegistry()

    @attrs.frozen
    class Thing:
        size: int

    registry.register(Thing, "thing", version=2)
    registry.register(attrs.make_class("Newer", ["size"]), "thing", version=3)
    for tag, message in (
        (
            "thing@1",
            r"thing \(version 1\): this program knows versions 2, 3: register the shape of the old version",
        ),
        ("other@1", r"other \(version 1\): register it with register_type\(\)"),
        ("other@x", "as other@x: register it"),
    ):
        with pytest.raises(UnknownTypeError, match=message):
            from_plain({"$": tag, "v": {"size": 1}}, registry)


@every_type
def test_fields_that_are_not_known(tag: str) -> None:
    """Rule N5: a field too many or too few is damage, whatever its name; nothing is guessed."""
    plain: Any = to_plain(EXAMPLES[tag][-1])
    with pytest.raises(DeserializationError):
        from_plain({**plain, "v": {**plain["v"], "surprise": 1}})


@pytest.mark.anyio
async def test_in_a_store(tmp_path: Path) -> None:
    """Rules N5 and N8: a store reads what was written of triggers as their schedules had it, with each serializer."""
    clock = FakeClock(NOON)
    for name, serializer in SERIALIZERS.items():
        path = tmp_path / f"{name}.db"
        store = SQLDataStore(f"sqlite:///{path}", serializer=serializer)
        await store.open(clock)
        user, kept = User(store), {tag: entries_of(tag)[-1]["json"] for tag in TRIGGERS}
        await user.add(*(every(id=tag, args=(tag,)) for tag in kept))
        engine = sa.create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            for tag, text in kept.items():
                connection.exec_driver_sql(
                    "UPDATE anysched_configs SET configuration = replace(configuration, ?, ?) WHERE id ="
                    " (SELECT config_id FROM anysched_schedules WHERE id = ?)",
                    (SERIALIZERS["json"].dumps(every().trigger).decode(), text, tag),
                )
        engine.dispose()
        await store.close()
        again = SQLDataStore(f"sqlite:///{path}", serializer=serializer)
        await again.open(clock)
        found = {snapshot.id: snapshot for snapshot in await User(again).schedules()}
        assert {tag: (EXAMPLES[tag][-1], None) for tag in TRIGGERS} == {
            key: (snapshot.trigger, snapshot.fault) for key, snapshot in found.items()
        }
        await again.close()
