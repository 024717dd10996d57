"""How long an alarm takes from a meter to a subscriber of the broker, and a reading on request."""
