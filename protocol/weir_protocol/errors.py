"""What can go wrong on a meter link, by who has to act."""


class LinkError(Exception):
    """Base of every error this package raises on purpose."""


class PeerError(LinkError):
    """The other side broke the specification. Drop the frame, keep the link.

    ``rule`` is the statement of SPEC.md that was broken, for example ``"WL-SEA-05"``. It goes
    to logs and counters unchanged, so neither it nor the text ever holds readings or keys.
    """

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule
        self.detail = detail


class CallerError(LinkError):
    """Our own code asked for something that the specification forbids. A bug: do not retry."""
