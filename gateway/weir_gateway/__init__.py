"""The gateway: stores what meters send, then publishes it to MQTT."""
