"""Frames on a byte stream: COBS with a zero delimiter (WL-FRM)."""


def enframe(frame: bytes) -> bytes:
    """Return the stream bytes of one frame, delimiter included."""
    size = len(frame)
    out = bytearray(size + size // 254 + 2)
    code_at = 0
    position = 1
    for byte in frame:
        if position - code_at == 255:
            out[code_at] = 255
            code_at = position
            position += 1
        if byte:
            out[position] = byte
        else:
            out[code_at] = position - code_at
            code_at = position
        position += 1
    out[code_at] = position - code_at
    return bytes(memoryview(out)[: position + 1])


def _unstuff(encoded: bytes) -> bytes | None:
    """Return the frame inside one COBS block, or None when it is malformed."""
    frame = bytearray(len(encoded))
    size = 0
    position = 0
    while position < len(encoded):
        run = encoded[position] - 1
        position += 1
        if position + run > len(encoded):
            return None
        frame[size : size + run] = encoded[position : position + run]
        size += run
        position += run
        if run < 254 and position < len(encoded):
            frame[size] = 0
            size += 1
    return bytes(memoryview(frame)[:size])


class Deframer:
    """Cuts a byte stream into frames; holds at most ``frame_size_max`` and its overhead."""

    def __init__(self, frame_size_max: int) -> None:
        self.malformed_count = 0
        self._pending = bytearray(frame_size_max + frame_size_max // 254 + 1)
        self._size = 0
        self._discarding = False

    def feed(self, chunk: bytes) -> "list[bytes]":
        """Take the next bytes; return the frames that they complete, in order."""
        frames = []
        for byte in chunk:
            if byte:
                self._take(byte)
                continue
            frame = _unstuff(bytes(memoryview(self._pending)[: self._size]))
            if self._discarding or frame is None:
                self.malformed_count += 1
            elif self._size:
                frames.append(frame)
            self._size = 0
            self._discarding = False
        return frames

    def _take(self, byte: int) -> None:
        if self._size == len(self._pending):
            self._discarding = True
        else:
            self._pending[self._size] = byte
            self._size += 1
