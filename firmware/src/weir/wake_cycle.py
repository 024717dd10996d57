"""The loop around the meter's step, the same on every port."""

from micropython import const
from weir.step import Inputs

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.hal.analog import Analog
    from weir.hal.byte_link import ByteLink
    from weir.hal.clock import Clock
    from weir.hal.power import Power
    from weir.hal.pulse_counter import PulseCounter
    from weir.hal.senses import Senses
    from weir.meter import Meter


class WakeCycle:
    """Wakes, takes the inputs, lets the meter step, does what it asks for, and sleeps."""

    def __init__(
        self,
        meter: "Meter",
        clock: "Clock",
        pulses: "PulseCounter",
        senses: "Senses",
        analog: "Analog",
        link: "ByteLink",
        power: "Power",
    ) -> None:
        self._meter = meter
        self._clock = clock
        self._pulses = pulses
        self._senses = senses
        self._analog = analog
        self._link = link
        self._power = power
        self._inputs = Inputs()
        self._told: object = None  # the settings that the hardware has

    def turn(self) -> None:
        """One step, then sleep until the next."""
        link, inputs = self._link, self._inputs
        inputs.now_ms = self._clock.now_ms()
        inputs.link_ms = self._clock.link_ms()
        inputs.forward_pulses = self._pulses.forward_pulses()
        inputs.reverse_pulses = self._pulses.reverse_pulses()
        inputs.senses = self._senses.sensed()
        inputs.illegal_transitions = self._senses.illegal_transitions()
        inputs.battery_mv = self._power.battery_mv()
        due = self._meter.pressure_due(inputs.now_ms)
        inputs.pressure_kpa = self._analog.pressure_kpa() if due else None
        inputs.received = link.receive()
        inputs.link_is_open = link.is_open()
        actions = self._meter.step(inputs)
        if actions.transmit:
            link.transmit(actions.transmit)
        if actions.pulse_input is not self._told:
            self._told = actions.pulse_input
            self._pulses.count_as(*actions.pulse_input)
            self._analog.measure_with(*actions.pressure_input)
        link_wake_at_ms = actions.link_wake_at_ms
        link.configure(actions.link_port, actions.link_baud)
        drive_at_ms = link.drive(inputs.link_ms, wanted=actions.link_wanted)
        if drive_at_ms is not None and (link_wake_at_ms is None or drive_at_ms < link_wake_at_ms):
            link_wake_at_ms = drive_at_ms
        self._power.sleep(
            actions.wake_at_ms, link_wake_at_ms, pressure_wanted=actions.pressure_wanted
        )
