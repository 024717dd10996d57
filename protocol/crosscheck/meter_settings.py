"""Checks versions of settings with the meter's own code. Runs on CPython and on MicroPython.

``MICROPYPATH=firmware/src micropython meter_settings.py FILE`` reads from each line of the file
``[provisioned, overrides]``, lists of key and value, and prints the reasons against the version,
by rising key, as a line of JSON.
"""

import json
import sys

from weir.settings.change import Draft
from weir.settings.in_force import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Items = Sequence[tuple[int, int]]


class NoVault:
    """Keeps nothing: the meter is as it was provisioned."""

    def load(self) -> "bytes | None":
        return None

    def store(self, blob: bytes) -> bool:
        raise AssertionError(blob)


def faults(provisioned: "Items", overrides: "Items") -> "list[tuple[int, int]]":
    """Return keys to blame with the reasons, by rising key."""
    draft = Draft(1)
    draft.take(overrides)
    found = draft.faults(Settings(dict(provisioned), NoVault()))
    return sorted(found.items())


def main(path: str) -> None:
    with open(path) as file:
        for line in file:
            provisioned, overrides = json.loads(line)
            sys.stdout.write(json.dumps(faults(provisioned, overrides)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
