"""What a request for other settings says, checked field by field."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from weir_gateway import messages, request_fields
from weir_gateway.errors import Refusal
from weir_protocol.setting import Role, SettingRefused
from weir_protocol.settings import BY_NAME, named, parse_value
from weir_protocol.settings_schema import EXPIRES_S_MAX

_CHANGES_MAX = 250
_SHOWN_MAX = 40


@dataclass(frozen=True, slots=True)
class Wish:
    """changes: new values by name; None takes a setting back to as the meter was provisioned.

    technician: who asks has seen the meter, and may alter what its register means.
    """

    changes: Mapping[str, int | None]
    by: str
    request_id: str | None = None
    force: bool = False
    technician: bool = False
    expires_s: int | None = None
    dry_run: bool = False


def read_wish(
    fields: Mapping[str, object], by: str, request_id: str | None, *, is_local: bool
) -> Wish:
    """Return what is asked for. Raise Refusal that names every setting that cannot be.

    is_local: it came from this machine; only then may one be a technician.
    """
    known = ["settings", "force", "expires_s", "by", "dry_run"]
    request_fields.refuse_unknown(fields, *known, *(["technician"] if is_local else []))
    wish = Wish(
        _changes(fields.get("settings")),
        request_fields.text(fields, "by", request_fields.NAME_MAX) or by,
        request_id,
        _flag(fields, "force"),
        _flag(fields, "technician"),
        request_fields.whole(fields, "expires_s", 1, EXPIRES_S_MAX),
        _flag(fields, "dry_run"),
    )
    if not wish.technician:
        _refuse_technicians(wish.changes, is_local=is_local)
    return wish


def _changes(given: object) -> dict[str, int | None]:
    if not isinstance(given, dict) or not 0 < len(given) <= _CHANGES_MAX:
        raise Refusal(400, messages.WRONG_SETTINGS)
    changes: dict[str, int | None] = {}
    faults = []
    for name, value in given.items():
        try:
            changes[named(name[:_SHOWN_MAX]).name] = _value(name, value)
        except SettingRefused as refused:
            faults.append(str(refused))
    if faults:
        raise Refusal(400, " ".join(faults))
    return changes


def _value(name: str, given: object) -> int | None:
    if given is None:
        return None
    if isinstance(given, float) and given.is_integer() and abs(given) < 2**53:
        given = int(given)  # JSON knows no difference between 600 and 600.0
    if isinstance(given, str | int):
        return parse_value(name, given)
    return parse_value(name, json.dumps(given)[:_SHOWN_MAX])


def _flag(fields: Mapping[str, object], name: str) -> bool:
    given = fields.get(name)
    if given is None or isinstance(given, bool):
        return bool(given)
    raise Refusal(400, messages.WRONG_FLAG.format(name=name))


def _refuse_technicians(changes: Mapping[str, int | None], *, is_local: bool) -> None:
    names = [name for name in changes if BY_NAME[name].role is Role.TECHNICIAN]
    if names:
        text = messages.FOR_TECHNICIANS if is_local else messages.FOR_TECHNICIANS_HERE
        raise Refusal(400, text.format(names=", ".join(names)))
