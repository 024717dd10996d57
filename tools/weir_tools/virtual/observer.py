"""Stands between a meter's firmware and its rings, and writes down what it gives to them.

Import it after `weir_tools.firmware_on_host.make_importable`.
"""

from collections.abc import Callable
from typing import Any

from weir.settings import table_gen as g
from weir.wake_cycle import WakeCycle
from weir_tools.virtual.ledger import MeterBook, RingBook, Taken
from weir_tools.virtual.loop import VirtualTime
from weir_tools.virtual.water import Water

_READING_VALUES = 9  # of a record, as the gateway is told
_EVENT_VALUES = 6


class Observer:
    """Knows the inside of one boot of the firmware. breach: told of what is broken."""

    def __init__(
        self,
        instant: VirtualTime,
        water: Water,
        book: MeterBook,
        breach: Callable[[int, int | None, str], None],
        cycle: WakeCycle,
    ) -> None:
        self._instant = instant
        self._water = water
        self._book = book
        self._breach = breach
        self._boot = len(book.boots) - 1
        self._meter: Any = cycle._meter
        self.readings: Any = self._meter._recorder.journal
        self._watch_ring(self.readings, book, _READING_VALUES)
        if self._meter._notes.events is not None:
            self._watch_ring(self._meter._notes.events, book.events, _EVENT_VALUES)
        self._watch_errands(self._meter._errands)
        self._watch_vault(self.settings._vault)

    @property
    def settings(self) -> Any:
        """The settings in force (weir.settings.in_force.Settings)."""
        return self._meter._settings

    @property
    def raised_codes(self) -> list[int]:
        """The alarms that are raised."""
        states = self._meter._watch._alarms._states
        return [code for code in range(32) if states.is_raised(code)]

    def follow(self) -> None:
        """Take note after a step of how far the rings are."""
        self._book.sequence_next = self.readings.sequence_next
        events = self._meter._notes.events
        if events is not None:
            self._book.events.sequence_next = events.sequence_next

    def _watch_ring(self, journal: Any, book: RingBook, value_count: int) -> None:
        """value_count: how many values of a record the gateway is told."""
        append = journal.append
        book.epoch = journal._ring.epoch

        def written_down(record: list[int]) -> int:
            name = (book.epoch, journal.sequence_next)
            taken = self._taken(name[1], record[:value_count])
            book.doubtful.setdefault(name, []).append(taken)
            sequence: int = append(record)
            book.doubtful[name].remove(taken)
            if not book.doubtful[name]:
                del book.doubtful[name]
            book.take((book.epoch, sequence), taken)
            found = [0] * len(record)
            if not (journal.read_into(sequence, found) and found == record):
                self._breach(book.meter_id, sequence, "was appended but is not in the ring")
            return sequence

        journal.append = written_down

    def _taken(self, sequence: int, record: list[int]) -> Taken:
        now_us = self._instant.now_us
        value = self.settings.value
        return Taken(
            sequence,
            tuple(record),
            self._boot,
            self._water.totals(now_us),
            now_us / 1e6,
            (value(g.K_PULSE_WEIGHT_ML), value(g.K_SAMPLE_INTERVAL_S)),
            self.settings.version,
        )

    def _watch_errands(self, errands: Any) -> None:
        measured = errands.measured

        def written_down(reading: list[int]) -> None:
            self._book.measured[tuple(reading)] = self._instant.now_us / 1e6
            measured(reading)

        errands.measured = written_down

    def _watch_vault(self, vault: Any) -> None:
        store = vault.store

        def counted(blob: bytes) -> bool:
            self._book.settings_stores += 1
            kept: bool = store(blob)
            return kept

        vault.store = counted
