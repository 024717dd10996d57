"""Waits for two streams together. MicroPython's poll tells streams, CPython's their numbers."""

import select

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from typing import Protocol

    class Stream(Protocol):
        def fileno(self) -> int: ...


class Poller:
    """Watches one stream that is always there and at most one that comes and goes."""

    def __init__(self, always: "Stream") -> None:
        self._always_names: tuple[object, ...] = (always, always.fileno())
        self._poll = select.poll()
        self._poll.register(always, select.POLLIN)
        self._watched: Stream | None = None

    def watch(self, stream: "Stream", *, writing: bool) -> None:
        """Watch for bytes to read, and for room to write when ``writing``."""
        events = select.POLLIN | select.POLLOUT if writing else select.POLLIN
        if self._watched is stream:
            self._poll.modify(stream, events)
        else:
            self._poll.register(stream, events)
            self._watched = stream

    def ignore(self) -> None:
        """Stop watching the stream that comes and goes; call it before that one is closed."""
        if self._watched is not None:
            self._poll.unregister(self._watched)
            self._watched = None

    def wait(self) -> "tuple[bool, int]":
        """Block; return whether the lasting stream has bytes, and the other's poll events."""
        always = False
        events = 0
        for ready, flags in self._poll.poll():
            if ready in self._always_names:
                always = True
            else:
                events = flags
        return always, events
