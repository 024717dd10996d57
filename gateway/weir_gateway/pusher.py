"""Tells a meter at once what is new for it, while it listens on an open link.

What is written so may be lost: the meter may sleep, or its link be gone without a word. So it
stays due, is written again a few times, and goes with the answer to the meter's next uplink.
"""

import asyncio
import logging
from functools import partial
from itertools import islice

from weir_gateway.clock import Clock
from weir_gateway.custody import Custodian
from weir_gateway.errors import GatewayError
from weir_gateway.links.reach import Reach
from weir_gateway.links.stream import LinkClosed
from weir_gateway.store import Database, push
from weir_gateway.store.push import Due

AGAIN_AFTER_S = (3.0, 10.0)
"""When it is written again, if it is due still: the frame may have been lost on the line."""

IN_HAND_MAX = 32
"""Meters that are written to at one moment. A link that takes nothing holds one place."""

_log = logging.getLogger(__name__)


class Pusher:
    """Writes to each meter by itself: one whose link takes nothing holds up no other."""

    def __init__(self, store: Database, reach: Reach, custodian: Custodian, clock: Clock) -> None:
        self._store = store
        self._reach = reach
        self._custodian = custodian
        self._clock = clock
        self._due: dict[int, int] = {}
        self._in_hand: dict[int, asyncio.Task[None]] = {}
        self._later: dict[int, asyncio.TimerHandle] = {}

    def wake(self, meter_id: int) -> None:
        """Take note that something new is due to a meter. Does nothing if it is out of reach."""
        self._wake(meter_id, 0)

    async def stop(self) -> None:
        """Write nothing more."""
        self._due.clear()
        for timer in self._later.values():
            timer.cancel()
        for task in self._in_hand.values():
            task.cancel()
        await asyncio.gather(*self._in_hand.values(), return_exceptions=True)

    def _wake(self, meter_id: int, attempt: int) -> None:
        self._cancel_timer(meter_id)
        if self._reach.of(meter_id) is not None:
            self._due[meter_id] = attempt
            self._begin()

    def _begin(self) -> None:
        """Begin with those that wait, the first first, as far as there is room."""
        ready = (meter_id for meter_id in self._due if meter_id not in self._in_hand)
        for meter_id in [*islice(ready, IN_HAND_MAX - len(self._in_hand))]:
            attempt = self._due.pop(meter_id)
            task = asyncio.get_running_loop().create_task(self._push(meter_id, attempt))
            self._in_hand[meter_id] = task
            task.add_done_callback(partial(self._let_go, meter_id))

    def _let_go(self, meter_id: int, _: "asyncio.Task[None]") -> None:
        del self._in_hand[meter_id]
        self._begin()

    async def _push(self, meter_id: int, attempt: int) -> None:
        """Write what is due to a meter. Nothing that goes wrong leaves this."""
        try:
            due = await self._store.commit(push.reserve, meter_id, self._clock.now_ms())
            if due is None:
                return
            self._plan_again(meter_id, attempt)
            await self._write(meter_id, due)
        except (GatewayError, LinkClosed) as error:
            _log.debug("meter %d is not told now: %s", meter_id, error)
        except Exception:
            _log.exception("failed to tell meter %d what is due to it", meter_id)

    async def _write(self, meter_id: int, due: Due) -> None:
        contact = self._reach.of(meter_id)
        if contact is None or contact.channel.is_flooded:
            return
        channel = contact.channel

        def compose() -> bytes:
            newest = self._reach.of(meter_id)
            if newest is None or newest.channel is not channel:
                raise LinkClosed("the meter calls by another link now")
            return self._custodian.tell(meter_id, due, newest.answered_counter)

        await channel.push(compose)

    def _plan_again(self, meter_id: int, attempt: int) -> None:
        self._cancel_timer(meter_id)
        if attempt < len(AGAIN_AFTER_S):
            self._later[meter_id] = asyncio.get_running_loop().call_later(
                AGAIN_AFTER_S[attempt], self._wake, meter_id, attempt + 1
            )

    def _cancel_timer(self, meter_id: int) -> None:
        timer = self._later.pop(meter_id, None)
        if timer is not None:
            timer.cancel()
