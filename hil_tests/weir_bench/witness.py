"""An independent account of what a meter's flash has held, to hold against what came out."""

from collections.abc import Iterable

from weir_bench.flash_cuts import Flash
from weir_bench.roles import Document, Gateway
from weir_protocol.records import Status
from weir_tools.simulator.ring_reader import RingRecord

Name = tuple[int, int]  # epoch and sequence


class Witness:
    """records: every record that was ever seen in the flash, by its name.

    kept: what was seen in it when it was last looked at.
    first_of_starts: names of the first record after each start of the meter.
    """

    def __init__(self, flash: Flash) -> None:
        self.records: dict[Name, RingRecord] = {}
        self.kept: set[Name] = set()
        self.first_of_starts: set[Name] = set()
        self._flash = flash

    def look(self) -> None:
        """Read the flash of a meter that has lost its power since it was looked at last."""
        self.kept = set()
        fresh = []
        for record in self._flash.records():
            name = (record.epoch, record.sequence)
            self.kept.add(name)
            if name in self.records:
                assert self.records[name] == record, "one name for two records"
            else:
                fresh.append(name)
                self.records[name] = record
        if fresh:
            self.first_of_starts.add(min(fresh))

    def check_registers(self) -> None:
        """They never go back, and a start shows in the first record after it, in no other.

        All but the very first start may have lost pulses, and say so.
        """
        before = (0, 0)
        very_first = min(self.records)
        for name in sorted(self.records):
            record = self.records[name]
            registers = (record.forward_pulses, record.reverse_pulses)
            assert all(now >= then for now, then in zip(registers, before, strict=True))
            before = registers
            status = Status(record.status)
            is_first = name in self.first_of_starts
            assert (Status.RESTARTED in status) is is_first, f"{name}: {status}"
            assert Status.REGISTER_GAP in status or not is_first or name == very_first


def named_lost(gateway: Gateway, meter_id: int) -> set[Name]:
    """Every sequence that the gateway has named lost."""
    return {
        (int(gap["epoch"], 16), sequence)
        for gap in gateway.client.meter(meter_id)["gaps"]
        if gap["state"] == "lost"
        for sequence in range(gap["first_sequence"], gap["last_sequence"] + 1)
    }


def name_of(reading: Document) -> Name:
    return int(reading["epoch"], 16), reading["sequence"]


def check_all_arrived(
    records: Iterable[RingRecord], readings: Iterable[Document], meter_id: int
) -> None:
    """Every record of a meter's ring is a reading on MQTT, and nothing else is one of its."""
    published = {name_of(one): one for one in readings if one["meter_id"] == meter_id}
    kept = {(record.epoch, record.sequence): record for record in records}
    assert sorted(kept.keys() - published.keys()) == [], f"of meter {meter_id} never arrived"
    assert sorted(published.keys() - kept.keys()) == [], f"meter {meter_id} never recorded"
    for name, record in kept.items():
        check_against(record, published[name])


def check_against(record: RingRecord, reading: Document) -> None:
    """A reading on MQTT says what the record in flash says."""
    assert reading["forward_pulses"] == record.forward_pulses
    assert reading["reverse_pulses"] == record.reverse_pulses
    assert ("restarted" in reading["quality"]) is (Status.RESTARTED in Status(record.status))
