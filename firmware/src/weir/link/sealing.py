"""Sealing: AES-128-CCM with an 8-byte tag, from ECB and CBC alone (WL-SEA; RFC 3610, L = 2).

``aes`` is a factory like MicroPython's ``cryptolib.aes``: ``aes(key, mode[, iv])`` gives an
object with ``encrypt``. The MAC is one CBC pass, the key stream one ECB pass.
"""

import struct

from micropython import const

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TAG_SIZE = 8
UPLINK = 0
DOWNLINK = 1

_MODE_ECB = const(1)
_MODE_CBC = const(2)
_BLOCK = const(16)
_MAC_FLAGS = const(0x59)  # header present, 8-byte tag, 2-byte length
_STREAM_FLAGS = const(0x01)


def _padded(text: bytes) -> bytes:
    return text + bytes(-len(text) % _BLOCK)


def _xor(left: bytes, right: bytes) -> bytes:
    mixed = int.from_bytes(left, "big") ^ int.from_bytes(right, "big")
    return mixed.to_bytes(len(left), "big") if left else b""


class Sealer:
    """Seals uplinks and opens downlinks of one meter in one epoch.

    next_counter: returns the next frame counter; never one it has returned before, whatever
    power cuts come between.
    """

    def __init__(
        self,
        meter_id: int,
        key: bytes,
        epoch: int,
        aes: "Callable[..., Any]",
        next_counter: "Callable[[], int]",
    ) -> None:
        self.meter_id = meter_id
        self.epoch = epoch
        self.next_counter = next_counter
        self._key = key
        self._aes = aes

    def nonce(self, counter: int, direction: int) -> bytes:
        return struct.pack("<IIIB", self.meter_id, self.epoch, counter, direction)

    def seal(self, nonce: bytes, header: bytes, body: bytes) -> bytes:
        """Return the ciphertext of ``body`` with the tag behind it."""
        stream = self._key_stream(nonce, len(body))
        tag = _xor(self._mac(nonce, header, body), stream[:TAG_SIZE])
        return _xor(body, stream[_BLOCK : _BLOCK + len(body)]) + tag

    def open(self, nonce: bytes, header: bytes, sealed: bytes) -> "bytes | None":
        """Return the body, or None when the tag does not fit."""
        size = len(sealed) - TAG_SIZE
        if size < 0:
            return None
        stream = self._key_stream(nonce, size)
        body = _xor(sealed[:size], stream[_BLOCK : _BLOCK + size])
        tag = _xor(self._mac(nonce, header, body), stream[:TAG_SIZE])
        difference = 0  # look at every byte, so that time does not tell where they differ
        for index in range(TAG_SIZE):
            difference |= tag[index] ^ sealed[size + index]
        return body if difference == 0 else None

    def _key_stream(self, nonce: bytes, size: int) -> bytes:
        blocks = bytearray()
        for index in range(1 + (size + _BLOCK - 1) // _BLOCK):
            blocks += struct.pack(">B13sH", _STREAM_FLAGS, nonce, index)
        stream: bytes = self._aes(self._key, _MODE_ECB).encrypt(blocks)
        return stream

    def _mac(self, nonce: bytes, header: bytes, body: bytes) -> bytes:
        text = struct.pack(">B13sH", _MAC_FLAGS, nonce, len(body))
        text += _padded(struct.pack(">H", len(header)) + header) + _padded(body)
        chained: bytes = self._aes(self._key, _MODE_CBC, bytes(_BLOCK)).encrypt(text)
        return chained[-_BLOCK : -_BLOCK + TAG_SIZE]
