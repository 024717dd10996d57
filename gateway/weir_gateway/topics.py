"""Where on MQTT everything is. Described for users in docs/mqtt.md."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topics:
    prefix: str
    gateway_id: str

    def reading(self, meter_id: int) -> str:
        return f"{self.prefix}/{meter_id}/reading"

    def gap(self, meter_id: int) -> str:
        return f"{self.prefix}/{meter_id}/gap"

    def event(self, meter_id: int) -> str:
        return f"{self.prefix}/{meter_id}/event"

    def alarms(self, meter_id: int) -> str:
        return f"{self.prefix}/{meter_id}/alarms"

    def now(self, meter_id: int) -> str:
        """What the meter measured when it was last asked, or triggered."""
        return f"{self.prefix}/{meter_id}/now"

    def read_result(self, meter_id: int) -> str:
        """What became of a reading that was asked for on ``read``."""
        return f"{self.prefix}/{meter_id}/read/result"

    def config(self, meter_id: int) -> str:
        """What is desired and in force of the meter's settings."""
        return f"{self.prefix}/{meter_id}/config"

    def config_result(self, meter_id: int) -> str:
        """What became of changes of the meter's settings."""
        return f"{self.prefix}/{meter_id}/config/result"

    def config_schema(self) -> str:
        """What a request on ``config/set`` may say."""
        return f"{self.prefix}/gateway/{self.gateway_id}/config/schema"

    def state(self, meter_id: int) -> str:
        return f"{self.prefix}/{meter_id}/state"

    def availability(self, meter_id: int) -> str:
        return f"{self.prefix}/{meter_id}/availability"

    def status(self) -> str:
        return f"{self.prefix}/gateway/{self.gateway_id}/status"

    def replay(self) -> str:
        """Where a replay is asked for."""
        return f"{self.prefix}/gateway/{self.gateway_id}/replay"
