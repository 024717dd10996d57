"""What events are called, and in what unit their values are."""

from enum import IntEnum

from weir_protocol.alarms import BY_CODE
from weir_protocol.records import EventCode, EventPhase


class GatewayCode(IntEnum):
    """Alarms that the gateway raises itself. They lie above all codes that a meter can send."""

    SILENCE = 256
    REGISTER = 257
    CLOCK = 258
    ENERGY = 259


_UNITS: dict[int, str] = {
    EventCode.CLOCK_STEPPED: "s",
    GatewayCode.SILENCE: "sessions",
    GatewayCode.REGISTER: "pulses",
    GatewayCode.CLOCK: "s",
    GatewayCode.ENERGY: "%",
}


_NAMES = {int(code): code.name.lower() for codes in (EventCode, GatewayCode) for code in codes}
_PHASES = {int(phase): phase.name.lower() for phase in EventPhase}


def event_name(code: int) -> str:
    """Return the name of a code; one that this release does not know is told by its number."""
    return _NAMES.get(code, f"code_{code}")


def event_unit(code: int) -> str | None:
    """Return the unit of an event's value and limit, None where they are bare numbers."""
    if code in BY_CODE:
        return BY_CODE[code].unit or None
    return _UNITS.get(code)


def phase_name(phase: int) -> str:
    return _PHASES.get(phase, f"phase_{phase}")
