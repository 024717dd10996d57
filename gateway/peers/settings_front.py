"""An office with a desk for settings, for tests of what is asked there and told."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from peers.office import METER, Office, keep_open
from weir_gateway.clock import Clock
from weir_gateway.errors import Refusal
from weir_gateway.settings.desk import SettingsDesk
from weir_gateway.topics import Topics
from weir_protocol.settings import SETTINGS

NOW_MS = 1_790_000_000_000
TOPICS = Topics("weir", "gw1")
FAST = {"sample_interval_s": 30}


class Front(Office):
    """An office with a desk for settings, and what it was told to tell."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.changed: list[int] = []
        self._passed_s = 0
        self.clock = Clock(machine_s=lambda: NOW_MS / 1000 + self._passed_s)
        self.desk = SettingsDesk(
            self.store, self.registry, self.clock, 6, on_change=self.changed.append
        )

    def pass_time(self, seconds: int) -> None:
        self._passed_s += seconds

    async def ask(self, settings: dict[str, Any], **fields: Any) -> Any:
        return await self.desk.post(METER, {"settings": settings, **fields})

    async def over_mqtt(self, settings: Any, request_id: str | None = None, **fields: Any) -> Any:
        return await self.desk.answer(METER, {"settings": settings, **fields}, request_id)

    async def refusal(self, asked: Coroutine[Any, Any, Any]) -> str:
        with pytest.raises(Refusal) as refused:
            await asked
        return str(refused.value)

    async def config(self) -> Any:
        return await self.desk.get(METER, None)

    async def commission(self, **provisioned: int) -> None:
        """Let the meter say hello with no version in force, and how it was provisioned."""
        keys = {setting.name: setting.key for setting in SETTINGS}
        await self.tell(self.meter.hello(settings_version=0))
        items = {keys[name]: value for name, value in provisioned.items()}
        await self.tell(self.meter.report(0, items=items))


def run(folder: Path, scenario: Callable[[Front], Coroutine[Any, Any, None]]) -> Front:
    return keep_open(lambda: Front(folder), scenario)
