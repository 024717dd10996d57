"""A version is applied whole or refused whole; the errands tell what became of it."""

import struct

from weir.link import tables_gen as t
from weir.mailbox import Mailbox
from weir.settings import table_gen as g
from weir.settings.in_force import Settings
from weir.store.vault import Vault
from weir_tools.virtual.flash import FaultyFlash

BODY_SIZE_MAX = 232
SAMPLE, STORE, SEND = g.K_SAMPLE_INTERVAL_S, g.K_STORE_INTERVAL_S, g.K_SEND_INTERVAL_S
UNKNOWN_KEY = 249
READING = (1, 2, 3, 4, 5, 6, 7, 8)  # a STATUS after its version


class Events:
    """Events that are always ready."""

    def __init__(self) -> None:
        self.pending = True
        self.wanted_from: int | None = None

    def next_body(self, settings_version: int) -> "bytes | None":
        return bytes((settings_version,)) + b"events"

    def delivered(self) -> None:
        self.pending = False

    def resume_from(self, event_sequence: int) -> None:
        self.wanted_from = event_sequence


class Desk:
    """A gateway's view of the errands of a meter."""

    def __init__(
        self, provisioned: "dict[int, int] | None" = None, body_size_max: int = BODY_SIZE_MAX
    ) -> None:
        self.settings = Settings(provisioned or {}, Vault(FaultyFlash(4096, 3), 0))
        self.events = Events()
        self.events.pending = False
        self.errands = Mailbox(self.settings, self.events, body_size_max)

    def write(self, version: int, overrides: "dict[int, int]") -> None:
        """Send a version in one frame, and let the meter apply it."""
        items = list(overrides.items())
        items.append((t.KEY_COUNT, len(overrides)))
        self.errands.take_settings(version, items)
        self.apply()

    def apply(self) -> None:
        change = self.errands.change
        if change is not None:
            self.errands.change = None
            assert self.settings.apply(change.version, change.overrides, 3_000_000_000)
            self.errands.tell_applied()

    def take_report(self) -> "tuple[int, int, list[tuple[int, int]]]":
        """Take one SETTINGS_REPORT; return version in force, outcome and items."""
        given = self.errands.next_body()
        assert given is not None
        assert given == self.errands.next_body()
        frame_type, body = given
        assert frame_type == t.TYPE_SETTINGS_REPORT
        assert len(body) <= BODY_SIZE_MAX
        code, _, item_code, _ = t.LAYOUTS[frame_type]
        version, outcome = struct.unpack(code, body[:3])
        items = [struct.unpack_from(item_code, body, at) for at in range(3, len(body), 5)]
        self.errands.delivered()
        return version, outcome, items


def refused(overrides: "dict[int, int]", provisioned: "dict[int, int] | None" = None) -> object:
    """Return the reasons with which a version is refused, by key."""
    desk = Desk(provisioned)
    desk.write(9, overrides)
    version, outcome, items = desk.take_report()
    assert (version, outcome) == (0, t.OUTCOME_REFUSED)
    assert items[0] == (t.KEY_VERSION, 9)
    assert desk.settings.version == 0
    assert not desk.errands.pending
    return dict(items[1:])


def test_a_version_in_one_frame_is_applied_and_reported_with_its_values() -> None:
    desk = Desk({STORE: 1800})
    desk.write(7, {SAMPLE: 30})
    assert desk.settings.value(SAMPLE) == 30
    items = [
        (t.KEY_VERSION, 7),
        (t.KEY_COUNT, 2),
        (t.KEY_SEQUENCE, 3_000_000_000 - 2**32),
        (SAMPLE, 30),
        (STORE, 1800),
    ]
    assert desk.take_report() == (7, t.OUTCOME_APPLIED, items)
    assert not desk.errands.pending


def test_a_version_in_several_frames_waits_for_the_last_in_any_order_and_twice() -> None:
    frames = [[(STORE, 600)], [(t.KEY_COUNT, 3), (SEND, 3600)], [(SAMPLE, 30)]]
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 0, 1, 2)):
        desk = Desk()
        for place in order:
            assert not desk.errands.pending
            desk.errands.take_settings(7, frames[place])
        desk.apply()
        assert [desk.settings.value(key) for key in (SAMPLE, STORE, SEND)] == [30, 600, 3600]


def test_frames_of_two_versions_are_not_mixed() -> None:
    desk = Desk()
    desk.errands.take_settings(7, [(SAMPLE, 30), (t.KEY_COUNT, 2)])
    desk.errands.take_settings(8, [(STORE, 600), (t.KEY_COUNT, 2)])
    assert desk.errands.change is None
    desk.errands.take_settings(8, [(SAMPLE, 20)])
    desk.apply()
    assert (desk.settings.version, desk.settings.value(SAMPLE)) == (8, 20)


def test_a_version_half_gathered_is_forgotten_when_a_session_begins() -> None:
    desk = Desk()
    desk.errands.take_settings(7, [(t.KEY_COUNT, 2), (SAMPLE, 30)])
    desk.errands.begin()
    desk.errands.take_settings(7, [(t.KEY_COUNT, 2), (STORE, 600)])
    assert desk.errands.change is None


def test_a_version_whose_count_is_another_is_gathered_anew() -> None:
    desk = Desk()
    desk.errands.take_settings(7, [(t.KEY_COUNT, 3), (SAMPLE, 30), (STORE, 600)])
    desk.errands.take_settings(7, [(t.KEY_COUNT, 1), (STORE, 1200)])
    desk.apply()
    assert [desk.settings.value(key) for key in (SAMPLE, STORE)] == [60, 1200]


def test_a_version_of_nothing_is_all_as_provisioned() -> None:
    desk = Desk({STORE: 1800})
    desk.write(7, {STORE: 600})
    desk.write(8, {})
    assert (desk.settings.version, desk.settings.value(STORE)) == (8, 1800)


def test_each_key_to_blame_has_its_reason_and_nothing_is_applied() -> None:
    assert refused({UNKNOWN_KEY: 1, SAMPLE: 0, STORE: 86_401, g.K_LEAK_ON: 1}) == {
        UNKNOWN_KEY: t.REASON_UNKNOWN_KEY,
        SAMPLE: t.REASON_OUT_OF_RANGE,
        STORE: t.REASON_OUT_OF_RANGE,
    }


def test_a_rule_is_checked_on_what_would_be_in_force() -> None:
    rule = t.REASON_BREAKS_RULE
    assert refused({SAMPLE: 901}) == {SAMPLE: rule}
    assert refused({SAMPLE: 60, STORE: 59}) == {SAMPLE: rule, STORE: rule}
    assert refused({STORE: 900}, {SEND: 600, STORE: 300}) == {STORE: rule}
    assert refused({g.K_SEND_SLOT_S: 86_400}) == {g.K_SEND_SLOT_S: rule}  # strict
    assert refused({SAMPLE: 1800, STORE: 1800, g.K_LEAK_GAP_S: 1799}) == {
        SAMPLE: rule,
        g.K_LEAK_GAP_S: rule,
    }
    desk = Desk({SEND: 3600})
    desk.write(1, {SAMPLE: 3600, STORE: 3600, g.K_LEAK_ON: 0})  # equal is allowed
    assert desk.settings.version == 1


def test_a_rule_counts_only_while_its_switches_are_on() -> None:
    low, high = g.K_FLOW_LOW_L_PER_H, g.K_FLOW_HIGH_L_PER_H
    limits = {low: 500, high: 500, g.K_FLOW_LOW_ON: 1}
    desk = Desk()
    desk.write(1, limits)
    assert desk.settings.version == 1
    limits[g.K_FLOW_HIGH_ON] = 1
    assert refused(limits) == {low: t.REASON_BREAKS_RULE, high: t.REASON_BREAKS_RULE}


def test_the_version_in_force_is_reported_again_and_nothing_is_written() -> None:
    desk = Desk()
    desk.write(7, {SAMPLE: 30})
    first = desk.take_report()
    desk.errands.take_settings(7, [(SAMPLE, 30), (t.KEY_COUNT, 1)])
    assert desk.errands.change is None
    assert desk.take_report() == first
    desk.errands.take_command(1, t.COMMAND_REPORT_SETTINGS, 0)
    assert desk.take_report() == first


def test_a_version_given_up_is_answered_as_rolled_back_until_another_is_applied() -> None:
    desk = Desk()
    desk.write(7, {SAMPLE: 30})
    desk.take_report()
    desk.settings.roll_back(1)
    desk.write(7, {SAMPLE: 30})
    assert desk.take_report() == (0, t.OUTCOME_ROLLED_BACK, [(t.KEY_VERSION, 7)])
    desk.write(8, {})
    desk.write(7, {SAMPLE: 30})
    assert desk.settings.version == 7


def test_a_report_of_many_values_goes_over_frames_that_each_say_what_they_are_of() -> None:
    desk = Desk(body_size_max=50)  # 9 items
    overrides = dict.fromkeys(g.KEYS[10:30], 1)
    desk.settings.apply(7, overrides, 5)
    desk.errands.tell_applied()
    keys = desk.settings.changed_keys()
    found = []
    while desk.errands.pending:
        version, outcome, items = desk.take_report()
        assert (version, outcome) == (7, t.OUTCOME_APPLIED)
        head = [(t.KEY_VERSION, 7), (t.KEY_COUNT, len(keys)), (t.KEY_SEQUENCE, 5)]
        assert items[:3] == head
        found += items[3:]
    assert found == [(key, desk.settings.value(key)) for key in keys]
    assert len(found) > 2 * 6


def test_a_report_that_is_overtaken_begins_anew() -> None:
    desk = Desk(body_size_max=50)
    desk.settings.apply(7, dict.fromkeys(g.KEYS[10:30], 1), 5)
    desk.errands.tell_applied()
    desk.take_report()
    desk.errands.next_body()
    desk.write(8, {SAMPLE: 30})
    desk.errands.delivered()  # of the old one, which is not what counts now
    assert dict(desk.take_report()[2])[SAMPLE] == 30
    assert not desk.errands.pending


def wanted(desk: Desk) -> bool:
    return desk.errands.read_wanted


def test_a_reading_is_pending_from_its_request_on_and_answers_each_request_once() -> None:
    desk = Desk()
    desk.errands.take_read(5)
    desk.errands.take_read(6)
    desk.errands.take_read(5)
    assert desk.errands.pending
    assert desk.errands.read_wanted
    assert desk.errands.next_body() is None
    desk.errands.measured(READING)
    assert not wanted(desk)
    for request in (5, 6):
        given = desk.errands.next_body()
        assert given is not None
        assert given[0] == t.TYPE_STATUS
        assert given[1][:2] == bytes((request, 0))
        desk.errands.delivered()
    assert not desk.errands.pending


def test_what_is_given_again_after_a_change_names_the_version_then_in_force() -> None:
    desk = Desk()
    desk.errands.take_read(5)
    desk.errands.measured(READING)
    desk.events.pending = True
    named = []
    for version, place in ((7, 2), (9, 0)):  # of a STATUS, then of EVENTS
        before = desk.errands.next_body()
        assert desk.settings.apply(version, {}, 0)
        after = desk.errands.next_body()
        assert before is not None
        assert after is not None
        assert before[0] == after[0]
        named.append((before[1][place], after[1][place]))
        desk.errands.delivered()
    assert named == [(0, 7), (7, 9)]
    assert not desk.errands.pending


def test_a_reading_measured_under_what_was_given_up_names_what_is_in_force() -> None:
    desk = Desk()
    desk.settings.apply(2, {}, 0)
    desk.errands.take_read(5)
    desk.errands.measured(READING)
    desk.settings.roll_back(0)
    given = desk.errands.next_body()
    assert given is not None
    assert given[1][2:4] == bytes(2)


def test_requests_without_end_take_no_more_memory_than_a_few() -> None:
    desk = Desk()
    for request in range(100):
        desk.errands.take_read(request)
        if request % 3 == 0:
            desk.errands.measured(READING)
    told = 0
    while desk.errands.next_body() is not None:
        desk.errands.delivered()
        told += 1
    assert told == 8


def test_a_reading_forgotten_for_a_newer_one_takes_no_other_with_it() -> None:
    desk = Desk()
    told = []
    for request in range(9):
        desk.errands.take_read(request)
        desk.errands.measured(READING)
        desk.errands.next_body()  # on its way when it is forgotten
    while (given := desk.errands.next_body()) is not None:
        told.append(given[1][0])
        desk.errands.delivered()
    assert told == [1, 2, 3, 4, 5, 6, 7, 8]


def test_version_0_is_as_provisioned_and_nobodys_to_send() -> None:
    desk = Desk()
    desk.write(0, {SAMPLE: 30})
    assert desk.settings.value(SAMPLE) == 60
    for version in (7, 8):
        desk.write(version, {SAMPLE: 30})
        desk.take_report()
        desk.write(0, {SAMPLE: 20})
        assert (desk.settings.version, desk.settings.value(SAMPLE)) == (version, 30)
        assert not desk.errands.pending
        if version == 7:
            desk.settings.roll_back(1)
            desk.write(0, {SAMPLE: 20})
            assert (desk.settings.version, desk.settings.value(SAMPLE)) == (0, 60)


def test_reports_go_first_then_readings_then_events() -> None:
    desk = Desk()
    desk.events.pending = True
    desk.errands.take_read(5)
    desk.errands.measured(READING)
    desk.errands.tell_applied()
    found = []
    while desk.errands.pending:
        given = desk.errands.next_body()
        assert given is not None
        found.append(given[0])
        desk.errands.delivered()
    assert found == [t.TYPE_SETTINGS_REPORT, t.TYPE_STATUS, t.TYPE_EVENTS]


def test_a_gateway_may_say_from_which_event_on() -> None:
    desk = Desk()
    desk.errands.take_command(1, t.COMMAND_EVENTS_FROM, -2)
    assert desk.events.wanted_from == 0xFFFFFFFE
    desk.errands.take_command(1, 99, 0)
    assert not desk.errands.pending
