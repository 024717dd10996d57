"""The flow of one direction, from pulses that are counted at every sample."""


class Flow:
    """Flow in litres an hour, good also where a pulse is rarer than a sample.

    Of two pulses and more it is their mean over the sample. One pulse stands for the time since
    the sample that saw a pulse before it. Without a pulse the flow is as before, but no more than
    one pulse over the time without: so it never claims a standstill that pulses cannot show yet.

    l_per_h: None after a start, until pulses have shown it.
    at_most_l_per_h: what a time without a pulse shows until then; None for nothing.
    mean_l_per_h: of the time from the start to the last sample, while nothing better is known.
    """

    def __init__(self) -> None:
        self.l_per_h: int | None = None
        self.at_most_l_per_h: int | None = None
        self.mean_l_per_h = 0
        self._pulses = self._volume_ml = 0  # not in a flow yet
        self._sampled_at_ms = self._pulse_at_ms = self._started_at_ms = 0
        self._has_pulse = False  # since the start

    def start(self, now_ms: int) -> None:
        self._sampled_at_ms = self._pulse_at_ms = self._started_at_ms = now_ms

    def sample(self, now_ms: int, pulses: int, pulse_weight_ml: int, span_ms_min: int) -> None:
        """Take the pulses since the last sample, by a clock that only goes forward.

        What comes less than ``span_ms_min`` after the sample before waits for the next: a pulse
        in a moment says nothing about flow.
        """
        self._pulses += pulses
        self._volume_ml += pulses * pulse_weight_ml
        span_ms = now_ms - self._sampled_at_ms
        if span_ms < span_ms_min or span_ms <= 0:
            return
        gap_ms = now_ms - self._pulse_at_ms
        if self._pulses > 1:
            self.l_per_h = self._volume_ml * 3600 // span_ms
        elif self._pulses:
            self._take_pulse(now_ms, gap_ms)
        else:
            self._take_gap(pulse_weight_ml * 3600 // gap_ms)
        if self._pulses:
            self._has_pulse = True
            self._pulse_at_ms = now_ms
        self._pulses = self._volume_ml = 0
        self._sampled_at_ms = now_ms

    def _take_pulse(self, now_ms: int, gap_ms: int) -> None:
        if self._has_pulse:
            self.l_per_h = self._volume_ml * 3600 // gap_ms
        else:  # how long the one before it has been is not known
            self.at_most_l_per_h = None
            self.mean_l_per_h = self._volume_ml * 3600 // (now_ms - self._started_at_ms)

    def _take_gap(self, at_most_l_per_h: int) -> None:
        if self.l_per_h is None:
            self.at_most_l_per_h = at_most_l_per_h
            self.mean_l_per_h = min(self.mean_l_per_h, at_most_l_per_h)
        else:
            self.l_per_h = min(self.l_per_h, at_most_l_per_h)
