"""What goes into one step of the meter, and what comes out of it."""


class Inputs:
    """What one step is told. The caller keeps one and fills it anew.

    now_ms, link_ms: see weir.hal.clock.
    forward_pulses, reverse_pulses: counted since this boot, modulo 2**32.
    senses, illegal_transitions: see weir.hal.senses. battery_mv: 0 for not measured.
    pressure_kpa: measured only when ``Meter.pressure_due``; None when not, or at fault.
    received: what came over the link. link_is_open: whether bytes can be sent now.
    """

    def __init__(self) -> None:
        self.now_ms = 0
        self.link_ms = 0
        self.forward_pulses = 0
        self.reverse_pulses = 0
        self.senses = 0
        self.illegal_transitions = 0
        self.battery_mv = 0
        self.pressure_kpa: int | None = None
        self.received = b""
        self.link_is_open = False


class Actions:
    """What one step asks for. The meter keeps one; it holds until the next step.

    wake_at_ms: ``now_ms`` of the next step at the latest.
    pressure_wanted: pressure is measured in the step at ``wake_at_ms``.
    link_wake_at_ms: ``link_ms`` of the next step at the latest, None for no limit.
    link_wanted: the link shall be open, or be opened; ``link_port`` and ``link_baud`` say how,
        see weir.hal.byte_link.
    transmit: bytes to send.
    pulse_input, pressure_input: settings of the hardware, see weir.hal.pulse_counter and
        weir.hal.analog; another object when they have changed.
    """

    def __init__(self) -> None:
        self.wake_at_ms = 0
        self.pressure_wanted = False
        self.link_wake_at_ms: int | None = None
        self.link_wanted = False
        self.link_port = self.link_baud = 0
        self.transmit = b""
        self.pulse_input = self.pressure_input = (0, 0, 0)
