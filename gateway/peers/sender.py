"""A meter that goes on where it was acknowledged, whatever becomes of the gateway meanwhile."""

from peers.meter_links import MeterLink
from peers.scripted_meter import ScriptedMeter

SPAN = 8
"""Records in one frame."""


class Sender:
    """A meter that sends its records oldest first and believes only what is acknowledged."""

    def __init__(self, meter: ScriptedMeter, span: int = SPAN) -> None:
        self.meter = meter
        self._span = span
        self.acknowledged = 0
        """Lowest sequence that no acknowledgement has promised."""

    def send(self, link: MeterLink, last: int) -> None:
        """Send up to ``last``. Return early when the link breaks."""
        try:
            while self.acknowledged <= last:
                end = min(self.acknowledged + self._span - 1, last)
                link.send(self.meter.span(self.acknowledged, end))
                if not self._await_answer(link):
                    return
        except OSError:
            return

    def hello(self, link: MeterLink) -> bool:
        try:
            link.send(self.meter.hello())
            return self._await_answer(link)
        except OSError:
            return False

    def _await_answer(self, link: MeterLink) -> bool:
        while chunk := link.receive():
            if answers := self.meter.answers(chunk):
                self.acknowledged = answers[-1]["resume_at"]
                return True
        return False
