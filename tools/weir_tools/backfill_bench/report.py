"""The measurement as JSON and in words."""

from typing import Any

from weir_tools.backfill_bench.measurement import Healing
from weir_tools.simulator.districts import SOURCE


def as_json(healing: Healing, *, days: int, source: str = SOURCE) -> dict[str, Any]:
    """What `weir bench backfill --json` prints; docs/commands.md explains each key."""
    return {
        "data": source,
        "days": days,
        "baud": healing.baud,
        "records": healing.records,
        "missing": healing.missing,
        "sessions": healing.sessions,
        "bytes_up": healing.bytes_up,
        "bytes_down": healing.bytes_down,
        "seconds": round(healing.seconds, 3),
        "bytes_seconds": round(healing.bytes_seconds, 3),
        "ratio": round(healing.ratio, 3),
    }


def in_words(healing: Healing, *, days: int) -> str:
    return (
        f"{healing.records} records of {days} days without a gateway: {healing.seconds:.2f} s in "
        f"{healing.sessions} session{'s' * (healing.sessions != 1)} at {healing.baud} baud.\n"
        f"{healing.bytes_up} bytes up and {healing.bytes_down} down; the bytes alone take "
        f"{healing.bytes_seconds:.2f} s, so the ratio is {healing.ratio:.3f}."
    )
