"""What gateway and meter say to each other on the link, overheard by the bench between them."""

from weir_protocol.errors import PeerError
from weir_protocol.frames import FrameType, peek_header
from weir_protocol.framing import Deframer
from weir_tools.decode.anatomy import Knowledge, dissect


class Overheard:
    """One meter's link. The bench made the meter's key, so it can open what is acknowledged.

    spoke: whether the meter sent anything. was_answered: whether anything came back.
    """

    def __init__(self, key: bytes) -> None:
        self.spoke = False
        self.was_answered = False
        self._knowledge = Knowledge({}, key, None)
        self._resume_at: dict[int, int] = {}
        self._up = Deframer()
        self._down = Deframer()

    def up(self, chunk: bytes) -> None:
        """Bytes on their way to the gateway."""
        self.spoke = True
        for frame in self._up.feed(chunk):
            self.frame_up(frame)

    def down(self, chunk: bytes) -> None:
        """Bytes on their way to the meter."""
        self.was_answered = True
        for frame in self._down.feed(chunk):
            self.frame_down(frame)

    def frame_up(self, frame: bytes) -> None:
        """A HELLO carries in clear the epoch that the acknowledgements are sealed under."""
        self.spoke = True
        try:
            epoch = peek_header(frame).epoch
        except PeerError:
            return
        if epoch is not None:
            self._knowledge.epoch = epoch

    def frame_down(self, frame: bytes) -> None:
        self.was_answered = True
        epoch = self._knowledge.epoch
        try:
            anatomy = dissect(frame, self._knowledge)
        except PeerError:
            return
        if epoch is None or anatomy.header.frame_type is not FrameType.ACKNOWLEDGE:
            return
        for field in anatomy.fields:
            if field.name == "resume_at" and isinstance(field.value, int):
                self._resume_at[epoch] = max(self._resume_at.get(epoch, 0), field.value)

    def acknowledged_count(self, epoch: int) -> int:
        """How many records of an epoch the gateway has acknowledged, its first among them."""
        return self._resume_at.get(epoch, 0)
