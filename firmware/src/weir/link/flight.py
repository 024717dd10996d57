"""The frames of a session that are under way, and those whose answer would still count."""

from micropython import const

REMEMBERED_FRAMES = 8  # the acknowledgement of an earlier attempt is a promise as well

# What a frame carries.
HELLO = const(0)
NEW = const(1)  # records in order, from the cursor on
ASKED = const(2)  # records that a BACKFILL asked for
REPLACED = const(3)  # records that an earlier BACKFILL asked for
ERRAND = const(4)  # anything but records; ``first`` is its number


class Sent:
    """A frame that was sent. Its records are from ``first`` up to but not including ``end``."""

    def __init__(self, counter: int, content: int, first: int, end: int, now_ms: int) -> None:
        self.counter = counter
        self.content = content
        self.first = first
        self.end = end
        self.now_ms = now_ms


class Flight:
    """waiting: the frames of this pass that are not answered, in the order of their counters."""

    def __init__(self) -> None:
        self.waiting: list[Sent] = []
        self._remembered: list[Sent] = []

    def clear(self) -> None:
        """Forget every frame: answers to them count no more."""
        self.waiting = []
        self._remembered = []

    def add(self, sent: Sent) -> None:
        self.waiting.append(sent)
        self._remembered.append(sent)
        if len(self._remembered) > REMEMBERED_FRAMES:
            self._remembered.pop(0)

    def find(self, counter: int) -> "Sent | None":
        """Return the frame whose answer counts, None for any other counter."""
        for sent in self._remembered:
            if sent.counter == counter:
                return sent
        return None

    def answered(self, sent: Sent) -> "list[Sent]":
        """Strike a frame; return those that still waited before it: they were lost."""
        self._remembered.remove(sent)  # its answer counts once
        before = [one for one in self.waiting if one.counter < sent.counter]
        self.waiting = [one for one in self.waiting if one.counter > sent.counter]
        return before

    def disown(self) -> None:
        """Repeat nothing of what was asked for so far: what is missing of it is asked for anew."""
        for sent in self.waiting:
            if sent.content == ASKED:
                sent.content = REPLACED

    def carries_new(self) -> bool:
        """Return whether a frame with new records is waited for."""
        return self._carries(NEW)

    def carries_errand(self) -> bool:
        """Return whether an errand is waited for."""
        return self._carries(ERRAND)

    def _carries(self, content: int) -> bool:
        return any(sent.content == content for sent in self.waiting)

    def restart(self) -> "list[Sent]":
        """Give up waiting; return what was waited for. A late answer still counts."""
        before = self.waiting
        self.waiting = []
        return before
