"""Sealing: AES-128-CCM with an 8-byte tag (WL-SEA)."""

import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from weir_protocol.errors import CallerError, PeerError

KEY_SIZE = 16
TAG_SIZE = 8
COUNTER_MAX = 0xFFFF_FFFF
DIRECTION_UPLINK = 0
DIRECTION_DOWNLINK = 1


def nonce(meter_id: int, epoch: int, counter: int, direction: int) -> bytes:
    """Return the 13-byte nonce of one frame (WL-SEA-02). It must never repeat under one key."""
    return struct.pack("<IIIB", meter_id, epoch, counter, direction)


class Sealer:
    """Seals and opens the frames of one meter."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise CallerError(f"a key has {KEY_SIZE} bytes, this one has {len(key)}")
        self._ccm = AESCCM(key, tag_length=TAG_SIZE)

    def seal(self, nonce: bytes, header: bytes, body: bytes) -> bytes:
        """Return the ciphertext of ``body`` with the tag behind it; ``header`` is covered too."""
        return self._ccm.encrypt(nonce, body, header)

    def open(self, nonce: bytes, header: bytes, sealed: bytes) -> bytes:
        """Return the body. Raise PeerError WL-SEA-04 when the tag does not fit."""
        if len(sealed) < TAG_SIZE:
            raise PeerError("WL-SEA-03", "frame is too short to hold a tag")
        try:
            return self._ccm.decrypt(nonce, sealed, header)
        except InvalidTag:
            raise PeerError(
                "WL-SEA-04", "tag does not fit: wrong key, unknown epoch, or a changed frame"
            ) from None
