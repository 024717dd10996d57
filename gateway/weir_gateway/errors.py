"""What can go wrong in the gateway, by who has to act."""


class GatewayError(Exception):
    """Base of every error raised on purpose here. Its text is one sentence for the operator."""


class ConfigError(GatewayError):
    """The operator must change a file. The text names it, the line and the key."""


class StoreUnavailable(GatewayError):
    """The database cannot take anything now. Nothing was stored: acknowledge nothing."""


class StoreUnusable(GatewayError):
    """The database file cannot be used at all. The gateway does not start."""


class UplinkRefused(GatewayError):
    """One uplink is not taken into custody and not answered. ``reason`` is a counter's name."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Refusal(GatewayError):
    """A request over the local interface cannot be granted. ``status`` is the HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
