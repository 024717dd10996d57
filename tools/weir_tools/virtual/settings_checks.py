"""What must hold of settings and of readings at a moment once everything has drained."""

import sqlite3
from collections import Counter
from typing import Any

from weir.link import tables_gen as t
from weir_gateway.store import reads
from weir_gateway.store.settings import rows, versions
from weir_gateway.store.settings.rows import StoredVersion
from weir_protocol.settings import BY_NAME, SETTINGS
from weir_tools.virtual.changes import Kind
from weir_tools.virtual.ledger import Ledger
from weir_tools.virtual.meter import VirtualMeter

_STATUS = t.LAYOUTS[t.TYPE_STATUS][1].split()[2:]  # without request and settings version
_MS = 1000


def is_settled(database: sqlite3.Connection, meter: VirtualMeter) -> bool:
    """Return whether nothing waits any more for a meter, or for what it says to it."""
    settings = meter.settings
    if settings is None or settings.on_trial:
        return False
    if versions.open_version(database, meter.meter_id) is not None:
        return False
    if _reads(database, meter.meter_id, "settled_at_ms IS NULL"):
        return False
    said = rows.reported(database, meter.meter_id)
    return said is not None and said.reported is not None and said.version == settings.version


def check_settings(
    ledger: Ledger, database: sqlite3.Connection, meter: VirtualMeter
) -> Counter[str]:
    """Enter every broken promise into the ledger; return how many changes have which state."""
    _check_in_force(ledger, database, meter)
    made = rows.versions(database, meter.meter_id, "1")
    for version in made:
        _check_version(ledger, meter, version)
    return Counter(version.state for version in made)


def check_reads(
    ledger: Ledger, database: sqlite3.Connection, meter: VirtualMeter
) -> tuple[int, int]:
    """Check that each request ended, and an answer was measured after it; return both counts."""
    book = meter.book
    found = _reads(database, meter.meter_id, "cause = 'asked'")
    for read in found:
        if read.settled_at_ms is None:
            ledger.breach(meter.meter_id, None, f"{read.request_id} was never settled")
        if read.status is None or read.request_id is None:
            continue
        values = tuple(read.status[name] for name in _STATUS)
        measured_s = book.measured.get(values)
        if measured_s is None:
            what = f"{read.request_id} was answered with {values}, which was never measured"
            ledger.breach(meter.meter_id, None, what)
        elif measured_s < ledger.asked[read.request_id]:
            early_s = ledger.asked[read.request_id] - measured_s
            what = f"{read.request_id} was answered by what was measured {early_s:.3f} s before"
            ledger.breach(meter.meter_id, None, what)
    return len(found), sum(read.status is not None for read in found)


def _check_in_force(ledger: Ledger, database: sqlite3.Connection, meter: VirtualMeter) -> None:
    """Meter, what it reported, and what is desired are one."""
    meter_id, settings = meter.meter_id, meter.settings
    said = rows.reported(database, meter_id)
    in_force = {one.name: settings.value(one.key) for one in SETTINGS}
    values = {
        one.name: in_force[one.name] for one in SETTINGS if in_force[one.name] != one.default
    }
    if said is None or (said.version, said.reported) != (settings.version, values):
        what = f"has version {settings.version} with {values} in force, and reported {said}"
        ledger.breach(meter_id, None, what)
    if settings.on_trial:
        ledger.breach(meter_id, None, f"still has version {settings.version} on trial")
    wanted = versions.desired(database, meter_id)
    if wanted is None:
        if settings.version and not ledger.restores:
            what = f"has version {settings.version} in force, which nobody wants"
            ledger.breach(meter_id, None, what)
        return
    if wanted.version != settings.version:
        what = f"has version {settings.version} in force, and {wanted.version} is wanted"
        ledger.breach(meter_id, None, what)
    overrides = {name: settings.provisioned(BY_NAME[name].key) for name in BY_NAME}
    expected = {**overrides, **wanted.overrides}
    if expected != in_force:
        other = {name: in_force[name] for name in expected if in_force[name] != expected[name]}
        ledger.breach(meter_id, None, f"has {other} in force, which nobody wants")


def _check_version(ledger: Ledger, meter: VirtualMeter, version: StoredVersion) -> None:
    """A change ends as what it is ends, and its reasons say why."""
    meter_id, name = meter.meter_id, f"version {version.version} ({version.request_id})"
    change = ledger.changes.get(version.request_id or "")
    if version.is_open:
        ledger.breach(meter_id, None, f"{name} is still {version.state}")
    if change is None:
        return
    if change.kind is Kind.BAD and version.applied_at_ms is not None:
        ledger.breach(meter_id, None, f"{name} is against the rules, and was applied")
    if change.kind is Kind.CUT_OFF and version.state == "applied":
        ledger.breach(meter_id, None, f"{name} cuts the meter off, and is {version.state}")
    if change.kind is not Kind.BAD and version.state == "refused":
        ledger.breach(meter_id, None, f"{name} is good, and was refused for {version.reasons}")
    if version.state == "refused" and not version.reasons:
        ledger.breach(meter_id, None, f"{name} was refused without a reason")
    carrier = version.carried_by or version.version
    went_back = carrier in given_up(meter) or ledger.restores  # another may have had it
    if version.state == "rolled_back" and not went_back:
        ledger.breach(meter_id, None, f"{name} is rolled back, but the meter did not go back")


def given_up(meter: VirtualMeter) -> set[int]:
    """Return the versions that a meter went back from."""
    events = meter.book.events
    noted = [*events.in_order, *(one for many in events.doubtful.values() for one in many)]
    return {one.values[4] for one in noted if one.values[2] == t.EVENT_SETTINGS_ROLLED_BACK}


def _reads(database: sqlite3.Connection, meter_id: int, where: str) -> list[Any]:
    numbers = database.execute(
        f"SELECT number FROM reads WHERE meter_id = ? AND {where}", (meter_id,)
    ).fetchall()
    return [reads.find(database, meter_id, number) for (number,) in numbers]
