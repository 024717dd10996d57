"""A fleet file: settings for all meters, for groups of them and for single ones, in TOML.

What is said of a meter is stronger than what is said of its group, and that than what is said of
all. A setting that is not in the file is left as it is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from weir_gateway.errors import ConfigError
from weir_gateway.toml_table import TomlFile
from weir_protocol.setting import Role, SettingRefused
from weir_protocol.settings import named, parse_value
from weir_tools import messages
from weir_tools.errors import Misused
from weir_tools.settings_tables import PROVISIONED

Settings = dict[str, Any]
_TABLES = ("defaults", "groups", "meters")
_METER_ID_MAX = 0xFFFF_FFFF


@dataclass(slots=True)
class Fleet:
    """defaults: for every meter. groups: members and settings. meters: by number.

    faults: what is wrong in the file, each with its place.
    """

    file: TomlFile
    defaults: Settings = field(default_factory=dict)
    groups: dict[str, tuple[frozenset[int], Settings]] = field(default_factory=dict)
    meters: dict[int, Settings] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not any(settings for _, settings in self._tables())

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

    def strangers(self, known: Iterable[int]) -> list[str]:
        """Say which meters are named that are not known, and where."""
        by_place = {f"groups.{name}": members for name, (members, _) in self.groups.items()}
        by_place |= {f"meters.{meter_id}": frozenset((meter_id,)) for meter_id in self.meters}
        found = {place: sorted(members - set(known)) for place, members in by_place.items()}
        return [
            self.fault(
                place,
                "meters" if place.startswith("groups.") else None,
                messages.FLEET_UNKNOWN.format(meters=", ".join(map(str, strangers))),
            )
            for place, strangers in found.items()
            if strangers
        ]

    def for_technicians(self) -> list[str]:
        """Return the settings that only a technician may change, each with its place."""
        return [
            self.fault(place, name, "").removesuffix(": ")
            for place, settings in self._tables()
            for name in settings
            if named(name).role is Role.TECHNICIAN
        ]

    def places_of(self, meter_id: int) -> str:
        """Name the tables that say something of a meter, each with its line."""
        places = ["defaults"] if self.defaults else []
        places += [f"groups.{name}" for name, group in self.groups.items() if meter_id in group[0]]
        places += [f"meters.{meter_id}"] if meter_id in self.meters else []
        lines = {place: self.file.line_of(place) for place in places}
        return ", ".join(
            f"[{place}]" if line is None else f"line {line} [{place}]"
            for place, line in lines.items()
        )

    def fault(self, place: str, key: str | None, what: str) -> str:
        return str(self.file.error(place, key, what))

    def _tables(self) -> Iterator[tuple[str, Settings]]:
        yield "defaults", self.defaults
        for name, (_, settings) in self.groups.items():
            yield f"groups.{name}", settings
        for meter_id, settings in self.meters.items():
            yield f"meters.{meter_id}", settings


def read_fleet(path: Path) -> Fleet:
    """Read and check a fleet file. Raise Misused when it cannot be read as TOML."""
    fleet = Fleet(_load(path))
    document = fleet.file.values
    for name in document:
        if name not in _TABLES:
            fleet.faults.append(fleet.fault(name, None, messages.FLEET_TABLE.format(name=name)))
    fleet.defaults = _settings(fleet, "defaults", document.get("defaults", {}))
    for name, group in _tables(fleet, "groups", document.get("groups", {})):
        rest = {key: value for key, value in group.items() if key != "meters"}
        members = _members(fleet, name, group.get("meters"))
        fleet.groups[name] = members, _settings(fleet, f"groups.{name}", rest)
    for number, settings in _tables(fleet, "meters", document.get("meters", {})):
        place = f"meters.{number}"
        if _is_meter(number):
            fleet.meters[int(number)] = _settings(fleet, place, settings)
        else:
            what = messages.FLEET_METER.format(text=number)
            fleet.faults.append(fleet.fault(place, None, what))
    fleet.faults += _clashes(fleet)
    return fleet


def _load(path: Path) -> TomlFile:
    try:
        return TomlFile(path, path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misused(messages.FLEET_UNREADABLE.format(path=path, why=error.strerror)) from None
    except UnicodeDecodeError as error:
        raise Misused(messages.FLEET_UNREADABLE.format(path=path, why=error)) from None
    except ConfigError as error:
        raise Misused(str(error)) from None


def _tables(fleet: Fleet, name: str, given: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the tables below one, without what is none."""
    if not isinstance(given, dict):
        fleet.faults.append(fleet.fault(name, None, messages.FLEET_WANTS_TABLES.format(name=name)))
        return []
    found = []
    for key, value in given.items():
        if isinstance(value, dict):
            found.append((key, value))
        else:
            what = messages.FLEET_WANTS_TABLES.format(name=name)
            fleet.faults.append(fleet.fault(name, key, what))
    return found


def _settings(fleet: Fleet, place: str, given: Any) -> Settings:
    if not isinstance(given, dict):
        what = messages.FLEET_WANTS_TABLE.format(name=place)
        fleet.faults.append(fleet.fault(place, None, what))
        return {}
    settings: Settings = {}
    for name, value in given.items():
        try:
            settings[named(name).name] = None if value == PROVISIONED else _value(name, value)
        except SettingRefused as refused:
            fleet.faults.append(fleet.fault(place, name, str(refused)))
    return settings


def _value(name: str, given: Any) -> Any:
    """Return a value as it is given, once it is known that it can be."""
    known = given if isinstance(given, int | str) else str(given)
    parse_value(name, known)
    return known


def _members(fleet: Fleet, group: str, given: Any) -> frozenset[int]:
    if isinstance(given, list) and given and all(_is_meter(str(one)) for one in given):
        return frozenset(int(one) for one in given)
    fleet.faults.append(fleet.fault(f"groups.{group}", "meters", messages.FLEET_MEMBERS))
    return frozenset()


def _is_meter(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= _METER_ID_MAX


def _clashes(fleet: Fleet) -> Iterator[str]:
    """Name the settings that two groups give different values to one meter."""
    pairs = combinations(fleet.groups.items(), 2)
    for (one, (members, settings)), (other, (others, rest)) in pairs:
        for name in sorted(settings.keys() & rest.keys()):
            torn = [one for one in members & others if name not in fleet.meters.get(one, {})]
            if torn and settings[name] != rest[name]:
                what = messages.FLEET_CLASH.format(name=name, one=one, meter_id=min(torn))
                yield fleet.fault(f"groups.{other}", name, what)
