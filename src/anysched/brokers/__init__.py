"""Event brokers."""

from anysched.brokers.local import LocalEventBroker as LocalEventBroker
