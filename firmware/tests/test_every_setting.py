"""Every key of the settings table is set, refused out of range, and survives a reset."""

import struct

from weir.link import tables_gen as t
from weir.mailbox import Mailbox
from weir.settings import table
from weir.settings import table_gen as g
from weir.settings.in_force import Settings
from weir.store.vault import Vault
from weir_tools.virtual.flash import FaultyFlash

BODY_SIZE_MAX = 232
BEFORE = {g.K_SEND_SLOT_S: 30}
FIRST_SEQUENCE = 77


def new_flash() -> FaultyFlash:
    return FaultyFlash(4096, 3)


def settings_on(flash: FaultyFlash) -> Settings:
    """Return what a meter that starts on this flash has in force."""
    return Settings({}, Vault(flash, 0))


def bounds_of(key: int) -> "tuple[int, int]":
    """Return the lowest and the highest value of a key."""
    low, high, _ = struct.unpack_from(g.ROW_FORMAT, g.ROWS, table.row_of(key) * g.ROW_SIZE)
    return low, high


def with_room_for(key: int, value: int) -> "dict[int, int]":
    """Return overrides with this value; others give way to it where a rule wants it."""
    overrides = {key: value}

    def value_of(one: int) -> int:
        return overrides.get(one, table.default_of(one))

    for _ in g.RULES:  # a value that gives way may push another
        for lower, upper, strict, switches in g.RULES:
            is_kept = value_of(lower) + strict <= value_of(upper)
            if is_kept or not all(value_of(switch) for switch in switches):
                continue
            if lower in overrides:
                overrides[upper] = bounds_of(upper)[1]
            else:
                overrides[lower] = bounds_of(lower)[0]
    return overrides


def write(settings: Settings, version: int, overrides: "dict[int, int]") -> Mailbox:
    """Send a version as a gateway does; the meter applies what it does not refuse."""
    errands = Mailbox(settings, None, BODY_SIZE_MAX)
    items = list(overrides.items())
    for first in range(0, len(items), 40):
        errands.take_settings(version, items[first : first + 40])
    errands.take_settings(version, [(t.KEY_COUNT, len(items))])
    if errands.change is not None:
        assert settings.apply(version, errands.change.overrides, FIRST_SEQUENCE)
        errands.change = None
        errands.tell_applied()
    return errands


def reported(errands: Mailbox) -> "tuple[int, int, dict[int, int]]":
    """Take a whole report; return version in force, outcome, and values or reasons by key."""
    found = {}
    version = outcome = -1
    while errands.pending:
        given = errands.next_body()
        assert given is not None
        assert given[0] == t.TYPE_SETTINGS_REPORT
        version, outcome = struct.unpack_from("<HB", given[1], 0)
        for at in range(3, len(given[1]), 5):
            key, value = struct.unpack_from("<Bl", given[1], at)
            found[key] = value
        errands.delivered()
    return version, outcome, found


def report_after_reset(flash: FaultyFlash) -> "tuple[int, int, dict[int, int]]":
    """Start the meter anew and ask for what is in force."""
    errands = Mailbox(settings_on(flash), None, BODY_SIZE_MAX)
    errands.take_command(1, t.COMMAND_REPORT_SETTINGS, 0)
    return reported(errands)


def assert_set(key: int, value: int) -> None:
    flash = new_flash()
    settings = settings_on(flash)
    found = reported(write(settings, 7, with_room_for(key, value)))
    assert found[:2] == (7, t.OUTCOME_APPLIED), (key, value, found)
    assert settings.value(key) == value
    assert found[2].get(key, table.default_of(key)) == value
    assert report_after_reset(flash) == found
    assert settings_on(flash).value(key) == value
    settings.confirm()
    assert report_after_reset(flash) == found


def assert_refused(key: int, value: int) -> None:
    flash = new_flash()
    settings = settings_on(flash)
    before = reported(write(settings, 7, BEFORE))
    overrides = dict(BEFORE)
    overrides[key] = value
    version, outcome, reasons = reported(write(settings, 8, overrides))
    assert (version, outcome) == (7, t.OUTCOME_REFUSED), (key, value)
    assert reasons == {t.KEY_VERSION: 8, key: t.REASON_OUT_OF_RANGE}
    assert report_after_reset(flash) == before


def test_every_key_is_set_at_both_ends_of_its_range_and_survives_a_reset() -> None:
    for key in g.KEYS:
        for value in bounds_of(key):
            assert_set(key, value)


def test_every_key_is_refused_beyond_both_ends_of_its_range_and_nothing_changes() -> None:
    for key in g.KEYS:
        low, high = bounds_of(key)
        assert_refused(key, low - 1)
        assert_refused(key, high + 1)


def test_all_keys_together_are_set_to_what_is_not_the_default_and_survive_a_reset() -> None:
    others: dict[int, int] = {}
    for key in g.KEYS:
        low, high = bounds_of(key)
        others[key] = low if table.default_of(key) == high else high
    others[g.K_FLOW_LOW_ON] = others[g.K_PRESSURE_LOW_ON] = 0  # so that no limits cross
    others[g.K_LEAK_DURATION_S], others[g.K_LEAK_GAP_S] = 7200, 3600
    flash = new_flash()
    found = reported(write(settings_on(flash), 65_535, others))
    assert found[:2] == (65_535, t.OUTCOME_APPLIED), found
    changed = {key: value for key, value in others.items() if value != table.default_of(key)}
    assert len(changed) >= len(g.KEYS) - 2
    told = {t.KEY_VERSION: 65_535, t.KEY_COUNT: len(changed), t.KEY_SEQUENCE: FIRST_SEQUENCE}
    told.update(changed)
    assert found[2] == told
    assert report_after_reset(flash) == found
