"""What the engine asks of stores, brokers, executors and serializers. Protocols only."""
