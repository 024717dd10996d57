"""The JSON documents of settings: a change, and all that is desired and in force."""

from collections.abc import Mapping
from typing import TypedDict

from weir_gateway.clock import utc_text_ms
from weir_gateway.settings.decide import Decision, Wanted
from weir_gateway.store.settings.rows import Reported, StoredVersion, Values
from weir_protocol.setting import Kind
from weir_protocol.settings import BY_NAME, defaults

Value = int | str | bool
"""A switch is true or false, a choice its word, anything else a whole number."""


class ChangeDocument(TypedDict):
    """A change of settings and what became of it. reasons: of a refusal, by setting.

    carried_by: the newer version that has its values. renews: the number of the change that this
    is again.
    """

    meter_id: int
    number: int
    version: int
    state: str
    settings: dict[str, Value | None]
    by: str
    request_id: str | None
    cause: str
    forced: bool
    made_at: str
    sent_at: str | None
    applied_at: str | None
    ended_at: str | None
    expires_at: str | None
    reasons: dict[str, str] | None
    carried_by: int | None
    renews: int | None


class BatteryDocument(TypedDict):
    """Years that one battery lasts, by the formula of docs/settings.md."""

    before: float
    after: float


DifferenceDocument = TypedDict("DifferenceDocument", {"from": Value, "to": Value})


class ResultDocument(TypedDict):
    """What a request led to. change: None where nothing differs from as provisioned.

    is_new: the change was made for this request, or would be, were it not a dry run.
    """

    meter_id: int
    is_new: bool
    dry_run: bool
    differences: dict[str, DifferenceDocument]
    battery_years: BatteryDocument
    change: ChangeDocument | None
    expected_at: str | None


class ValueDocument(TypedDict):
    """reported: None while the meter has not said what is in force."""

    desired: Value
    reported: Value | None
    default: Value


class ReportedDocument(TypedDict):
    version: int
    settings: dict[str, Value] | None
    reported_at: str | None


class DesiredDocument(TypedDict):
    """version: 0 for as provisioned; None when what is in force is desired but not known yet."""

    version: int | None
    settings: dict[str, Value]


class ConfigDocument(TypedDict):
    """desired.settings: what differs from as provisioned. reported.settings: from the defaults.

    values: every setting that is not everywhere at its default. pending: the change that waits.
    """

    meter_id: int
    state: str
    desired: DesiredDocument
    reported: ReportedDocument | None
    pending: ChangeDocument | None
    values: dict[str, ValueDocument]
    history: list[ChangeDocument]


def shown(name: str, value: int) -> Value:
    """Return a value as JSON shows it; a setting or value of a newer meter as the number it is."""
    setting = BY_NAME.get(name)
    if setting is None or not setting.holds(value) or setting.kind is Kind.INTEGER:
        return value
    return bool(value) if setting.kind is Kind.SWITCH else setting.choices[value]


def change_document(change: StoredVersion) -> ChangeDocument:
    return {
        "meter_id": change.meter_id,
        "number": change.number,
        "version": change.version,
        "state": change.state,
        "settings": {
            name: None if value is None else shown(name, value)
            for name, value in change.changes.items()
        },
        "by": change.made_by,
        "request_id": change.request_id,
        "cause": change.cause,
        "forced": bool(change.forced),
        "made_at": utc_text_ms(change.made_at_ms),
        "sent_at": _time(change.sent_at_ms),
        "applied_at": _time(change.applied_at_ms),
        "ended_at": _time(change.ended_at_ms),
        "expires_at": _time(change.expires_at_ms),
        "reasons": change.reasons,
        "carried_by": change.carried_by,
        "renews": change.renews,
    }


def result_document(
    meter_id: int, decision: Decision, *, dry_run: bool, expected_at_ms: int | None
) -> ResultDocument:
    before, after = decision.before, decision.after
    return {
        "meter_id": meter_id,
        "is_new": decision.is_new,
        "dry_run": dry_run,
        "differences": {
            name: {"from": shown(name, before[name]), "to": shown(name, after[name])}
            for name in after
            if before[name] != after[name]
        },
        "battery_years": {
            "before": round(decision.years_before, 1),
            "after": round(decision.years_after, 1),
        },
        "change": None if decision.version is None else change_document(decision.version),
        "expected_at": _time(expected_at_ms),
    }


def config_document(
    meter_id: int,
    desired: Wanted | None,
    attested: Reported | None,
    history: list[StoredVersion],
) -> ConfigDocument:
    """desired: None while the meter has not said what was set by another gateway."""
    version = None if desired is None else desired.version
    pending = version if version is not None and version.is_open else None
    overrides = {} if desired is None else desired.overrides
    in_force = attested.version if attested is not None else 0
    return {
        "meter_id": meter_id,
        "state": _state(desired, attested, pending),
        "desired": {
            "version": version.version if version else (in_force if desired else None),
            "settings": _shown_all(overrides),
        },
        "reported": None if attested is None else _reported_document(attested),
        "pending": None if pending is None else change_document(pending),
        "values": _values(desired, attested),
        "history": [change_document(one) for one in history],
    }


def _state(
    desired: Wanted | None, attested: Reported | None, pending: StoredVersion | None
) -> str:
    if pending is not None:
        return pending.state
    if desired is None or attested is None or attested.reported is None:
        return "unknown"
    in_force = {**defaults(), **attested.reported}
    if all(in_force.get(name) == value for name, value in desired.overrides.items()):
        return "in_force"
    return "different"


def _reported_document(attested: Reported) -> ReportedDocument:
    return {
        "version": attested.version,
        "settings": None if attested.reported is None else _shown_all(attested.reported),
        "reported_at": _time(attested.reported_at_ms),
    }


def _values(desired: Wanted | None, attested: Reported | None) -> dict[str, ValueDocument]:
    usual = defaults()
    said = None if attested is None else attested.reported
    in_force = None if said is None else {**usual, **said}
    wanted = in_force or usual if desired is None else desired.values
    found: dict[str, ValueDocument] = {}
    for name, default in usual.items():
        now = None if in_force is None else in_force[name]
        if wanted[name] != default or now not in (None, default):
            found[name] = {
                "desired": shown(name, wanted[name]),
                "reported": None if now is None else shown(name, now),
                "default": shown(name, default),
            }
    return found


def _shown_all(values: Values) -> dict[str, Value]:
    return {name: shown(name, value) for name, value in values.items()}


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else utc_text_ms(at_ms)


def news_document(change: StoredVersion, state: str, at_ms: int) -> Mapping[str, object]:
    """Return what is told of one change of state: the change as it is now, the state of then."""
    document = change_document(change)
    reasons = document["reasons"] if state == "refused" else None
    return {**document, "state": state, "at": utc_text_ms(at_ms), "reasons": reasons}
