"""Frames as people paste them: hex with spaces or colons, framed by COBS or bare."""

import re
from dataclasses import dataclass

from weir_protocol.errors import PeerError
from weir_protocol.frames import peek_header
from weir_protocol.framing import DELIMITER, FRAME_SIZE_MAX, Deframer
from weir_tools import messages
from weir_tools.errors import Failed, Misused

_BETWEEN = re.compile(r"0[xX]|[\s:,]")


@dataclass(frozen=True, slots=True)
class WireFrame:
    """One frame, and how many bytes it took on the wire (as many, when it was given bare)."""

    frame: bytes
    wire_size: int
    is_framed: bool


def read_hex(text: str) -> bytes:
    """Turn hex digits into bytes; spaces, colons, commas and 0x between them do not matter."""
    digits = _BETWEEN.sub("", text)
    strange = re.search(r"[^0-9a-fA-F]", digits)
    if strange is not None:
        raise Misused(messages.NOT_HEX.format(character=strange[0]))
    if not digits:
        raise Misused(messages.NO_HEX)
    if len(digits) % 2:
        raise Misused(messages.ODD_HEX.format(count=len(digits)))
    return bytes.fromhex(digits)


def find_frames(wire: bytes) -> list[WireFrame]:
    """Find out how the frames are framed, by which reading gives headers that make sense.

    Raise Failed with the rule that is broken when none does.
    """
    refusal: PeerError | None = None
    for reading in _readings(wire):
        try:
            frames = reading()
            for found in frames:
                _check(found.frame)
        except PeerError as error:
            refusal = refusal or error
        else:
            return frames
    assert refusal is not None
    raise Failed(messages.NOT_A_FRAME.format(rule=refusal.rule, detail=refusal.detail))


def _readings(wire: bytes) -> "list[Reading]":
    """The likelier way to read the bytes comes first: its fault is the one to report."""
    framed, bare = Reading(wire, is_framed=True), Reading(wire, is_framed=False)
    return [bare, framed] if DELIMITER in wire[:-1] else [framed, bare]


@dataclass(frozen=True, slots=True)
class Reading:
    wire: bytes
    is_framed: bool

    def __call__(self) -> list[WireFrame]:
        if not self.is_framed:
            return [WireFrame(self.wire, len(self.wire), is_framed=False)]
        pieces = [piece for piece in self.wire.split(DELIMITER) if piece]
        if not pieces:
            raise PeerError("WL-FRM-04", "nothing but delimiters, which are idle fill")
        return [WireFrame(_unstuffed(piece), len(piece) + 1, is_framed=True) for piece in pieces]


def _unstuffed(piece: bytes) -> bytes:
    frames = Deframer().feed(piece + DELIMITER)
    if not frames:
        raise PeerError("WL-FRM-01", "the bytes are not COBS, or too many for a frame")
    return frames[0]


def _check(frame: bytes) -> None:
    if len(frame) > FRAME_SIZE_MAX:
        raise PeerError("WL-FRM-03", f"{len(frame)} bytes, the longest frame has {FRAME_SIZE_MAX}")
    peek_header(frame)
