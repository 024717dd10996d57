"""AES as a meter's ``cryptolib`` offers it, for the meter's code on CPython."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


class MeterAes:
    """``aes(key, mode[, iv])`` with ``encrypt``: mode 1 is ECB, 2 is CBC; chains over calls."""

    def __init__(self, key: bytes, mode: int, iv: bytes = b"") -> None:
        chaining = modes.ECB() if mode == 1 else modes.CBC(iv)
        self._encryptor = Cipher(algorithms.AES(key), chaining).encryptor()

    def encrypt(self, blocks: bytes) -> bytes:
        return self._encryptor.update(bytes(blocks))
