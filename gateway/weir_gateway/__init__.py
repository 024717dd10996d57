"""The gateway: stores what meters send, then publishes it to MQTT."""

VERSION = "0.1.0"
"""As in pyproject.toml. Stated here because looking it up costs a megabyte and 10 ms."""
