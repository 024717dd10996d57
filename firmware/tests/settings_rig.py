"""A meter whose settings change in a session: what tests of it share."""

import struct

from meter_rig import NOON_MS, Rig

from weir.link import tables_gen as t
from weir.settings import table_gen as g

PORT = g.K_LINK_PORT
RARELY = {g.K_SEND_INTERVAL_S: 86_400}


def in_session(provisioned: "dict[int, int] | None" = None, *, tells_events: bool = False) -> Rig:
    """Return a meter at 10 s past noon, in a session that was answered."""
    rig = Rig(provisioned=provisioned, tells_events=tells_events)
    rig.inputs.now_ms = 10_000
    rig.inputs.link_is_open = True
    while not rig.session.active:
        rig.step(is_open=True)
    rig.session.heard = True
    rig.session.clock_offer_ms = NOON_MS + 10_000
    rig.step(received=b"time", is_open=True)
    return rig


def change(rig: Rig, version: int, overrides: "dict[int, int]") -> None:
    """Let the session hear a version; the meter takes it in one step."""
    items = [(t.KEY_COUNT, len(overrides))]
    items.extend(overrides.items())
    rig.errands.take_settings(version, items)
    rig.step(received=b"settings", is_open=True)


def deliver(rig: Rig) -> "list[int]":
    """Let the gateway take all that the meter tells; return the types of frames."""
    types = []
    while rig.errands.pending:
        given = rig.errands.next_body()
        assert given is not None
        types.append(given[0])
        rig.errands.delivered()
    return types


def end_session(rig: Rig) -> None:
    rig.session.active = False
    rig.step(is_open=True)


def fail_call(rig: Rig) -> None:
    """Let the meter call, or go on calling, and nobody be there."""
    rig.sleep_until_called()
    assert rig.actions.link_wake_at_ms is not None
    rig.step(link_ms=rig.inputs.link_ms + 600_000)


def on_trial(overrides: "dict[int, int] | None" = None, *, tells_events: bool = False) -> Rig:
    """Return a meter that calls with new settings for the first time, and sends once a day."""
    rig = in_session(RARELY, tells_events=tells_events)
    wanted = {PORT: 4000}
    wanted.update(overrides or {})
    change(rig, 1, wanted)
    deliver(rig)
    end_session(rig)
    assert rig.settings.on_trial
    return rig


def reading_of(rig: Rig) -> "dict[str, int]":
    """Return the STATUS that is to be sent now."""
    given = rig.errands.next_body()
    assert given is not None
    assert given[0] == t.TYPE_STATUS
    code, names, _, _ = t.LAYOUTS[t.TYPE_STATUS]
    values = struct.unpack(code, given[1])
    return {name: values[place] for place, name in enumerate(names.split())}
