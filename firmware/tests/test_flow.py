"""The flow is what the pulses show: no more, and no standstill that they cannot show yet."""

from weir.metrology.flow import Flow

MINUTE_MS = 60_000
LITRE_ML = 1000


class Pipe:
    """Pulses of a litre and a sample every minute."""

    def __init__(self, pulse_weight_ml: int = LITRE_ML) -> None:
        self.flow = Flow()
        self.flow.start(0)
        self.now_ms = 0
        self.pulse_weight_ml = pulse_weight_ml

    def sample(self, pulses: int, after_ms: int = MINUTE_MS) -> "int | None":
        self.now_ms += after_ms
        self.flow.sample(self.now_ms, pulses, self.pulse_weight_ml, MINUTE_MS // 2)
        return self.flow.l_per_h


def test_many_pulses_are_their_mean_over_the_sample() -> None:
    pipe = Pipe()
    assert pipe.sample(10) == 600
    assert pipe.sample(20) == 1200
    assert pipe.sample(5) == 300


def test_a_sample_that_comes_late_shows_the_mean_of_its_span() -> None:
    pipe = Pipe()
    pipe.sample(10)
    assert pipe.sample(50, after_ms=5 * MINUTE_MS) == 600


def test_a_pulse_now_and_then_is_a_steady_flow() -> None:
    pipe = Pipe()
    for _ in range(3):  # a litre every 4 minutes
        pipe.sample(1)
        found = [pipe.sample(0) for _ in range(3)]
    assert pipe.sample(1) == 15
    assert found == [15, 15, 15]


def test_without_a_pulse_the_flow_is_at_most_one_pulse_over_the_time_without() -> None:
    pipe = Pipe()
    pipe.sample(10)
    assert [pipe.sample(0) for _ in range(4)] == [60, 30, 20, 15]
    for _ in range(57):
        pipe.sample(0)
    assert pipe.flow.l_per_h == 0


def test_after_a_start_the_flow_is_not_known_before_pulses_show_it() -> None:
    pipe = Pipe()
    assert [pipe.sample(0), pipe.sample(1), pipe.sample(0)] == [None, None, None]
    assert pipe.sample(1) == 30


def test_two_pulses_in_the_first_sample_show_the_flow() -> None:
    pipe = Pipe()
    assert pipe.sample(2) == 120


def test_a_time_without_a_pulse_shows_how_much_the_flow_is_at_most() -> None:
    pipe = Pipe()
    found = []
    for pulses in (0, 0, 1, 0, 0):
        pipe.sample(pulses)
        found.append(pipe.flow.at_most_l_per_h)
    assert found == [60, 30, None, 60, 30]


def test_until_the_flow_is_known_there_is_a_mean_since_the_start() -> None:
    pipe = Pipe()
    found = []
    for pulses in (0, 0, 0, 1, 0, 0, 0, 0, 0):
        pipe.sample(pulses)
        found.append(pipe.flow.mean_l_per_h)
    assert found == [0, 0, 0, 15, 15, 15, 15, 15, 12]


def test_a_first_heavy_pulse_after_a_start_is_no_burst() -> None:
    pipe = Pipe(pulse_weight_ml=1_000_000)
    assert pipe.sample(1) is None


def test_heavy_pulses_between_many_samples_are_no_burst() -> None:
    pipe = Pipe(pulse_weight_ml=1_000_000)
    for _ in range(2):  # 2 m³/h: a pulse of 1 m³ every half hour
        pipe.sample(1)
        found = {pipe.sample(0) for _ in range(29)}
    assert pipe.sample(1) == 2000
    assert found == {2000}


def test_a_sample_too_soon_after_another_waits_for_the_next() -> None:
    pipe = Pipe()
    pipe.sample(10)
    assert pipe.sample(2, after_ms=1) == 600
    assert pipe.sample(2, after_ms=0) == 600
    assert pipe.sample(6, after_ms=MINUTE_MS - 1) == 600


def test_each_pulse_has_the_weight_that_it_had_when_it_was_counted() -> None:
    pipe = Pipe(pulse_weight_ml=10)
    assert pipe.sample(50, after_ms=MINUTE_MS // 4) is None
    pipe.pulse_weight_ml = 1000
    assert pipe.sample(1, after_ms=MINUTE_MS * 3 // 4) == 90
