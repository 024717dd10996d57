"""The programs that a gateway meets, played for tests: meters, a broker, a consumer, an owner."""
