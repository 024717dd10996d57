"""The cases of the golden vectors: what each frame says, and why it is worth a vector.

A vector's file is written once, by ``codegen.new_vectors``, and never again by a program: it is
the memory of what version 1 of the protocol put on the wire.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from weir_protocol.batch import ALL_COLUMNS, Batch, Columns
from weir_protocol.frames import KEY_COUNT, KEY_SEQUENCE, KEY_VERSION, FrameType
from weir_protocol.records import IntervalRecord, Status, TimeQuality

U32 = 0xFFFF_FFFF
I32_MAX = 0x7FFF_FFFF
START_S = 1_790_000_100


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    rule: str
    why: str
    frame_type: FrameType
    fields: dict[str, Any] = field(default_factory=dict)
    counter: int = 1000
    meter_id: int = 10_000_001
    epoch: int = 0x5EED_0001


HELLO = {
    "firmware_major": 0,
    "firmware_minor": 1,
    "firmware_patch": 0,
    "reset_cause": 1,
    "medium": 0,
    "settings_version": 3,
    "boot_sequence": 35_040,
    "sequence_oldest": 18_656,
    "sequence_next": 35_041,
    "clock_s": 900,
    "time_quality": 0,
    "status": 0,
    "battery_mv": 3602,
    "forward_pulses": 123_456,
    "reverse_pulses": 7,
    "pulse_weight_ml": 1000,
    "sample_interval_s": 60,
    "store_interval_s": 900,
    "send_interval_s": 86_400,
    "frame_size_max": 140,
}
STATUS = {
    "request": 17,
    "settings_version": 3,
    "taken_at_s": START_S,
    "time_quality": 1,
    "forward_pulses": 123_456,
    "reverse_pulses": 7,
    "flow_l_per_h": -1200,
    "pressure_kpa": 412,
    "battery_mv": 3598,
    "status": int(Status.REVERSE_FLOW),
}
EVENT = {
    "event_sequence": 12,
    "taken_at_s": START_S,
    "time_quality": 1,
    "code": 4,
    "phase": 1,
    "value": -250,
    "limit": -100,
}
ACKNOWLEDGE = {
    "answers": 1000,
    "time_s": START_S,
    "time_ms": 250,
    "resume_at": 35_041,
    "flags": 0,
}


def record(sequence: int, **changes: Any) -> IntervalRecord:
    """Return an ordinary record, 900 s after the one before, with some fields changed."""
    ordinary = IntervalRecord(
        sequence=sequence,
        taken_at_s=START_S + 900 * (sequence - 35_040) if sequence < 1 << 24 else START_S,
        forward_pulses=123_456 + 31 * (sequence % 97),
        reverse_pulses=7,
        pressure_mean_kpa=412,
        pressure_min_kpa=405,
        pressure_max_kpa=418,
        peak_flow_pulses=5,
        status=0,
        time_quality=TimeQuality.S2,
    )
    return replace(ordinary, **changes)


def _readings(batch: Batch, settings_version: int = 3) -> dict[str, Any]:
    return {"settings_version": settings_version, "batch": batch}


def _day(flow: str) -> tuple[IntervalRecord, ...]:
    """Return 96 records of a household ("bursts"), a district ("steady") or no flow ("none")."""
    forward, records = 4_000_000, []
    for index in range(96):
        quarter = {
            "bursts": (0, 0, 3, 0, 41, 118, 12, 0)[index * 5 % 8] * (index > 22),
            "steady": 70 + (index * 7 % 5) + (20 if 28 < index < 80 else 0),
            "none": 0,
        }[flow]
        forward += quarter
        mean = 412 - quarter // 20 + index % 3
        records.append(
            record(
                35_040 + index,
                forward_pulses=forward,
                pressure_mean_kpa=mean,
                pressure_min_kpa=mean - quarter // 16,
                pressure_max_kpa=mean + index % 2,
                peak_flow_pulses=quarter // 4 if flow == "bursts" else -(-quarter // 15),
            )
        )
    return tuple(records)


def cases() -> Iterator[Case]:
    yield from _hello_cases()
    yield from _batch_cases()
    yield from _difference_cases()
    yield from _wrap_cases()
    yield from _shape_cases()
    yield from _other_uplink_cases()
    yield from _settings_cases()
    yield from _downlink_cases()


def _hello_cases() -> Iterator[Case]:
    hello = FrameType.HELLO
    yield Case("hello_after_power_on", "WL-EPO-02", "clock not set yet", hello, HELLO)
    yield Case("hello_all_zero", "WL-TYP-01", "lowest values", hello, dict.fromkeys(HELLO, 0), 0)
    highest = dict.fromkeys(HELLO, U32)
    for name in ("firmware_major", "firmware_minor", "firmware_patch", "reset_cause", "medium"):
        highest[name] = 0xFF
    for name in ("settings_version", "status", "battery_mv", "frame_size_max"):
        highest[name] = 0xFFFF
    highest["time_quality"] = 7
    yield Case("hello_all_highest", "WL-TYP-01", "highest values", hello, highest, U32, U32, U32)
    for counter in (127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455, 268_435_456):
        name = f"hello_counter_{counter}"
        yield Case(name, "WL-HDR-03", "the counter grows by a byte", hello, HELLO, counter)


def _batch_cases() -> Iterator[Case]:
    readings = FrameType.READINGS

    def case(name: str, rule: str, why: str, batch: Batch) -> Case:
        return Case(name, rule, why, readings, _readings(batch))

    one = (record(35_040),)
    yield case("readings_empty", "WL-BAT-01", "nothing to report", Batch((), 900, 15))
    yield case("readings_one_alone", "WL-BAT-04", "explicit origin", Batch(one, 900, 15))
    yield case(
        "readings_one_continuing",
        "WL-BAT-05",
        "a single reading in the steady state",
        Batch(one, 900, 15, reference=record(35_039)),
    )
    for flow in ("bursts", "steady", "none"):
        batch = Batch(_day(flow), 900, 15)
        yield case(f"readings_day_{flow}", "WL-BAT-06", "a day of 96 records", batch)
    full = tuple(record(35_040 + index, forward_pulses=123_456) for index in range(256))
    yield case("readings_full", "WL-BAT-06", "256 records", Batch(full, 900, 15))
    first = record(0, taken_at_s=0, forward_pulses=0, reverse_pulses=0)
    yield case("readings_sequence_0", "WL-BAT-03", "numbers of 0", Batch((first,), 900, 15))


def _difference_cases() -> Iterator[Case]:
    steady = record(35_040)
    changed: dict[str, tuple[str, str, dict[str, Any]]] = {
        "negative_pressure": (
            "WL-MOD-03",
            "negative differences",
            {"pressure_mean_kpa": -40, "pressure_min_kpa": -98, "pressure_max_kpa": -40},
        ),
        "pressure_extremes": (
            "WL-REC-07",
            "widest range",
            {
                "pressure_mean_kpa": 0,
                "pressure_min_kpa": -32_767,
                "pressure_max_kpa": 32_767,
            },
        ),
        "clock_set_back": ("WL-REC-04", "time goes backwards", {"taken_at_s": START_S - 86_400}),
        "clock_never_set": ("WL-REC-05", "seconds since start", {"taken_at_s": 900}),
        "clock_highest": ("WL-REC-04", "latest time there is", {"taken_at_s": U32}),
        "peak_highest": ("WL-REC-08", "saturated peak", {"peak_flow_pulses": 0xFFFF}),
        "forward_jump": ("WL-REC-02", "largest difference", {"forward_pulses": 123_455}),
        "reverse_jump": ("WL-REC-02", "reverse register", {"reverse_pulses": 1_000_000}),
        "all_status_bits": (
            "WL-REC-06",
            "reserved bits are kept",
            {
                "status": 0xFFFF,
                "pressure_mean_kpa": None,
                "pressure_min_kpa": None,
                "pressure_max_kpa": None,
            },
        ),
        "quality_worse": (
            "WL-REC-05",
            "clock of no known error",
            {"time_quality": TimeQuality.WORSE},
        ),
    }
    for name, (rule, why, changes) in changed.items():
        batch = Batch((steady, record(35_041, **changes), record(35_042)), 900, 15)
        yield Case(f"readings_{name}", rule, why, FrameType.READINGS, _readings(batch))
    still = tuple(record(35_040 + index, forward_pulses=124_169) for index in range(3))
    why = "every difference is zero"
    fields = _readings(Batch(still, 900, 15))
    yield Case("readings_zero", "WL-MOD-03", why, FrameType.READINGS, fields)
    fault: dict[str, Any] = {
        "status": Status.PRESSURE_FAULT,
        "pressure_mean_kpa": None,
        "pressure_min_kpa": None,
        "pressure_max_kpa": None,
    }
    batch = Batch((record(35_040, **fault), record(35_041)), 900, 15)
    why = "the origin has no pressure"
    yield Case("readings_fault_first", "WL-BAT-04", why, FrameType.READINGS, _readings(batch))
    batch = Batch((record(35_041),), 900, 15, reference=record(35_040, **fault))
    why = "the reference has no pressure"
    yield Case("readings_fault_before", "WL-BAT-05", why, FrameType.READINGS, _readings(batch))


def _wrap_cases() -> Iterator[Case]:
    readings = FrameType.READINGS
    sequences = ((U32 - 2 + index) & U32 for index in range(5))
    batch = Batch(tuple(record(sequence) for sequence in sequences), 900, 15)
    yield Case("readings_sequence_wrap", "WL-REC-02", "2^32 to 0", readings, _readings(batch))
    batch = Batch((record(0, taken_at_s=START_S),), 900, 15, reference=record(U32))
    yield Case("readings_continue_at_0", "WL-BAT-05", "2^32 to 0", readings, _readings(batch))
    for name in ("forward_pulses", "reverse_pulses"):
        records = tuple(
            record(35_040 + index, **{name: (U32 - 20 + 15 * index) & U32}) for index in range(4)
        )
        why = "the register wraps"
        batch = Batch(records, 900, 15)
        yield Case(f"readings_{name}_wrap", "WL-REC-02", why, readings, _readings(batch))


def _shape_cases() -> Iterator[Case]:
    readings = FrameType.READINGS
    no_pressure: dict[str, Any] = dict.fromkeys(
        ("pressure_mean_kpa", "pressure_min_kpa", "pressure_max_kpa")
    )
    no_range: dict[str, Any] = dict.fromkeys(("pressure_min_kpa", "pressure_max_kpa"))
    none = Columns(0)
    shapes: dict[str, tuple[Columns, dict[str, Any]]] = {
        "forward_only": (none, {**no_pressure, "reverse_pulses": 0, "peak_flow_pulses": 0}),
        "volume_and_mean": (
            Columns.REVERSE | Columns.PRESSURE,
            {**no_range, "peak_flow_pulses": 0},
        ),
        "no_sensor": (Columns.REVERSE | Columns.PEAK_FLOW, no_pressure),
    }
    for name, (columns, absent) in shapes.items():
        records = tuple(record(35_040 + index, **absent) for index in range(4))
        batch = Batch(records, 900, 15, columns)
        yield Case(f"readings_{name}", "WL-BAT-02", "fewer columns", readings, _readings(batch))
    for interval_s, samples in ((1, 1), (300, 5), (86_400, 64), (U32, 64)):
        records = tuple(
            record(35_040 + index, taken_at_s=min(START_S + index * interval_s, U32))
            for index in range(3)
        )
        batch = Batch(records, interval_s, samples, ALL_COLUMNS)
        name = f"readings_every_{interval_s}_s"
        yield Case(name, "WL-BAT-02", "another store interval", readings, _readings(batch, 255))


def _settings(*pairs: tuple[int, int]) -> list[dict[str, int]]:
    return [{"key": key, "value": value} for key, value in pairs]


def _settings_cases() -> Iterator[Case]:
    settings, report = FrameType.SETTINGS, FrameType.SETTINGS_REPORT
    change = {"answers": 1000, "settings_version": 65_535}
    most = {**change, "items": _settings((KEY_COUNT, 45), *((key, -key) for key in range(1, 45)))}
    yield Case("settings_first_of_two_frames", "WL-SET-04", "all that fits", settings, most)
    rest = {**change, "items": _settings((KEY_COUNT, 45), (45, I32_MAX))}
    yield Case("settings_second_of_two_frames", "WL-SET-04", "the rest", settings, rest)
    nothing = {**change, "items": _settings((KEY_COUNT, 0))}
    yield Case("settings_back_to_provisioned", "WL-SET-04", "no override", settings, nothing)
    head = ((KEY_VERSION, 4), (KEY_COUNT, 1), (KEY_SEQUENCE, -2))
    whole = {"settings_version": 4, "outcome": 0, "items": _settings(*head, (2, 300))}
    yield Case("report_applied", "WL-SET-08", "sequence 4294967294", report, whole)
    reasons = _settings((KEY_VERSION, 4), (1, 3), (2, 2), (200, 1))
    refused = {"settings_version": 3, "outcome": 1, "items": reasons}
    yield Case("report_refused", "WL-SET-08", "each reason", report, refused)
    back = {"settings_version": 0, "outcome": 2, "items": _settings((KEY_VERSION, 65_535))}
    yield Case("report_rolled_back", "WL-SET-11", "as provisioned again", report, back)


def _other_uplink_cases() -> Iterator[Case]:
    yield Case("status_reverse_flow", "WL-TYP-01", "negative flow", FrameType.STATUS, STATUS)
    silent = {**STATUS, "request": 0, "pressure_kpa": -32_768, "battery_mv": 0, "status": 1}
    yield Case("status_no_pressure", "WL-REC-07", "sensor fault", FrameType.STATUS, silent)
    for count in (0, 1, 5):
        items = [{**EVENT, "event_sequence": 12 + index} for index in range(count)]
        fields = {"settings_version": 3, "items": items}
        yield Case(f"events_{count}", "WL-TYP-01", "repeated items", FrameType.EVENTS, fields)
    report = {"settings_version": 4, "outcome": 0, "items": [{"key": 2, "value": 900}]}
    yield Case("settings_applied", "WL-TYP-02", "attested", FrameType.SETTINGS_REPORT, report)
    report = {"settings_version": 3, "outcome": 1, "items": [{"key": 9, "value": -1}]}
    yield Case("settings_refused", "WL-TYP-02", "with reason", FrameType.SETTINGS_REPORT, report)
    ranges = [
        {"first_sequence": 5, "last_sequence": 9},
        {"first_sequence": U32, "last_sequence": 1},
    ]
    lost = {"settings_version": 3, "items": ranges}
    yield Case("lost_two_ranges", "WL-SES-06", "one wraps", FrameType.LOST, lost)


def _downlink_cases() -> Iterator[Case]:
    acknowledge = FrameType.ACKNOWLEDGE
    yield Case("acknowledge", "WL-ACK-02", "the usual answer", acknowledge, ACKNOWLEDGE)
    fields = {**ACKNOWLEDGE, "flags": 3, "time_ms": 999, "resume_at": U32, "answers": U32}
    yield Case("acknowledge_hello_wanted", "WL-SES-05", "flags", acknowledge, fields, U32)
    change = {"answers": 1000, "settings_version": 4, "items": [{"key": 2, "value": 300}]}
    yield Case("settings_one", "WL-TYP-01", "a change", FrameType.SETTINGS, change)
    yield Case("settings_none", "WL-TYP-01", "empty", FrameType.SETTINGS, {**change, "items": []})
    ranges = [
        {"first_sequence": 5, "last_sequence": 9},
        {"first_sequence": 20, "last_sequence": 20},
    ]
    backfill = {"answers": 1000, "items": ranges}
    yield Case("backfill_two_ranges", "WL-TYP-01", "holes", FrameType.BACKFILL, backfill)
    read_now = {"answers": 1000, "request": 17}
    yield Case("read_now", "WL-TYP-01", "asked for a reading", FrameType.READ_NOW, read_now)
    command = {"answers": 1000, "request": 18, "code": 1, "argument": -2_147_483_648}
    yield Case("command", "WL-TYP-01", "lowest argument", FrameType.COMMAND, command)
    events_from = {"answers": U32, "request": 0, "code": 1, "argument": -1}
    name = "command_events_from"
    yield Case(name, "WL-CMD-02", "event 4294967295", FrameType.COMMAND, events_from)
    report = {"answers": 1000, "request": 0, "code": 2, "argument": 0}
    yield Case("command_report_settings", "WL-CMD-03", "a report", FrameType.COMMAND, report)
