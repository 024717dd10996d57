"""Between bytes of the link and bodies: framing, header and seal (WL-FRM, WL-HDR, WL-SEA)."""

from micropython import const
from weir.link import codec, sealing
from weir.link.framing import Deframer, enframe

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Sequence


class Downlink:
    """A frame of the gateway that opened. ``values`` and ``items`` are as the layout has them."""

    def __init__(
        self,
        frame_type: int,
        counter: int,
        values: "tuple[int, ...]",
        items: "Sequence[tuple[int, ...]]",
    ) -> None:
        self.type = frame_type
        self.counter = counter
        self.values = values
        self.items = items


class Envelope:
    """Seals the uplinks of one meter, and opens its downlinks."""

    def __init__(self, sealer: sealing.Sealer, frame_size_max: int) -> None:
        self._sealer = sealer
        self._deframer = Deframer(frame_size_max)

    def feed(self, chunk: bytes) -> "list[bytes]":
        """Return the frames that end in ``chunk``, not opened."""
        return self._deframer.feed(chunk)

    def open(self, frame: bytes) -> "Downlink | None":
        """Return the downlink, or None when it is none of this meter."""
        split = codec.split_downlink(frame)
        if split is None or split[1] != self._sealer.meter_id:
            return None
        frame_type, _, counter, size = split
        nonce = self._sealer.nonce(counter, sealing.DOWNLINK)
        body = self._sealer.open(nonce, frame[:size], frame[size:])
        unpacked = codec.unpack_body(frame_type, body) if body is not None else None
        if unpacked is None:
            return None
        return Downlink(frame_type, counter, unpacked[0], unpacked[1])

    def seal(self, frame_type: int, body: bytes) -> "tuple[int, bytes]":
        """Return the counter and the stream bytes of an uplink. No two have one counter."""
        sealer = self._sealer
        counter = sealer.next_counter()
        header = codec.header(frame_type, sealer.meter_id, counter, sealer.epoch)
        nonce = sealer.nonce(counter, sealing.UPLINK)
        return counter, enframe(header + sealer.seal(nonce, header, body))
