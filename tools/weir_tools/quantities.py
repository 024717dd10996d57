"""Quantities as people read them, the unit in the heading above or behind."""

from datetime import datetime

NOTHING = "-"


def cubic_metres(litres: float | None) -> str:
    return NOTHING if litres is None else f"{litres / 1000:,.3f}"


def cubic_metres_per_h(litres_per_h: float | None) -> str:
    return NOTHING if litres_per_h is None else f"{litres_per_h / 1000:,.3f}"


def whole(number: float | None) -> str:
    return NOTHING if number is None else f"{number:,.0f}"


def with_unit(number: str, unit: str) -> str:
    return number if number == NOTHING else f"{number} {unit}"


def moment(iso: str | None) -> str:
    """A time of the gateway (ISO 8601, UTC) as `2021-03-01 06:15:00`."""
    if iso is None:
        return NOTHING
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M:%S}"


def minute(iso: str | None) -> str:
    """A time of the gateway as `2021-03-01 06:15`."""
    return moment(iso).rpartition(":")[0] or NOTHING
