"""Where messages come in: what the connection to a broker needs to know of those who listen."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that was subscribed to. The last two come with MQTT 5 only."""

    topic: str
    payload: bytes
    retained: bool = False
    response_topic: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Inlet:
    """What to subscribe to, and who hears of it on the event loop."""

    topics: tuple[str, ...]
    on_message: Callable[[Incoming], None]
