"""How much a meter does in one round of a session, whatever its gateway answers (WL-SES-07)."""

ATTEMPTS_MAX = 4  # passes without progress before the session is given up
HELLO_ATTEMPT = 2  # passes without progress before HELLO is said again
POLLS_MAX = 4  # in one round
HELLOS_MAX = 4  # in one round
FRAMES_SPARE = 128  # in one round, beside one for each 8 records that the journal keeps
HELD_ROUND_MS = 10_000  # of link time; only a held link begins rounds by itself


class Bounds:
    """What is left of a round.

    A round begins with a session, and when ``DeviceSession.resume`` says so.
    """

    def __init__(self) -> None:
        self.polls_left = 0
        self._hellos_left = 0
        self._frames_left = 0
        self._began_ms: int | None = None  # link time of the first frame

    def renew(self, kept_count: int) -> None:
        """Begin a round of a meter whose journal keeps ``kept_count`` records."""
        self.polls_left = POLLS_MAX
        self._hellos_left = HELLOS_MAX
        self._frames_left = FRAMES_SPARE + kept_count // 8
        self._began_ms = None

    @property
    def frames_used_up(self) -> bool:
        return self._frames_left <= 0

    @property
    def hellos_used_up(self) -> bool:
        return self._hellos_left <= 0

    def go_on(self, kept_count: int, link_ms: int) -> None:
        """Begin another round of a held link, which has no end, if this one is old enough.

        Polls are not renewed: they would go on for ever.
        """
        if self._began_ms is not None and link_ms - self._began_ms >= HELD_ROUND_MS:
            polls_left = self.polls_left
            self.renew(kept_count)
            self.polls_left = polls_left

    def hello_said(self) -> None:
        self._hellos_left -= 1

    def frame_sent(self, link_ms: int) -> None:
        self._frames_left -= 1
        if self._began_ms is None:
            self._began_ms = link_ms
