"""Alarms on a bench of their own: a sample every minute, any setting at hand."""

from weir.metrology.alarms import Alarms
from weir.settings.table import default_of

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
RAISED, CLEARED = True, False


class AlarmRig:
    """Alarms with the defaults of the table.

    told: (code, raised, value, limit) of each change.
    forward_pulses, reverse_pulses, pressure_kpa, battery_mv: what the next sample shows.
    senses, illegal_transitions: what the next step shows.
    """

    def __init__(self, forward_pulses: int = 0, reverse_pulses: int = 0) -> None:
        self.settings: dict[int, int] = {}
        self.told: list[tuple[int, bool, int, int]] = []
        self.now_ms = 1000
        self.forward_pulses = forward_pulses
        self.reverse_pulses = reverse_pulses
        self.pressure_kpa: int | None = 400
        self.battery_mv = 3600
        self.senses = 0
        self.illegal_transitions = 0
        self.restart()

    def restart(self) -> None:
        """Lose all that memory holds."""
        self.alarms = Alarms(self.value_of, self._tell)
        self.alarms.start(self.now_ms, self.forward_pulses, self.reverse_pulses)

    def value_of(self, key: int) -> int:
        value = self.settings.get(key)
        return default_of(key) if value is None else value

    def _tell(self, code: int, is_raised: bool, value: int, limit: int) -> None:
        self.told.append((code, is_raised, value, limit))

    def sample(self, forward: int = 0, reverse: int = 0, after_ms: int = MINUTE_MS) -> None:
        """Let pulses come and time pass, then take a sample."""
        self.now_ms += after_ms
        self.forward_pulses = (self.forward_pulses + forward) & 0xFFFFFFFF
        self.reverse_pulses = (self.reverse_pulses + reverse) & 0xFFFFFFFF
        self.alarms.sample(
            self.now_ms,
            self.forward_pulses,
            self.reverse_pulses,
            self.pressure_kpa,
            self.battery_mv,
        )

    def samples(self, count: int, forward: int = 0, reverse: int = 0) -> None:
        """Take a sample every minute, so many, each with so many pulses."""
        for _ in range(count):
            self.sample(forward, reverse)

    def press(self, *pressures_kpa: "int | None") -> None:
        """Take a sample every minute, each with the next of these pressures."""
        for self.pressure_kpa in pressures_kpa:
            self.sample()

    def sense(self, senses: int, after_ms: int = 0) -> None:
        """Let time pass, then step with these senses."""
        self.now_ms += after_ms
        self.senses = senses
        self.alarms.sense(self.now_ms, senses, self.illegal_transitions)

    def jolt(self, transitions: int, after_ms: int = MINUTE_MS) -> None:
        """Let time pass, then step with so many illegal transitions more."""
        self.illegal_transitions = (self.illegal_transitions + transitions) & 0xFFFFFFFF
        self.sense(self.senses, after_ms)


def rig_with(*settings: "dict[int, int]") -> AlarmRig:
    """Return a rig whose settings differ from the defaults; later ones win."""
    rig = AlarmRig()
    for changes in settings:
        rig.settings.update(changes)
    return rig
