"""Frames on a byte stream: COBS with a zero delimiter (WL-FRM)."""

from cobs import cobs

DELIMITER = b"\x00"

FRAME_SIZE_MAX = 512
"""Longest frame a receiver accepts, in bytes before COBS (WL-FRM-03)."""

STREAM_FRAME_SIZE_MAX = 250
"""Longest frame a meter makes for a byte stream: a day of records, and one COBS block."""

MESSAGE_FRAME_SIZE_MAX = 140
"""Longest frame that fits one SMS."""

_ENCODED_SIZE_MAX = FRAME_SIZE_MAX + FRAME_SIZE_MAX // 254 + 1


def enframe(frame: bytes) -> bytes:
    """Return the bytes to write to a stream for one frame, delimiter included."""
    return bytes(cobs.encode(frame)) + DELIMITER


class Deframer:
    """Cuts a byte stream into frames. Holds at most one frame's bytes, whatever it is fed.

    ``malformed_count`` counts what had to be thrown away: bad COBS or too long. Empty frames
    (two delimiters in a row) are idle fill and not counted (WL-FRM-04).
    """

    def __init__(self) -> None:
        self.malformed_count = 0
        self._pending = bytearray()
        self._discarding = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes of the stream; return the frames that they complete, in order."""
        frames: list[bytes] = []
        *complete, rest = chunk.split(DELIMITER)
        for piece in complete:
            self._extend(piece)
            frame = self._finish()
            if frame is not None:
                frames.append(frame)
        self._extend(rest)
        return frames

    def _extend(self, piece: bytes) -> None:
        if self._discarding:
            return
        if len(self._pending) + len(piece) > _ENCODED_SIZE_MAX:
            self._discarding = True
            self._pending.clear()
        else:
            self._pending += piece

    def _finish(self) -> bytes | None:
        encoded = bytes(self._pending)
        discarded = self._discarding
        self._pending.clear()
        self._discarding = False
        if not discarded:
            if not encoded:
                return None
            try:
                return bytes(cobs.decode(encoded))
            except cobs.DecodeError:
                pass
        self.malformed_count += 1
        return None
