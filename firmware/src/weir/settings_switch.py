"""Brings settings into force: all of the meter follows them at once, and no record mixes two."""

from micropython import const
from weir.link import tables_gen as t
from weir.settings import table_gen as g

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Mapping

    from weir.link.dispatch import Dispatch
    from weir.mailbox import Mailbox
    from weir.notes import Notes
    from weir.recorder import Recorder
    from weir.schedule.timekeeper import Timekeeper
    from weir.schedule.timetable import Timetable
    from weir.settings.in_force import Settings

# What a record means depends on these.
_MEANINGS = bytes(
    (
        g.K_SAMPLE_INTERVAL_S,
        g.K_STORE_INTERVAL_S,
        g.K_PULSE_WEIGHT_ML,
        g.K_PULSE_MODE,
        g.K_PRESSURE_SENSOR,
        g.K_PRESSURE_RANGE_KPA,
    )
)


class SettingsSwitch:
    """Changes settings between two steps of the meter, and tells of it.

    pulse_input, pressure_input: as in weir.step.Actions.
    """

    def __init__(
        self,
        settings: "Settings",
        recorder: "Recorder",
        timekeeper: "Timekeeper",
        timetable: "Timetable",
        dispatch: "Dispatch",
        notes: "Notes",
        errands: "Mailbox",
    ) -> None:
        self._settings = settings
        self._recorder = recorder
        self._timekeeper = timekeeper
        self._timetable = timetable
        self._dispatch = dispatch
        self._notes = notes
        self._errands = errands
        self.pulse_input = self.pressure_input = (0, 0, 0)

    def follow(self) -> None:
        """Let all objects follow the settings in force. Due times are not touched."""
        value, dispatch = self._settings.value, self._dispatch
        sample_s, store_s = value(g.K_SAMPLE_INTERVAL_S), value(g.K_STORE_INTERVAL_S)
        self._timetable.configure(
            sample_s,
            store_s,
            value(g.K_SEND_INTERVAL_S),
            value(g.K_SEND_SLOT_S),
            value(g.K_SEND_SPREAD_S),
        )
        self._timekeeper.configure(
            value(g.K_DRIFT_CORRECTION_PPB),
            bool(value(g.K_DRIFT_LEARNING)),
            value(g.K_CLOCK_DRIFT_PPM),
        )
        self.pulse_input = (
            value(g.K_PULSE_MODE),
            value(g.K_DEBOUNCE_CLOSE_MS),
            value(g.K_DEBOUNCE_OPEN_MS),
        )
        sensor = value(g.K_PRESSURE_SENSOR)
        self.pressure_input = (
            sensor,
            value(g.K_PRESSURE_RANGE_KPA),
            value(g.K_PRESSURE_WARM_UP_MS) if sensor else 0,
        )
        dispatch.interval_s = store_s
        dispatch.samples = min(-(-store_s // sample_s), t.SAMPLES_MAX)
        dispatch.settings_version = self._settings.version

    def apply(self, now_ms: int) -> bool:
        """Bring the change that waits into force, if there is one; return whether it is."""
        change, self._errands.change = self._errands.change, None
        if change is None:
            return False
        self._close_interval(change.overrides, now_ms)
        sequence = self._recorder.journal.sequence_next
        if not self._settings.apply(change.version, change.overrides, sequence):
            self._errands.tell(t.OUTCOME_REFUSED, change.version)
            return False
        self._switched(now_ms)
        self._notes.note(now_ms, t.EVENT_SETTINGS_APPLIED, change.version)
        self._errands.tell_applied()
        return True

    def roll_back(self, now_ms: int) -> None:
        """Go back to the settings that worked."""
        settings = self._settings
        self._close_interval(settings.overrides_before(), now_ms)
        settings.roll_back(self._recorder.journal.sequence_next)
        self._switched(now_ms)
        given_up = settings.given_up
        self._notes.note(now_ms, t.EVENT_SETTINGS_ROLLED_BACK, given_up, settings.version)
        self._errands.tell_rolled_back(given_up)

    def _close_interval(self, overrides: "Mapping[int, int]", now_ms: int) -> None:
        """End the record under way if its meaning would change under it."""
        settings = self._settings
        for key in _MEANINGS:
            if settings.value(key) != settings.value_under(overrides, key):
                self._recorder.close(now_ms)
                self._recorder.restart_flow(now_ms)
                return

    def _switched(self, now_ms: int) -> None:
        self.follow()
        self._timetable.align(self._timekeeper.calendar_ms(now_ms))
