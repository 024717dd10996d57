"""The meters that this gateway serves, with their keys: one line each in the key file."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from weir_gateway import messages
from weir_gateway.errors import ConfigError
from weir_gateway.private_file import read_private_text

PULSE_WEIGHT_ML_MAX = 1_000_000
"""1000 L, the heaviest pulse that meters give; up to it volumes are exact in JSON."""

_METER_ID_MAX = 0xFFFF_FFFF
_KEY_FORM = re.compile(r"[0-9A-Fa-f]{32}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MeterKey:
    """pulse_weight_ml: the operator's word, stronger than the meter's own; None when not given."""

    key: bytes = field(repr=False)
    pulse_weight_ml: int | None = None


class Registry:
    """Reads the key file and reads it again when it changes.

    A line that cannot be used is named in ``problems`` and leaves only its own meter out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._meters: dict[int, MeterKey] = {}
        self._seen: tuple[int, ...] | None = None
        self.problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self._meters)

    def __iter__(self) -> Iterator[int]:
        return iter(self._meters)

    def __contains__(self, meter_id: object) -> bool:
        return meter_id in self._meters

    def get(self, meter_id: int) -> MeterKey | None:
        return self._meters.get(meter_id)

    def load(self) -> None:
        """Read the file. Raise ConfigError when it cannot be read or is not private."""
        seen = self._signature()
        text = read_private_text(self._path, purpose="the key file")
        self._seen = seen
        self._meters, problems = _parse(text)
        self.problems = tuple(f"{self._path}, {problem}." for problem in problems)
        for problem in self.problems:
            _log.warning("%s", problem)

    def refresh(self) -> set[int]:
        """Read the file again if it changed; return the meters whose line is new or different.

        A file that cannot be read any more changes nothing but ``problems``: the meters that
        were known stay known.
        """
        seen = self._signature()
        if seen == self._seen:
            return set()
        before = self._meters
        try:
            self.load()
        except ConfigError as error:
            self._seen = seen
            self.problems = (str(error),)
            _log.warning("%s The keys read before stay in force.", error)
            return set()
        changed = {
            meter_id
            for meter_id in before.keys() | self._meters.keys()
            if before.get(meter_id) != self._meters.get(meter_id)
        }
        _log.info("key file read again: %d meters, %d changed", len(self._meters), len(changed))
        return changed

    def _signature(self) -> tuple[int, ...]:
        try:
            found = self._path.stat()
        except OSError:
            return ()
        return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _parse(text: str) -> tuple[dict[int, MeterKey], list[str]]:
    meters: dict[int, MeterKey] = {}
    problems: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            meter_id, meter = _parse_line(words)
            if meter_id in meters:
                raise ValueError(messages.KEY_LINE_TWICE.format(meter_id=meter_id))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
        else:
            meters[meter_id] = meter
    return meters, problems


def _parse_line(words: list[str]) -> tuple[int, MeterKey]:
    """Return one meter. Raise ValueError with a sentence that never shows the key."""
    if len(words) < 2:
        raise ValueError(messages.KEY_LINE_FORM)
    if not _is_integer(words[0], 0, _METER_ID_MAX):
        raise ValueError(messages.KEY_LINE_METER)
    if not _KEY_FORM.fullmatch(words[1]):
        raise ValueError(messages.KEY_LINE_KEY)
    weight_ml = None
    for option in words[2:]:
        name, equals, value = option.partition("=")
        if not equals or name != "pulse_weight_ml":
            raise ValueError(messages.KEY_LINE_OPTION)
        if not _is_integer(value, 1, PULSE_WEIGHT_ML_MAX):
            raise ValueError(messages.KEY_LINE_WEIGHT)
        weight_ml = int(value)
    return int(words[0]), MeterKey(bytes.fromhex(words[1]), weight_ml)


def _is_integer(text: str, low: int, high: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10 and low <= int(text) <= high
