"""The power fails inside the meter's flash operations. The ledger stays whole all the same."""

import re
from collections.abc import Sequence
from typing import get_args

import pytest

from weir.assembly import RING_SECTOR
from weir_bench.flash_cuts import Flash, FlashCut, Part, draw_cuts
from weir_bench.roles import Calendar, Gateway, Meter, Pulses, Subscriber, Supply
from weir_bench.witness import Name, Witness, check_against, name_of, named_lost

HOURS_MAX = 200  # within which any operation of draw_cuts comes
PARTS: Sequence[Part] = get_args(Part)
RATE_HZ = 0.1
RING_SECTORS = 3
RECORDS_A_SECTOR = 127


def lose_power_in(cut: FlashCut, flash: Flash, supply: Supply, calendar: Calendar) -> None:
    """Start the meter and let time pass until the power has failed there."""
    flash.fail_in(cut)
    supply.restore()
    hours = 0
    while supply.is_on and hours < HOURS_MAX:
        calendar.let_pass(hours=1)
        hours += 1
    assert not supply.is_on, f"the power never failed in {cut}"


def suffer(cuts: Sequence[FlashCut], flash: Flash, supply: Supply, calendar: Calendar) -> Witness:
    """Lose the power in each of them, one start after another, and look at what each has left.

    The meter runs again in the end.
    """
    witness = Witness(flash)
    supply.cut()
    witness.look()
    for cut in cuts:
        lose_power_in(cut, flash, supply, calendar)
        witness.look()
    supply.restore()
    calendar.let_pass(hours=2)
    supply.cut()
    witness.look()
    supply.restore()
    return witness


def let_meter_call(calendar: Calendar, meter: Meter) -> None:
    """Let enough time pass for a slot of a meter that has just started."""
    calendar.let_pass(seconds=2 * meter.identity.send_interval_s)


def check_ledger(
    witness: Witness, meter: Meter, gateway: Gateway, subscriber: Subscriber
) -> set[Name]:
    """All that was recorded is on MQTT once for each id, or named lost; return what was lost."""
    gateway.wait_until_published()
    subscriber.catch_up()
    published = {name_of(reading): reading for reading in subscriber.readings.values()}
    lost = named_lost(gateway, meter.identity.meter_id)
    assert len(published) == len(subscriber.readings)
    assert not published.keys() & lost
    (epoch,) = {record.epoch for record in witness.records.values()}
    newest = max(record.sequence for record in witness.records.values())
    assert {(epoch, sequence) for sequence in range(newest + 1)} <= published.keys() | lost
    assert witness.kept <= published.keys()
    for name in witness.records.keys() & published.keys():
        check_against(witness.records[name], published[name])
    witness.check_registers()
    return lost


@pytest.mark.meter(sample_interval_s=900, send_interval_s=3600, ring_sectors=RING_SECTORS)
def test_power_that_fails_while_the_flash_is_first_formatted_leaves_a_meter_that_starts(
    request: pytest.FixtureRequest,
    calendar: Calendar,
    pulses: Pulses,
    supply: Supply,
    flash: Flash,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    for number, part in enumerate(PARTS, start=1):
        lose_power_in(FlashCut("either", number, part), flash, supply, calendar)
    meter: Meter = request.getfixturevalue("meter")
    witness = suffer([], flash, supply, calendar)
    assert witness.records
    let_meter_call(calendar, meter)
    check_ledger(witness, meter, gateway, subscriber)


@pytest.mark.meter(sample_interval_s=900, send_interval_s=3600, ring_sectors=RING_SECTORS)
def test_power_that_fails_in_any_flash_operation_loses_nothing_that_was_recorded(
    calendar: Calendar,
    pulses: Pulses,
    supply: Supply,
    flash: Flash,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    cuts = draw_cuts(seed=1, count=18)
    witness = suffer(cuts, flash, supply, calendar)
    let_meter_call(calendar, meter)
    check_ledger(witness, meter, gateway, subscriber)
    places = re.findall(r"cut in (\w+) of sector (\d+)", meter.console.log.read_text())
    assert len(places) == len(cuts)
    assert {"0", "1", "2"} & {sector for _, sector in places}  # the checkpoint
    assert {kind for kind, sector in places if int(sector) >= RING_SECTOR} == {"program", "erase"}


@pytest.mark.meter(sample_interval_s=900, send_interval_s=14_400, ring_sectors=RING_SECTORS)
def test_what_the_ring_had_to_overwrite_while_its_power_failed_is_named_lost(
    calendar: Calendar,
    pulses: Pulses,
    supply: Supply,
    flash: Flash,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    calendar.let_pass(hours=1)
    gateway.kill()
    cuts = [FlashCut("erase", 2, "half"), FlashCut("erase", 3, "junk")]
    witness = suffer(cuts, flash, supply, calendar)
    gateway.start()
    let_meter_call(calendar, meter)
    lost = check_ledger(witness, meter, gateway, subscriber)
    assert len(lost) > RECORDS_A_SECTOR


@pytest.mark.soak
@pytest.mark.timeout(1800)  # for a machine that has other things to do
@pytest.mark.each_link
@pytest.mark.parametrize("seed", range(2, 12))
@pytest.mark.meter(sample_interval_s=900, send_interval_s=3600, ring_sectors=RING_SECTORS)
def test_hundreds_of_power_cuts_lose_nothing_that_was_recorded(
    seed: int,
    calendar: Calendar,
    pulses: Pulses,
    supply: Supply,
    flash: Flash,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    witness = suffer(draw_cuts(seed, count=60), flash, supply, calendar)
    let_meter_call(calendar, meter)
    check_ledger(witness, meter, gateway, subscriber)
