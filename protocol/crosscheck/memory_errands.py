"""Errands at both ends of a link joined in memory: a mailbox and a gateway with a desk."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from crosscheck.memory_link import MemoryGateway
from weir.link import codec
from weir.link import tables_gen as t
from weir_protocol.frames import FrameType
from weir_protocol.session import Uplink

EVENTS_MAX = 5  # in one frame
REPORT_ITEMS_MAX = 20  # in one frame
REFUSED_VALUE = -1  # stands for a value that is out of its range

Values = dict[int, int]


@dataclass
class MemoryFlash:
    """What survives a restart of the meter: the settings in force, and its events."""

    version: int = 0
    values: Values = field(default_factory=dict)
    event_count: int = 0


class MemoryErrands:
    """The mailbox of a meter (WL-SET, WL-NOW, WL-EVT), as plain as can be.

    applied: every version that came into force, with its values.
    measures: whether a measurement that is wanted is made at once.
    """

    def __init__(self, flash: MemoryFlash | None = None) -> None:
        self.flash = flash or MemoryFlash()
        self.applied: list[tuple[int, Values]] = []
        self.measures = True
        self.measured_count = 0
        self.reads: list[int] = []
        self._gathered: dict[int, Values] = {}
        self._reports: list[bytes] = []
        self._unmeasured: list[int] = []
        self._statuses: list[bytes] = []
        self._events_from = 0
        self._events_to = 0
        self._given: list[bytes] | None = None  # what the body given last is of

    @property
    def pending(self) -> bool:
        waiting = self._reports or self._unmeasured or self._statuses
        return bool(waiting) or self._events_from < self.flash.event_count

    def begin(self) -> None:
        self._gathered = {}

    def take_settings(self, version: int, items: Sequence[tuple[int, ...]]) -> None:
        if version == self.flash.version:
            self.report()
            return
        gathered = self._gathered.setdefault(version, {})
        self._gathered = {version: gathered}
        gathered.update((key, value) for key, value in items)
        if gathered.get(t.KEY_COUNT) != len(gathered) - 1:
            return
        del self._gathered[version], gathered[t.KEY_COUNT]
        wrong = [key for key, value in gathered.items() if value == REFUSED_VALUE]
        if wrong:
            self._refuse(version, wrong)
            return
        self.flash.version, self.flash.values = version, gathered
        self.applied.append((version, gathered))
        self.report()

    def take_read(self, request: int) -> None:
        self.reads.append(request)
        self._unmeasured.append(request)
        if self.measures:
            self.measure()

    def take_command(self, _request: int, code: int, argument: int) -> None:
        if code == t.COMMAND_EVENTS_FROM:
            self._events_from = min(max(argument, 0), self.flash.event_count)
            self._given = None
        elif code == t.COMMAND_REPORT_SETTINGS:
            self.report()

    def measure(self) -> None:
        for request in self._unmeasured:
            self.measured_count += 1
            status = (request, self.flash.version, 0, 0, self.measured_count, 0, 0, 0, 0, 0)
            self._statuses.append(codec.pack_body(t.TYPE_STATUS, status))
        self._unmeasured = []

    def report(self) -> None:
        values = sorted(self.flash.values.items())
        items = [(t.KEY_VERSION, self.flash.version), (t.KEY_COUNT, len(values)), *values]
        self._report(t.OUTCOME_APPLIED, items)

    def _refuse(self, version: int, keys: list[int]) -> None:
        reasons = [(key, t.REASON_OUT_OF_RANGE) for key in keys]
        self._report(t.OUTCOME_REFUSED, [(t.KEY_VERSION, version), *reasons])

    def _report(self, outcome: int, items: list[tuple[int, int]]) -> None:
        """Make a report due, in place of any other."""
        self._given = None
        head = (self.flash.version, outcome)
        self._reports = [
            codec.pack_body(t.TYPE_SETTINGS_REPORT, head, items[at : at + REPORT_ITEMS_MAX])
            for at in range(0, len(items), REPORT_ITEMS_MAX)
        ]

    def next_body(self) -> tuple[int, bytes] | None:
        for frame_type, bodies in (
            (t.TYPE_SETTINGS_REPORT, self._reports),
            (t.TYPE_STATUS, self._statuses),
        ):
            if bodies:
                self._given = bodies
                return frame_type, bodies[0]
        if self._events_from == self.flash.event_count:
            return None
        if self._given is None or self._events_to <= self._events_from:
            self._events_to = min(self._events_from + EVENTS_MAX, self.flash.event_count)
        self._given = []
        return t.TYPE_EVENTS, self._events_body()

    def _events_body(self) -> bytes:
        events = [
            (sequence, 1000 + sequence, 1, t.EVENT_TRIGGERED, t.PHASE_NOTE, 0, 0)
            for sequence in range(self._events_from, self._events_to)
        ]
        return codec.pack_body(t.TYPE_EVENTS, (self.flash.version & 0xFF,), events)

    def delivered(self) -> None:
        given, self._given = self._given, None
        if given:
            del given[0]
        elif given is not None:
            self._events_from = self._events_to


@dataclass
class DeskGateway(MemoryGateway):
    """A gateway that changes settings, reads at once, and takes events.

    version, values: desired. items_max: of a SETTINGS frame. reads_wanted: requests to make.
    attested: the version that the meter last said is in force, as far as it said it.
    reports: (version it is about, outcome, values or reasons) of each that came whole.
    events: their sequences in the order in which they were new.
    """

    version: int = 0
    values: Values = field(default_factory=dict)
    items_max: int = 20
    reads_wanted: list[int] = field(default_factory=list)
    statuses: list[tuple[int, int]] = field(default_factory=list)
    attested: int = 0
    concluded: int = 0
    reports: list[tuple[int, int, Values]] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    _told: int = 0
    _told_reads: list[int] = field(default_factory=list)
    _coming: Values = field(default_factory=dict)

    def change(self, version: int, values: Values) -> None:
        self.version, self.values = version, values

    @property
    def outstanding(self) -> bool:
        """A change waits for its report, or a reading for its STATUS."""
        return self.concluded != self.version or bool(self.reads_wanted)

    def tell(self, uplink: Uplink) -> bytes:
        anew = uplink.frame_type is FrameType.HELLO or self.is_poll(uplink)
        told = b""
        if uplink.frame_type is FrameType.HELLO:
            told += self.command(uplink, t.COMMAND_EVENTS_FROM, len(self.events))
        if self.concluded != self.version and (anew or self._told != self.version):
            self._told = self.version
            told += b"".join(self.settings(uplink))
        for request in self.reads_wanted:
            if anew or request not in self._told_reads:
                told += self.read_now(uplink, request)
        self._told_reads = list(self.reads_wanted)
        return told + super().tell(uplink)

    def settings(self, uplink: Uplink) -> list[bytes]:
        """Return the stream bytes of the frames of SETTINGS of the desired version."""
        items = list(self.values.items())
        room = self.items_max - 1
        pieces = [
            [(t.KEY_COUNT, len(items)), *items[at : at + room]]
            for at in range(0, max(1, len(items)), room)
        ]
        return [
            self.downlink(
                FrameType.SETTINGS,
                uplink,
                settings_version=self.version,
                items=[{"key": key, "value": value} for key, value in piece],
            )
            for piece in pieces
        ]

    def read_now(self, uplink: Uplink, request: int) -> bytes:
        return self.downlink(FrameType.READ_NOW, uplink, request=request)

    def command(self, uplink: Uplink, code: int, argument: int = 0) -> bytes:
        return self.downlink(FrameType.COMMAND, uplink, request=0, code=code, argument=argument)

    def take(self, uplink: Uplink) -> None:
        fields = uplink.fields
        match uplink.frame_type:
            case FrameType.STATUS:
                self.statuses.append((fields["request"], fields["forward_pulses"]))
                self.reads_wanted = [one for one in self.reads_wanted if one != fields["request"]]
            case FrameType.SETTINGS_REPORT:
                self._take_report(uplink)
            case FrameType.EVENTS:
                self._take_events([item["event_sequence"] for item in fields["items"]])
        if uplink.frame_type in (FrameType.STATUS, FrameType.SETTINGS_REPORT):
            self.attested = fields["settings_version"]

    def _take_report(self, uplink: Uplink) -> None:
        items = {item["key"]: item["value"] for item in uplink.fields["items"]}
        if t.KEY_VERSION in items:
            self._coming = {}
        self._coming.update(items)
        rest = {key: value for key, value in self._coming.items() if 0 < key < t.KEY_SEQUENCE}
        if len(rest) < self._coming.get(t.KEY_COUNT, 0):
            return
        about = self._coming[t.KEY_VERSION]
        self.reports.append((about, uplink.fields["outcome"], rest))
        self.concluded = about

    def _take_events(self, sequences: list[int]) -> None:
        """Take what is new, and see that nothing before it is missing."""
        for sequence in sequences:
            assert sequence <= len(self.events), f"event {len(self.events)} is missing"
            if sequence == len(self.events):
                self.events.append(sequence)
