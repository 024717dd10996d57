"""Decides a change of settings inside one transaction, so that no two are decided on the same."""

import sqlite3
from dataclasses import dataclass

from weir_gateway import endurance, messages
from weir_gateway.errors import Refusal
from weir_gateway.settings.wish import Wish
from weir_gateway.store.settings import versions
from weir_gateway.store.settings.fold import adopted
from weir_gateway.store.settings.rows import Reported, StoredVersion, Values, reported
from weir_gateway.store.settings.versions import NewVersion
from weir_protocol.settings import check, defaults

_NOTABLE = 0.99
"""A life that is a hundredth shorter, or less than that, is not held against a change."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a meter is to be set to now. base: its values as provisioned, as far as is known."""

    version: StoredVersion | None
    overrides: Values
    base: Values
    base_is_known: bool

    @property
    def values(self) -> dict[str, int]:
        return {**self.base, **self.overrides}


@dataclass(frozen=True, slots=True)
class Decision:
    """version: what is desired from now on, None where that is as provisioned.

    is_new: it was made for this wish. before, after: whole maps of values.
    """

    version: StoredVersion | None
    is_new: bool
    before: Values
    after: Values
    years_before: float
    years_after: float


def wanted(connection: sqlite3.Connection, meter_id: int) -> Wanted:
    """Return what a meter is to be set to. Raise Refusal while that cannot be known."""
    known = reported(connection, meter_id)
    provisioned = None if known is None else known.provisioned
    base = {**defaults(), **_named(provisioned or {})}
    version = versions.desired(connection, meter_id)
    overrides = _in_force(meter_id, known) if version is None else _named(version.overrides)
    return Wanted(version, overrides, base, provisioned is not None)


def decide(
    connection: sqlite3.Connection,
    meter_id: int,
    wish: Wish,
    battery_floor_years: float,
    now_ms: int,
) -> Decision:
    """Make the version that a wish leads to, unless it changes nothing or is a trial.

    Raise Refusal when the meter could not be given it, or its battery would not last.
    """
    now = wanted(connection, meter_id)
    overrides = _changed(now, wish)
    after = {**now.base, **overrides}
    faults = check(after)
    if faults:
        raise Refusal(400, " ".join(fault.sentence for fault in faults))
    years_before, years_after = endurance.years(now.values), endurance.years(after)
    if not wish.force and years_after < min(battery_floor_years, _NOTABLE * years_before):
        raise Refusal(
            409,
            messages.BATTERY_FLOOR.format(
                meter_id=meter_id,
                before=years_before,
                after=years_after,
                floor=battery_floor_years,
            ),
        )
    is_new = overrides != now.overrides
    version = now.version
    if is_new and not wish.dry_run:
        version = versions.make(
            connection, meter_id, _new(connection, meter_id, now, overrides, wish, now_ms), now_ms
        )
    return Decision(version, is_new, now.values, after, years_before, years_after)


def _in_force(meter_id: int, known: Reported | None) -> Values:
    """Return what is set on a meter that this gateway has set nothing of."""
    if known is None or known.version == 0:
        return {}
    if known.reported is None:
        text = messages.SETTINGS_UNKNOWN.format(meter_id=meter_id, version=known.version)
        raise Refusal(409, text)
    return adopted(known.version, known.reported)


def _changed(now: Wanted, wish: Wish) -> dict[str, int]:
    """Return what differs from as provisioned after a wish."""
    overrides = dict(now.overrides)
    for name, value in wish.changes.items():
        if value is None or (now.base_is_known and value == now.base[name]):
            overrides.pop(name, None)
        else:
            overrides[name] = value
    return overrides


def _new(
    connection: sqlite3.Connection,
    meter_id: int,
    now: Wanted,
    overrides: Values,
    wish: Wish,
    now_ms: int,
) -> NewVersion:
    is_first = now.version is None and reported(connection, meter_id) is None
    return NewVersion(
        overrides,
        wish.changes,
        wish.by,
        wish.request_id,
        wish.force,
        None if wish.expires_s is None else now_ms + wish.expires_s * 1000,
        is_partial=is_first or bool(now.version is not None and now.version.is_partial),
        is_built=True,
    )


def _named(values: Values) -> dict[str, int]:
    """Return those that this gateway knows: a newer one may have set more."""
    known = defaults()
    return {name: value for name, value in values.items() if name in known}
