"""Who a simulated meter is: its folder, its key, and the key file that a gateway reads."""

import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from weir_tools import messages
from weir_tools.errors import Misused

KEY_LINE = re.compile(r"\s*(\d+)\s+([0-9a-fA-F]{32})(\s.*)?")


@dataclass(frozen=True, slots=True)
class Identity:
    """settings: further ones, by name, as the meter is provisioned with them."""

    meter_id: int
    key: bytes = field(repr=False)
    pulse_weight_ml: int
    sample_interval_s: int = 60
    store_interval_s: int = 900
    send_interval_s: int = 900
    ring_sectors: int = 128
    settings: Mapping[str, int] = field(default_factory=dict)

    def write_into(self, home: Path) -> None:
        """Write the meter's `identity.json`, readable by its owner alone."""
        fields = {
            "meter_id": self.meter_id,
            "key": self.key.hex(),
            "pulse_weight_ml": self.pulse_weight_ml,
            "sample_interval_s": self.sample_interval_s,
            "store_interval_s": self.store_interval_s,
            "send_interval_s": self.send_interval_s,
            "ring_sectors": self.ring_sectors,
            **self.settings,
        }
        write_private(home / "identity.json", json.dumps(fields) + "\n")


def key_in(home: Path) -> bytes | None:
    """The key of the meter that lives in `home`, None when none does yet."""
    file = home / "identity.json"
    try:
        return bytes.fromhex(json.loads(file.read_text())["key"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Misused(messages.IDENTITY_MALFORMED.format(file=file)) from error


def new_key() -> bytes:
    return secrets.token_bytes(16)


def read_keys(file: Path) -> dict[int, bytes]:
    """The keys by meter. Raise Misused for a malformed line or a file that others can read."""
    try:
        text = file.read_text()
        mode = file.stat().st_mode
    except OSError as error:
        reason = error.strerror or "not a file"
        raise Misused(messages.KEYS_UNREADABLE.format(file=file, reason=reason)) from error
    if mode & 0o077:
        raise Misused(messages.KEYS_TOO_OPEN.format(file=file))
    keys = {}
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip() or content.lstrip().startswith("#"):
            continue
        match = KEY_LINE.fullmatch(content)
        if match is None:
            raise Misused(messages.KEYS_MALFORMED.format(file=file, line=line))
        keys[int(match[1])] = bytes.fromhex(match[2])
    return keys


def add_keys(file: Path, identities: Iterable[Identity]) -> list[int]:
    """Add the meters that are not in the key file yet, and return their numbers."""
    known = read_keys(file) if file.exists() else {}
    fresh = [identity for identity in identities if identity.meter_id not in known]
    lines = [
        f"{identity.meter_id} {identity.key.hex()} pulse_weight_ml={identity.pulse_weight_ml}\n"
        for identity in fresh
    ]
    before = file.read_text() if file.exists() else ""
    if before and not before.endswith("\n"):
        before += "\n"
    if fresh:
        write_private(file, before + "".join(lines))
    return [identity.meter_id for identity in fresh]


def write_private(file: Path, text: str) -> None:
    """Replace a file in one step; nobody but its owner can read it, at any moment."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(text)
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        reason = error.strerror or "not writable"
        raise Misused(messages.KEYS_UNREADABLE.format(file=file, reason=reason)) from error
