"""Contract of the store that keeps who the meter is."""

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class KeyStore(Protocol):
    """The identity written when the meter was provisioned. It never changes within a boot."""

    meter_id: int  # u32, not 0
    key: bytes  # 16 bytes, AES-128; never logged, never sent
    pulse_weight_ml: int  # volume of one pulse
