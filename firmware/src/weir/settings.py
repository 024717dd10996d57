"""The settings in force."""

FRAME_SIZE_MAX = 140  # bytes; one SMS, so that every carrier takes it


class Settings:
    """Intervals in seconds. They are read at a start; a change takes the next one."""

    def __init__(
        self,
        pulse_weight_ml: int,
        sample_interval_s: int = 60,
        store_interval_s: int = 900,
        send_interval_s: int = 900,
    ) -> None:
        self.version = 0  # as provisioned
        self.pulse_weight_ml = pulse_weight_ml
        self.sample_interval_s = sample_interval_s
        self.store_interval_s = store_interval_s
        self.send_interval_s = send_interval_s
        self.frame_size_max = FRAME_SIZE_MAX
