"""The mailbox between the meter and its session: what the gateway wants, what the meter tells.

Reports on settings go first, then readings that were asked for, then events.
"""

from micropython import const
from weir.link import codec
from weir.link import tables_gen as t

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from weir.settings.change import Draft
    from weir.settings.in_force import Settings
    from weir.settings.report import Report

    class Events(Protocol):
        """The events that are still to be delivered; see weir.event_outbox.EventOutbox."""

        @property
        def pending(self) -> bool: ...
        def next_body(self, settings_version: int) -> "bytes | None": ...
        def delivered(self) -> None: ...
        def resume_from(self, event_sequence: int) -> None: ...


_READS_MAX = const(8)  # that wait at a time; of more, the oldest are forgotten
_MASK = const(0xFFFFFFFF)


class Mailbox:
    """Keeps the contract of weir.link.errands.Errands.

    change: a whole version that breaks no rule, for the meter to apply or take away.
    read_wanted: a measurement is wanted, to be told to ``measured``.
    """

    def __init__(self, settings: "Settings", events: "Events | None", body_size_max: int) -> None:
        self.change: Draft | None = None
        self._settings = settings
        self._events = events
        self._body_size_max = body_size_max
        self._draft: Draft | None = None
        self._reports: list[Report] = []
        self._asked: list[int] = []  # requests whose measurement is still to be made
        self._readings: list[tuple[int, Sequence[int]]] = []  # with the request of each
        self._given: tuple[int, bytes] | None = None
        self._given_version = 0  # that it names

    @property
    def pending(self) -> bool:
        if self._reports or self._readings or self._asked or self.change is not None:
            return True
        return self._events is not None and self._events.pending

    @property
    def read_wanted(self) -> bool:
        return bool(self._asked)

    def begin(self) -> None:
        self._draft = None

    def take_settings(self, version: int, items: "Sequence[tuple[int, ...]]") -> None:
        settings = self._settings
        if not version:
            return  # as provisioned: nobody's to send
        if version == settings.version:
            self.tell_applied()
        elif version == settings.given_up:
            self.tell(t.OUTCOME_ROLLED_BACK, version)
        else:
            self._gather(version, items)

    def _gather(self, version: int, items: "Sequence[tuple[int, ...]]") -> None:
        if self._draft is None or self._draft.version != version:
            from weir.settings.change import Draft  # rare: takes no memory before

            self._draft = Draft(version)
        if not self._draft.take(items):
            return
        draft, self._draft = self._draft, None
        reasons = draft.faults(self._settings)
        if reasons:
            self.tell(t.OUTCOME_REFUSED, version, reasons)
        else:
            self.change = draft

    def take_read(self, request: int) -> None:
        if request not in self._asked:
            self._asked.append(request)
        del self._asked[:-_READS_MAX]

    def take_command(self, _request: int, code: int, argument: int) -> None:
        if code == t.COMMAND_REPORT_SETTINGS:
            self.tell_applied()
        elif code == t.COMMAND_EVENTS_FROM and self._events is not None:
            self._forget(t.TYPE_EVENTS)
            self._events.resume_from(argument & _MASK)

    def tell_applied(self) -> None:
        """Report the version in force and its values."""
        self.tell(t.OUTCOME_APPLIED, self._settings.version)

    def tell_rolled_back(self, version: int) -> None:
        """Report that a version was given up; what is not told yet is of the past."""
        self._reports = []
        self.tell(t.OUTCOME_ROLLED_BACK, version)

    def tell(self, outcome: int, version: int, reasons: "dict[int, int] | None" = None) -> None:
        """Report what became of a version, instead of what is to be reported of the kind."""
        from weir.settings.report import Report  # rare: takes no memory before

        self._reports = [report for report in self._reports if report.outcome != outcome]
        self._reports.append(Report(self._settings, outcome, version, reasons or {}))
        self._forget(t.TYPE_SETTINGS_REPORT)

    def measured(self, reading: "Sequence[int]") -> None:
        """Answer all that was asked for. ``reading``: a STATUS after its version."""
        for request in self._asked:
            self._readings.append((request, reading))
        self._asked = []
        if len(self._readings) > _READS_MAX:
            del self._readings[:-_READS_MAX]
            self._forget(t.TYPE_STATUS)

    def _forget(self, frame_type: int) -> None:
        """Let a body that was given count no more as what is delivered next."""
        if self._given is not None and self._given[0] == frame_type:
            self._given = None

    def next_body(self) -> "tuple[int, bytes] | None":
        version = self._settings.version
        if self._given is None or self._given_version != version:  # WL-TYP-02
            self._given = self._make()
            self._given_version = version
        return self._given

    def _make(self) -> "tuple[int, bytes] | None":
        if self._reports:
            return t.TYPE_SETTINGS_REPORT, self._reports[0].body(self._body_size_max)
        if self._readings:
            return t.TYPE_STATUS, self._status()
        if self._events is None or not self._events.pending:
            return None
        body = self._events.next_body(self._settings.version)
        return None if body is None else (t.TYPE_EVENTS, body)

    def _status(self) -> bytes:
        request, reading = self._readings[0]
        values = [request, self._settings.version]
        values.extend(reading)
        return codec.pack_body(t.TYPE_STATUS, values)

    def delivered(self) -> None:
        if self._given is None:
            return
        kind = self._given[0]
        self._given = None
        if kind == t.TYPE_STATUS:
            self._readings.pop(0)
        elif kind == t.TYPE_EVENTS and self._events is not None:
            self._events.delivered()
        elif self._reports and self._reports[0].delivered():
            self._reports.pop(0)
