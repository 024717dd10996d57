"""The identity of a meter that lives in a folder: identity.json, readable by its owner alone."""

import binascii
import json
import os

from micropython import const
from weir.errors import StartRefused
from weir.settings import table
from weir.settings import table_gen as g

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from typing import Any

_KEY_SIZE = const(16)  # bytes
_WEIGHT = "pulse_weight_ml"
_RING_SECTORS = const(128)  # 512 KB: 16,000 records

# What is no setting. Name: (smallest, largest, default; None when it must be given)
_NUMBERS = {
    "meter_id": (1, 0xFFFFFFFF, None),
    "ring_sectors": (2, 2048, _RING_SECTORS),
}


class IdentityFile:
    """Keeps the KeyStore contract; also says the size of the ring."""

    def __init__(self, path: str) -> None:
        """Read the file. Raises StartRefused with what is wrong in it."""
        self._path = path
        fields = self._read()
        self.meter_id = self._number(fields, "meter_id")
        self.key = self._key(fields)
        self.settings = self._settings(fields)
        self.ring_sectors = self._number(fields, "ring_sectors")

    def _read(self) -> "dict[str, Any]":
        try:
            if os.stat(self._path)[0] & 0o077:
                raise self._refused("can be read by others", "run chmod 600 on it")
            with open(self._path) as file:
                fields = json.load(file)
        except OSError:
            raise self._refused("cannot be read", "provision the meter first") from None
        except ValueError:
            raise self._refused("is not JSON", "provision the meter again") from None
        if not isinstance(fields, dict):
            raise self._refused("is not a JSON object", "provision the meter again")
        return fields

    def _number(self, fields: "dict[str, Any]", name: str) -> int:
        low, high, default = _NUMBERS[name]
        return self._within(name, fields.get(name, default), low, high)

    def _settings(self, fields: "dict[str, Any]") -> "dict[int, int]":
        """Return the settings among the fields, each of which may stand there by its name.

        The volume of a pulse must: nobody can guess it.
        """
        settings = {}
        for name in sorted(fields) + [_WEIGHT]:
            key = getattr(g, "K_" + name.upper(), None)
            if key is not None:
                low, high = table.range_of(key)
                settings[key] = self._within(name, fields.get(name), low, high)
        return settings

    def _within(self, name: str, value: object, low: int, high: int) -> int:
        if not isinstance(value, int) or not low <= value <= high:
            raise self._refused(
                f"needs {name} as a whole number from {low} to {high}", "correct it"
            )
        return value

    def _key(self, fields: "dict[str, Any]") -> bytes:
        try:
            key = binascii.unhexlify(fields["key"])
        except (KeyError, TypeError, ValueError):
            key = b""
        if len(key) != _KEY_SIZE:
            raise self._refused("needs key as 32 hexadecimal digits", "provision the meter again")
        return key

    def _refused(self, fault: str, remedy: str) -> StartRefused:
        return StartRefused(f"{self._path} {fault}; {remedy}.")
