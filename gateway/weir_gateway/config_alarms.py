"""The table [alarms] of the configuration: what the gateway watches for by itself."""

from dataclasses import dataclass, fields

from weir_gateway.event_names import GatewayCode
from weir_gateway.toml_table import Table, TomlFile

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class AlarmsConfig:
    """docs/alarms.md describes each. The first four say whether an alarm is raised at all."""

    silence: bool = True
    register: bool = True
    clock: bool = True
    energy: bool = True
    silence_missed_sessions: int = 2
    silence_grace_s: int = 900
    register_tolerance_pulses: int = 2
    register_clear_records: int = 4
    clock_latency_s: float = 10.0
    clock_hysteresis_s: float = 1.0
    energy_percent: int = 200

    @property
    def wanted(self) -> frozenset[GatewayCode]:
        return frozenset(code for code in GatewayCode if getattr(self, code.name.lower()))


KEYS = tuple(field.name for field in fields(AlarmsConfig))


def read_alarms(file: TomlFile) -> AlarmsConfig:
    """Return what the file says. Raise ConfigError for what cannot be."""
    table = file.table("alarms", KEYS)
    return AlarmsConfig() if table is None else _read(table)


def _read(table: Table) -> AlarmsConfig:
    usual = AlarmsConfig()

    def integer(key: str, low: int, high: int) -> int:
        return table.integer(key, getattr(usual, key), low, high)

    return AlarmsConfig(
        silence=table.flag("silence", usual.silence),
        register=table.flag("register", usual.register),
        clock=table.flag("clock", usual.clock),
        energy=table.flag("energy", usual.energy),
        silence_missed_sessions=integer("silence_missed_sessions", 1, 1000),
        silence_grace_s=integer("silence_grace_s", 0, _DAY_S),
        register_tolerance_pulses=integer("register_tolerance_pulses", 0, 1_000_000),
        register_clear_records=integer("register_clear_records", 1, 10_000),
        clock_latency_s=table.number("clock_latency_s", usual.clock_latency_s, 0, _DAY_S),
        clock_hysteresis_s=table.number("clock_hysteresis_s", usual.clock_hysteresis_s, 0, _DAY_S),
        energy_percent=integer("energy_percent", 101, 100_000),
    )
