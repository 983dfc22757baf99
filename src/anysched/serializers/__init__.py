"""How arguments, results and metadata become bytes."""

from __future__ import annotations

from anysched.serializers.as_cbor import CBORSerializer as CBORSerializer
from anysched.serializers.as_json import JSONSerializer as JSONSerializer
from anysched.serializers.as_pickle import PickleSerializer as PickleSerializer
