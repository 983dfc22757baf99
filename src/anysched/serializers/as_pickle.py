"""For data that nobody else can write."""

from __future__ import annotations

import logging
import pickle
from typing import Any, ClassVar

from anysched.errors import DeserializationError, SerializationError

logger: logging.Logger = logging.getLogger(__name__)


class PickleSerializer:
    """Writes pickles: takes nearly anything, and trusts whatever it reads.

    Reading a pickle can run any code. Whoever can write to the data store, or to a backup of it, can then run
    code on every node; rule N5 does not hold. Pickles also break when a class moves or changes. Choose this
    only if nobody but you can write to the store, and the values cannot be written otherwise; to register
    their types is the safer way. The first one made in a process says so in the log.
    """

    name = "pickle"
    _warned: ClassVar[bool] = False

    def __init__(self) -> None:
        if not PickleSerializer._warned:
            PickleSerializer._warned = True
            logger.warning(
                "PickleSerializer is in use: whoever can write to the data store can run code in this process"
            )

    def dumps(self, value: object) -> bytes:
        """Return a value as a pickle.

        :raise SerializationError: when it cannot be pickled
        """
        try:
            return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        except Exception as exc:
            raise SerializationError(f"cannot pickle the value: {exc}") from exc

    def loads(self, data: bytes) -> Any:
        """Return the value that was written; runs whatever the bytes say.

        :raise DeserializationError: when they cannot be read
        """
        try:
            return pickle.loads(data)
        except Exception as exc:
            raise DeserializationError(f"cannot read the pickle: {exc!r}") from exc
