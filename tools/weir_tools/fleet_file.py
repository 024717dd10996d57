"""A fleet file: settings for all meters, for groups of them and for single ones, in TOML.

What is said of a meter is stronger than what is said of its group, and that than what is said of
all. A setting that is not in the file is left as it is.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from weir_protocol.setting import SettingRefused
from weir_protocol.settings import named, parse_value
from weir_tools import messages
from weir_tools.errors import Misused
from weir_tools.settings_tables import PROVISIONED

Settings = dict[str, Any]
_TABLES = ("defaults", "groups", "meters")
_METER_ID_MAX = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Fleet:
    """defaults: for every meter. groups: members and settings. meters: by number."""

    defaults: Settings = field(default_factory=dict)
    groups: Mapping[str, tuple[frozenset[int], Settings]] = field(default_factory=dict)
    meters: Mapping[int, Settings] = field(default_factory=dict)

    @property
    def named_meters(self) -> set[int]:
        members = (members for members, _ in self.groups.values())
        return set(self.meters).union(*members)

    def settings_of(self, known: Iterable[int]) -> dict[int, Settings]:
        """Return the settings of each meter that has any; ``known``: all there are."""
        found = {}
        for meter_id in sorted(known):
            settings = dict(self.defaults)
            for members, of_group in self.groups.values():
                settings.update(of_group if meter_id in members else {})
            settings.update(self.meters.get(meter_id, {}))
            if settings:
                found[meter_id] = settings
        return found


def read_fleet(path: Path) -> Fleet:
    """Read and check a fleet file. Raise Misused that names all that is wrong in it."""
    document = _load(path)
    faults: list[str] = [
        messages.FLEET_TABLE.format(name=name) for name in document if name not in _TABLES
    ]
    defaults = _settings("defaults", document.get("defaults", {}), faults)
    groups = {}
    for name, group in _tables("groups", document.get("groups", {}), faults):
        rest = {key: value for key, value in group.items() if key != "meters"}
        groups[name] = (
            _members(name, group.get("meters"), faults),
            _settings(f"groups.{name}", rest, faults),
        )
    meters = {}
    for number, settings in _tables("meters", document.get("meters", {}), faults):
        if _is_meter(number):
            meters[int(number)] = _settings(f"meters.{number}", settings, faults)
        else:
            faults.append(messages.FLEET_METER.format(text=number))
    faults += _clashes(groups, meters)
    if faults:
        raise Misused(f"{path}: {' '.join(faults)}")
    return Fleet(defaults, groups, meters)


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misused(messages.FLEET_UNREADABLE.format(path=path, why=error.strerror)) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misused(messages.FLEET_NOT_TOML.format(path=path, why=error)) from None


def _tables(name: str, given: Any, faults: list[str]) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(given, dict) or not all(isinstance(one, dict) for one in given.values()):
        faults.append(messages.FLEET_WANTS_TABLE.format(name=name))
        return []
    return list(given.items())


def _settings(table: str, given: Any, faults: list[str]) -> Settings:
    if not isinstance(given, dict):
        faults.append(messages.FLEET_WANTS_TABLE.format(name=table))
        return {}
    settings: Settings = {}
    for name, value in given.items():
        try:
            settings[named(name).name] = None if value == PROVISIONED else _value(name, value)
        except SettingRefused as refused:
            faults.append(f"[{table}] {refused}")
    return settings


def _value(name: str, given: Any) -> Any:
    """Return a value as it is given, once it is known that it can be."""
    known = given if isinstance(given, int | str) else str(given)
    parse_value(name, known)
    return known


def _members(group: str, given: Any, faults: list[str]) -> frozenset[int]:
    if isinstance(given, list) and given and all(_is_meter(str(one)) for one in given):
        return frozenset(int(one) for one in given)
    faults.append(messages.FLEET_MEMBERS.format(name=group))
    return frozenset()


def _is_meter(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= _METER_ID_MAX


def _clashes(
    groups: Mapping[str, tuple[frozenset[int], Settings]], meters: Mapping[int, Settings]
) -> list[str]:
    """Name the settings that two groups give different values to one meter."""
    found = []
    for (one, (members, settings)), (other, (others, rest)) in combinations(groups.items(), 2):
        for name in settings.keys() & rest.keys():
            torn = [one for one in members & others if name not in meters.get(one, {})]
            if torn and settings[name] != rest[name]:
                found.append(
                    messages.FLEET_CLASH.format(
                        name=name, one=one, other=other, meter_id=min(torn)
                    )
                )
    return sorted(found)
