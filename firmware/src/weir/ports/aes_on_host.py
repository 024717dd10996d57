"""AES-128 of the `cryptography` package in the form of MicroPython's cryptolib."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

_MODE_ECB = 1


class HostAes:
    """Keeps the chaining of CBC from one call to the next, as cryptolib does."""

    def __init__(self, key: bytes, mode: int, initial: bytes = b"") -> None:
        self._encryptor = Cipher(
            AES(key), ECB() if mode == _MODE_ECB else CBC(initial)
        ).encryptor()

    def encrypt(self, blocks: bytes) -> bytes:
        """Return whole blocks of 16 bytes, encrypted."""
        return self._encryptor.update(blocks)
